"""Every value out of range and every combination that cannot work has its sentence."""

import pytest

from dlhw.config.load import check, from_dict
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose

CSV = ("data=csv", "data.train=x.csv")
REGRESSION = (*CSV, "data.task=regression")

PROBLEMS: list[tuple[tuple[str, ...], str]] = [
    (("optimizer.lr=-0.1",), "optimizer.lr must be > 0, got -0.1"),
    (("optimizer.lr=nan",), "optimizer.lr must be > 0, got nan"),
    (("optimizer.lr=inf",), "optimizer.lr must be > 0, got inf"),
    (("optimizer.momentum=1",), r"optimizer.momentum must be in \[0, 1\), got 1.0"),
    (("optimizer.nesterov=true",), "optimizer.nesterov=true needs optimizer.momentum > 0, got 0"),
    (("optimizer=adam", "optimizer.betas=[0.9]"), r"optimizer.betas must hold two numbers, got \[0.9\]"),
    (("optimizer=adam", "optimizer.betas=[0.9,1]"), r"optimizer.betas\[1\] must be in \[0, 1\), got 1.0"),
    (("optimizer=adam", "optimizer.eps=0"), "optimizer.eps must be > 0, got 0.0"),
    (("optimizer=adamw", "optimizer.weight_decay=-1"), "optimizer.weight_decay must be >= 0, got -1.0"),
    (("optimizer=rmsprop", "optimizer.alpha=1"), r"optimizer.alpha must be in \[0, 1\), got 1.0"),
    (("schedule=step", "schedule.step_size=0"), "schedule.step_size must be >= 1, got 0"),
    (("schedule=exponential", "schedule.gamma=0"), "schedule.gamma must be > 0, got 0.0"),
    (("schedule=cosine", "schedule.final=2"), r"schedule.final must be in \[0, 1\], got 2.0"),
    (("regularizer=l2", "regularizer.alpha=-1"), "regularizer.alpha must be >= 0, got -1.0"),
    (("model.hidden=[3,0]",), r"model.hidden\[1\] must be >= 1, got 0"),
    (("model.dropout=1",), r"model.dropout must be in \[0, 1\), got 1.0"),
    (("model.init.std=0.1",), "model.init.std is only read by model.init.scheme=normal, got scheme=torch"),
    (("model.init.scheme=normal", "model.init.std=-1"), "model.init.std must be >= 0, got -1.0"),
    (("model=cnn", "model.filters=[]"), "model.filters must name at least one convolution"),
    (("model=cnn", "model.kernel=4"), "model.padding must be given when model.kernel is even, got kernel=4"),
    (("model=cnn", "model.padding=-1"), "model.padding must be >= 0, got -1"),
    (("trainer.epochs=-1",), "trainer.epochs must be >= 0, got -1"),
    (("trainer.batch_size=0",), "trainer.batch_size must be >= 1, got 0"),
    (("trainer.eval_every=0",), "trainer.eval_every must be >= 1, got 0"),
    (("trainer.device=gpu",), "trainer.device must be auto, cpu, cuda or cuda:N, got gpu"),
    (("trainer.early_stopping.patience=0",), "trainer.early_stopping.patience must be >= 1, got 0"),
    (("tracking.weights_every=-1",), "tracking.weights_every must be >= 0, got -1"),
    (
        ("data.split.val=1.5",),
        r"data.split.val must be a count \(integer\) or a fraction in \[0, 1\], got 1.5",
    ),
    (("data.split.train=0",), "data.split.train must not be 0"),
    (("data.split.train=0.9", "data.split.val=0.2"), "data.split fractions must sum to at most 1, got 1.25"),
    (("data.split.val=null",), "data.split.train and data.split.val must not both be null"),
    (("data.limit=0",), "data.limit must be >= 1, got 0"),
    (("data.classes=[1]",), r"data.classes must name two or more different classes, got \[1\]"),
    (("data.classes=[1,1]",), r"data.classes must name two or more different classes, got \[1, 1\]"),
    (("data.classes=[1,10]",), "data.classes must hold labels from 0 to 9, got 10"),
    ((*REGRESSION, "data.classes=[0,1]", "model=linear"), "data.classes needs data.task=classification"),
    ((*CSV, "data.num_classes=1"), "data.num_classes must be >= 2, got 1"),
    (
        ("data=mnist", "data.split.test=100"),
        "data.split.test must be null or 0 for data=mnist, which has a test",
    ),
    (("seed=-1",), "seed must be an integer from 0 to"),
    (("name=a/b",), "name must be a plain folder name"),
    (("name=..",), "name must be a plain folder name"),
    (("model=logistic",), "loss=binary_cross_entropy needs 2 classes, the data has 10"),
    (("loss=binary_cross_entropy",), "loss=binary_cross_entropy needs 2 classes, the data has 10"),
    (
        ("model=softmax", "loss=squared_error"),
        "loss must be cross_entropy for model=softmax, got squared_error",
    ),
    (
        ("model=linear",),
        "loss=squared_error does not fit data=digits: its targets are those of classification",
    ),
    (
        (*REGRESSION, "model=softmax"),
        "loss=cross_entropy does not fit data=csv: its targets are those of regre",
    ),
    ((*REGRESSION, "trainer.select_by=accuracy"), "trainer.select_by must be loss for regression"),
    (
        (*REGRESSION, "trainer.early_stopping.metric=accuracy", "trainer.early_stopping.patience=2"),
        "trainer.early_stopping.metric must be loss for regression",
    ),
    (
        ("data.split.val=0", "trainer.early_stopping.patience=2"),
        "trainer.early_stopping.patience needs a validation split, got data.split.val=0",
    ),
    (
        ("trainer.early_stopping.metric=accuracy",),
        "metric=accuracy does nothing without trainer.early_stopping.patience",
    ),
    (
        ("trainer.early_stopping.min_delta=0.1",),
        "min_delta=0.1 does nothing without trainer.early_stopping.patience",
    ),
    (
        ("model.hidden=[]", "model.dropout=0.5"),
        r"model.dropout=0.5 does nothing without hidden layers, got model.hidden=\[\]",
    ),
    (
        ("data.split.order=sequential", "data.split.seed=3"),
        "data.split.seed=3 does nothing without data.split.order=permutation",
    ),
    (("data.split.order=sequential", "data.seed=3"), "data.seed=3 does nothing without data that draws"),
    (
        ("data.normalize=none", "data.statistics=feature"),
        "data.statistics=feature does nothing without data.normalize=standardize",
    ),
    (("model=cnn", "model.pool_size=3"), "model.pool_size=3 does nothing without model.pooling=max or avg"),
    (
        ("trainer.drop_last=true", "trainer.batch_size=null"),
        "trainer.drop_last=true does nothing without trainer.batch_size",
    ),
    (
        ("trainer.dtype=float64", "trainer.matmul=medium"),
        "trainer.matmul=medium does nothing without trainer.dtype=float32",
    ),
    (
        ("tracking.tensorboard=false", "tracking.weights_every=1"),
        "tracking.weights_every=1 does nothing without tracking.tensorboard=true",
    ),
    (
        (*REGRESSION, "model=linear", "model.bias=false", "optimizer=min_norm", "schedule=cosine"),
        "schedule=cosine does nothing without an optimizer that takes steps",
    ),
    (
        (*REGRESSION, "model=linear", "data.num_classes=3"),
        "data.num_classes=3 does nothing without data.task=classification",
    ),
    (
        ("model.hidden=[]", "model.activation=tanh"),
        r"model.activation=tanh does nothing without hidden layers, got model.hidden=\[\]",
    ),
    (
        ("data.split.val=0", "trainer.select_by=loss"),
        "trainer.select_by=loss does nothing without a validation split",
    ),
    (("model.name=cnn",), "model.name must stay mlp, got cnn: write model=cnn"),
]


