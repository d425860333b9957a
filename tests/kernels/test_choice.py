"""Which runs take compiled steps, and that they are proven before the first."""

import pytest
from training_runs import small, train_together

from dlhw.errors import ConfigError
from dlhw.kernels import layer_table
from dlhw.nn.activations import Sigmoid


@pytest.mark.parametrize(("overrides", "reason"), [
    ("optimizer=rmsprop optimizer.lr=0.01", "optimizer=rmsprop has no compiled form"),
    ("model=cnn model.dropout=0.5", "the model is not a chain of layers that have a compiled form"),
    ("model.dropout=0.5", "the model is not a chain of layers that have a compiled form"),
])  # fmt: skip
def test_what_cannot_be_compiled(overrides: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"trainer.backend=compiled is not possible here: {reason}"):
        train_together([small(*overrides.split(), "trainer.backend=compiled")])
    (run,) = train_together([small(*overrides.split(), "trainer.epochs=1")])
    assert run.info is not None
    assert run.info.backend == "eager"


def test_compiled_where_possible() -> None:
    (run,) = train_together([small()])
    assert run.info is not None
    assert run.info.backend == "compiled"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_step_does_not_start(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small("trainer.gradcheck=true", "model.activation=sigmoid", f"trainer.dtype={dtype}")
    known = layer_table.ACTIVATIONS
    others = {layer: name for layer, name in known.items() if layer is not Sigmoid}
    # Sigmoid is now the last, so that its number stands for another activation in compiled code
    monkeypatch.setattr(layer_table, "ACTIVATIONS", others | {Sigmoid: "sigmoid"})
    with pytest.raises(ConfigError, match=r"the compiled copies of the layers .* no longer match the layers"):
        train_together([config])
    monkeypatch.undo()
    (run,) = train_together([config])
    assert run.results
