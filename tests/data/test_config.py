"""What a data config must not ask for, in one sentence."""

import pytest

from dlhw.config.load import check
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose

REGRESSION = ("data=csv", "data.train=x.csv", "data.task=regression", "model=linear")
TEACHER = ("data=linear_teacher", "model=linear")
PROBLEMS: list[tuple[tuple[str, ...], str]] = [
    (("data.label_corruption=1.1",), r"data.label_corruption must be in \[0, 1\], got 1.1"),
    (("data.label_corruption=-0.1",), r"data.label_corruption must be in \[0, 1\], got -0.1"),
    (("data.label_corruption=nan",), r"data.label_corruption must be in \[0, 1\], got nan"),
    ((*REGRESSION, "data.label_corruption=0.5"), "data.label_corruption must be 0 for regression, got 0.5"),
    (("data.inputs=random_pixel",), "data.inputs must be one of .*; did you mean random_pixels?"),
    (("data.seed=-1",), r"data.seed must be null or an integer from 0 to 2\*\*63 - 1, got -1"),
    (("data.split.seed=-1",), r"data.split.seed must be null or an integer from 0 to 2\*\*63 - 1, got -1"),
    (
        ("data.split.val_from_test=true", "data.split.test=0"),
        "data.split.val_from_test needs a test set of the source's own, data=digits has none",
    ),
    (
        ("data=mnist", "data.split.val_from_test=true", "data.split.test=9"),
        "data.split.test must be null or 0 with data.split.val_from_test=true, got 9",
    ),
    (
        ("data=octmnist", "data.split.val_from_test=true"),
        "data.split.val_from_test must be false for data=octmnist, which has a validation split of its own",
    ),
    (("data.test_per_class=[1]",), "data.test_per_class needs a test set of the source's own, data=digits"),
    (
        ("data=octmnist", "data.test_per_class=[1,2,3]"),
        "data.test_per_class must hold one count for each of 4 classes, got 3",
    ),
    (("data=octmnist", "data.test_per_class=[1,0,3,4]"), r"data.test_per_class\[1\] must be >= 1, got 0"),
    (
        (*REGRESSION, "data.test=y.csv", "data.test_per_class=[1]"),
        "data.test_per_class needs data.task=classification, got regression",
    ),
    (
        ("data.normalize=standardize", "data.mean=1"),
        "data.mean and data.std must both be given or both be null, data.std is null",
    ),
    (("data.normalize=standardize", "data.mean=0", "data.std=0"), "data.std must be > 0, got 0.0"),
    (("data.normalize=standardize", "data.mean=inf", "data.std=1"), "data.mean must be finite, got inf"),
    (
        ("data.mean=0", "data.std=1"),
        "data.mean and data.std are only read by data.normalize=standardize, got unit",
    ),
    (
        ("data.normalize=standardize", "data.statistics=feature", "data.mean=0", "data.std=1"),
        "data.statistics must be auto or all with data.mean and data.std, got feature",
    ),
    (("data=gates", "data.gate=xnor"), "data.gate must be one of and, or, xor, nand, nor, got xnor"),
    (("data=interval", "data.dim=17"), r"data.dim must be in \[1, 16\], got 17"),
    (("data=interval", "data.low=2", "data.high=1"), "data.low and data.high must leave sums of 2 signs"),
    (
        ("data=interval", "data.low=-2", "data.high=2"),
        r"\(-2 to 2 in steps of 2\) in both classes, got -2 and",
    ),
    (("data=triangle", "data.margin=0.5"), r"data.margin must be in \[0, 0.5\), got 0.5"),
    (("data=triangle", "data.num_samples=1"), "data.num_samples must be >= 2, got 1"),
    ((*TEACHER, "data.dim=0"), "data.dim must be >= 1, got 0"),
    ((*TEACHER, "data.num_train=0"), "data.num_train must be >= 1, got 0"),
    ((*TEACHER, "data.num_val=-1"), "data.num_val must be >= 0, got -1"),
    ((*TEACHER, "data.noise=-1"), "data.noise must be >= 0, got -1.0"),
    (
        (*TEACHER, "data.num_ones=3"),
        "data.num_ones is only read by data.teacher=sparse, got teacher=gaussian",
    ),
    (
        (*TEACHER, "data.teacher=sparse"),
        r"data.num_ones must be in \[1, 200\] \(1 to data.dim\) .*, got null",
    ),
    ((*TEACHER, "data.teacher=sparse", "data.num_ones=201"), r"data.num_ones must be .*sparse, got 201"),
]


@pytest.mark.parametrize(
    ("overrides", "message"), PROBLEMS, ids=[" ".join(overrides) for overrides, _ in PROBLEMS]
)
def test_a_value_or_combination_that_cannot_be(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(compose(list(overrides)))


@pytest.mark.parametrize(
    "overrides",
    [
        ("data=octmnist", "data.test_per_class=[182,55,42,250]", "data.normalize=unit_256"),
        ("data=mnist", "data.split.val_from_test=true", "trainer.early_stopping.patience=10"),
        ("data=mnist", "data.split.val_from_test=true", "data.split.val=null"),
        ("data=mnist", "data.normalize=standardize", "data.mean=0.1307", "data.std=0.3081"),
        ("data=csv", "data.train=x.csv", "data.label_corruption=1", "data.inputs=gaussian"),
        ("data=gates", "data.gate=and", "model=logistic"),
        (*TEACHER, "data.teacher=sparse", "data.num_ones=200", "trainer.early_stopping.patience=3"),
    ],
    ids=" ".join,
)
def test_what_can_be(overrides: tuple[str, ...]) -> None:
    check(compose(list(overrides)))