@pytest.mark.parametrize(
    ("overrides", "sentence"), PROBLEMS, ids=[" ".join(overrides) for overrides, _ in PROBLEMS]
)
def test_problem_has_its_sentence(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as raised:
        check(compose(list(overrides)))
    assert len(str(raised.value).splitlines()) == 1


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        check(compose(["optimizer.lr=0", "trainer.epochs=-1", "model.dropout=2"]))
    assert len(str(raised.value).splitlines()) == 3


MISFITS = [
    ("modle=mlp", "modle: no such key; did you mean model"),
    ("model=mlpp", "model=mlpp: no such option; did you mean mlp. available: cnn, dag"),
    ("trainer.epoch=3", "trainer.epoch: no such key; did you mean trainer.epochs"),
    ("+trainer.epoch=3", "trainer.epoch: no such key; did you mean trainer.epochs"),
    ("+foo=3", "foo: no such key; top-level keys: name, seed, loss"),
    (
        "model.init.scale=2",
        "model.init.scale: no such key; did you mean model.init.value. keys in model.init: scheme",
    ),
    ("optimizer.lr=abc", "optimizer.lr must be a number, got abc"),
    ("trainer.epochs=1.5", "trainer.epochs must be an integer, got 1.5"),
    ("trainer.shuffle=maybe", "trainer.shuffle must be true or false, got maybe"),
    (
        "trainer.backend=eagre",
        "trainer.backend must be one of auto, compiled, cuda_graph, eager, autograd, got eagre; did you mean eager",
    ),
    ("model.hidden=3", "model.hidden must be a list of integers, got a value of type int"),
    ("model.hidden=[a]", r"model.hidden\[0\] must be an integer, got a"),
    ("data.split.val=abc", "data.split.val must be an integer or a number or null, got abc"),
    (
        "data.root=x",
        "data.root: no such key; it belongs to data=mnist, data=fashion_mnist, data=octmnist; keys in data: name, split",
    ),
    ("seed=${nope}", "seed refers to something that cannot be resolved"),
    ("lr=0.1", "lr: no such key; did you mean optimizer.lr. top-level keys: name"),
    ("learning_rate=0.1", "learning_rate: no such key; did you mean optimizer.lr. top-level keys: name"),
    ("epochs=3", "epochs: no such key; did you mean trainer.epochs"),
    ("alpha=1", "alpha: no such key; did you mean optimizer.alpha or regularizer.alpha"),
    (
        "regularizer.alpha=1e-3",
        "regularizer.alpha: no such key; it belongs to regularizer=l2, regularizer=l1: add regularizer=l2; keys in",
    ),
    ("model.filters=[3]", "model.filters: no such key; it belongs to model=cnn; keys in model: name"),
    ("loss=mse", "loss must be one of .*, got mse; did you mean squared_error"),
    ("model.activation=ReLU", "got ReLU; did you mean relu"),
    ("trainer.dtype=bfloat16", "trainer.dtype must be one of float32, float64, got bfloat16$"),
    (
        "optimizer.lr=0.1,0.2",
        r"optimizer.lr=0.1,0.2 names several values, which is a sweep: add -m; a list is written optimizer.lr=\[0.1,0.2\]",
    ),
    ("model=base_mlp", "model=base_mlp: no such option"),
    ("experiment=cs7643/_recipe", "experiment=cs7643/_recipe: no such"),
    ("just words", "cannot read the argument 'just words', expected KEY=VALUE"),
    ("model.hidden=[1", r"cannot read the argument 'model.hidden=\[1'"),
]


@pytest.mark.parametrize(("override", "sentence"), MISFITS, ids=[override for override, _ in MISFITS])
def test_what_hydra_refuses_is_reported_in_dlhws_words(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as raised:
        compose([override])
    assert len(str(raised.value).splitlines()) == 1


LISTED = [
    (
        "published=[{metric: m, values: [1]},{valuess: [1]}]",
        "published[1].valuess: no such key; did you mean",
    ),
    (
        "published=[{metric: m, values: [1]},{metric: m, values: [1, x]}]",
        "published[1].values[1] must be a number",
    ),
    (
        "published=[{metric: m, values: [1]},{metric: m}]",
        "published[1].values must be given, it has no default",
    ),
    (
        "published=[{metric: m, values: [1]},3]",
        "published[1] must be a group of keys, got a value of type int",
    ),
    (
        "checks=[{rule: range, claim: c, metric: m},{rule: rang}]",
        "checks[1].rule must be one of range, decreasing",
    ),
    (
        "figures=[{kind: heat, wher: {a: 1}}]",
        "figures[0].wher: no such key; did you mean experiment.figures[0].where",
    ),
    ("published.0.tol=3", "published[0].tol: no such key"),
    ("published.0.tolerance=x", "published[0].tolerance must be a number or null, got x"),
]


@pytest.mark.parametrize(("override", "sentence"), LISTED, ids=[override for override, _ in LISTED])
def test_an_element_of_a_list_is_named_with_its_place(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose(["experiment=cs7643/lr", f"++experiment.{override}"])
    assert str(raised.value).startswith(f"experiment.{sentence}")
    assert len(str(raised.value).splitlines()) == 1


def test_a_group_whose_name_is_no_text() -> None:
    with pytest.raises(ConfigError, match="model.name must be one of"):
        from_dict({"model": {"name": {"a": 1}}})
