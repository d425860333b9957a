"""Closed-form solutions against torch's, against their normal equations, and against gradient descent."""

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.load import check
from dlhw.config.optimizer import MinNormConfig, RidgeConfig
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose
from dlhw.optim.closed_form import build_solver, with_same_inputs

# name -> samples n, inputs I, rank
SIZES = {"wide": (15, 40, 15), "square": (25, 25, 25), "tall": (40, 15, 15), "low-rank": (20, 30, 7)}
every_size = pytest.mark.parametrize("size", SIZES)
ALPHAS = [0.0, 1e-3, 1.0, 5.0, 1000.0]


def problem(size: str, *, shared: int = 1, outputs: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs (S, n, I) and targets (S, n, K), which no weights fit exactly where n > rank."""
    samples, inputs, rank = SIZES[size]
    generator = Generator().manual_seed(seed)

    def randn(*shape: int) -> Tensor:
        return torch.randn(shared, *shape, generator=generator, dtype=torch.float64)

    x = randn(samples, inputs) if rank == min(samples, inputs) else randn(samples, rank) @ randn(rank, inputs)
    return x, randn(samples, outputs)


def min_norm(x: Tensor, y: Tensor, norms: list[float], seeds: list[int] | None = None) -> Tensor:
    configs = [MinNormConfig(null_space_norm=norm) for norm in norms]
    return build_solver(configs, seeds or list(range(len(norms)))).solve(x, y)


def ridge(x: Tensor, y: Tensor, alphas: list[float]) -> Tensor:
    return build_solver([RidgeConfig(alpha=alpha) for alpha in alphas], [0] * len(alphas)).solve(x, y)


def difference(actual: Tensor, expected: Tensor) -> float:
    """Largest, relative to the largest of the expected."""
    return float((actual - expected).abs().max() / expected.abs().max())


@every_size
def test_the_solution_of_least_norm_is_that_of_lapack(size: str) -> None:
    x, y = problem(size)
    (weights,) = min_norm(x, y, [0])
    assert difference(weights, torch.linalg.lstsq(x[0], y[0], driver="gelsd").solution) < 1e-10
    assert difference(weights, torch.linalg.pinv(x[0]) @ y[0]) < 1e-10


def test_it_is_the_formula_of_more_inputs_than_samples_and_fits_the_data() -> None:
    x, y = problem("wide")
    (weights,) = min_norm(x, y, [0])
    assert difference(weights, x[0].T @ torch.linalg.solve(x[0] @ x[0].T, y[0])) < 1e-10
    assert float((x[0] @ weights - y[0]).abs().max()) < 1e-10


# Not of square ones, whose smallest singular value would take millions of steps.
@pytest.mark.parametrize("size", ["wide", "tall", "low-rank"])
def test_gradient_descent_from_zero_ends_there_and_from_elsewhere_keeps_its_null_space_part(
    size: str,
) -> None:
    x, y = (tensor[0] for tensor in problem(size))
    (solution,) = min_norm(x[None], y[None], [0])
    start = torch.randn(solution.shape, generator=Generator().manual_seed(1), dtype=torch.float64)
    aside = start - torch.linalg.pinv(x) @ (x @ start)
    lr = 1 / torch.linalg.matrix_norm(x, 2) ** 2
    for begin, end in ((torch.zeros_like(start), solution), (start, solution + aside)):
        weights = begin.clone()
        for _ in range(3000):
            weights -= lr * x.T @ (x @ weights - y)
        assert difference(weights, end) < 1e-8


@pytest.mark.parametrize("size", ["wide", "low-rank"])
def test_a_null_space_part_has_its_norm_and_changes_no_prediction(size: str) -> None:
    x, y = problem(size)
    norms = [0.0, 2.0, 5.0, 100.0]
    weights = min_norm(x, y, norms, seeds=[3, 3, 3, 4])
    zeta = weights - weights[:1]
    assert torch.linalg.vector_norm(zeta, dim=1) == pytest.approx(
        torch.tensor(norms).view(-1, 1).expand(-1, 2)
    )
    assert float((x @ zeta).abs().max()) < 1e-11 * norms[-1]
    # right angles: norms add up by Pythagoras, so the solution of least norm has the least
    assert float((zeta * weights[:1]).sum(1).abs().max()) < 1e-10
    expected = torch.linalg.vector_norm(weights[:1], dim=1) ** 2 + torch.tensor(norms).view(-1, 1) ** 2
    assert torch.linalg.vector_norm(weights, dim=1) ** 2 == pytest.approx(expected)


def test_null_space_directions_are_those_of_the_seed() -> None:
    x, y = problem("wide")
    weights = min_norm(x, y, [0.0, 1.0, 2.0, 1.0], seeds=[0, 3, 3, 4])
    zeta = weights[1:] - weights[0]
    torch.testing.assert_close(zeta[1], 2 * zeta[0], rtol=1e-9, atol=1e-12)
    alignment = (zeta[0] * zeta[2]).sum(0).abs()
    assert float(alignment.max()) < 0.9
    assert float((zeta[0][:, 0] @ zeta[0][:, 1]).abs()) < 0.9


@pytest.mark.parametrize("size", ["square", "tall"])
def test_without_a_null_space_there_is_no_other_solution(size: str) -> None:
    x, y = problem(size)
    message = (
        rf"^optimizer\.null_space_norm=2 needs more inputs than independent samples: the {x.shape[2]} inputs"
    )
    with pytest.raises(ConfigError, match=message):
        min_norm(x, y, [0, 2])


@every_size
def test_ridge_solves_its_normal_equations_for_all_alphas_at_once(size: str) -> None:
    x, y = (tensor[0] for tensor in problem(size))
    weights = ridge(x[None], y[None], ALPHAS)
    for run, alpha in enumerate(ALPHAS):
        if alpha > 0:
            matrix = x.T @ x + alpha * torch.eye(x.shape[1], dtype=torch.float64)
            assert difference(weights[run], torch.linalg.solve(matrix, x.T @ y)) < 1e-9


@every_size
def test_ridge_minimises_what_it_says(size: str) -> None:
    """The gradient of |Xw - y|^2 + alpha |w|^2 by autograd is zero there, and any step away is worse."""
    x, y = (tensor[0] for tensor in problem(size))
    alpha = 2.5

    def objective(weights: Tensor) -> Tensor:
        return (x @ weights - y).square().sum() + alpha * weights.square().sum()

    weights = ridge(x[None], y[None], [alpha])[0].requires_grad_()
    (gradient,) = torch.autograd.grad(objective(weights), [weights])
    assert float(gradient.abs().max()) < 1e-10
    steps = torch.randn(20, *weights.shape, generator=Generator().manual_seed(0), dtype=torch.float64) * 0.01
    assert all(objective(weights + step) > objective(weights) for step in steps)


@every_size
def test_ridge_without_penalty_is_the_solution_of_least_norm(size: str) -> None:
    x, y = problem(size)
    assert torch.equal(ridge(x, y, [0.0, 1.0])[0], min_norm(x, y, [0])[0])


@every_size
def test_the_larger_alpha_the_smaller_the_weights_and_the_worse_the_fit(size: str) -> None:
    x, y = problem(size)
    weights = ridge(x, y, ALPHAS)
    norms, errors = weights.square().sum((1, 2)), (x @ weights - y).square().sum((1, 2))
    assert bool((norms.diff() < 0).all())
    assert bool((errors.diff() > 0).all())


@pytest.mark.parametrize("run", [0, 1, 2])
@every_size
def test_a_run_with_samples_of_its_own_gets_what_it_gets_alone(size: str, run: int) -> None:
    x, y = problem(size, shared=3)
    place = slice(run, run + 1)
    torch.testing.assert_close(
        ridge(x, y, ALPHAS[:3])[place], ridge(x[place], y[place], ALPHAS[:3][place]), rtol=1e-9, atol=1e-11
    )
    if SIZES[size][1] > SIZES[size][2]:
        together = min_norm(x, y, [1.0, 2.0, 3.0], seeds=[5, 6, 7])
        alone = min_norm(x[place], y[place], [1.0 + run], seeds=[5 + run])
        torch.testing.assert_close(together[place], alone, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shared", [(1, 3), (3, 1)])
def test_inputs_or_targets_alone_may_be_shared(shared: tuple[int, int]) -> None:
    x, y = problem("wide", shared=3)
    x, y = x[: shared[0]], y[: shared[1]]
    together = ridge(x, y, [1.0, 1.0, 1.0])
    alone = ridge(x.expand(3, -1, -1), y.expand(3, -1, -1), [1.0, 1.0, 1.0])
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-11)


def test_float32_samples_are_solved_in_float64() -> None:
    x, y = (tensor.float() for tensor in problem("square"))
    weights = min_norm(x, y, [0])
    assert weights.dtype == torch.float64
    assert difference(weights, min_norm(x.double(), y.double(), [0])) == 0


SOLVED = ("data=csv", "data.train=x.csv", "data.task=regression", "model=linear", "model.bias=false")
PROBLEMS: list[tuple[tuple[str, ...], str]] = [
    (
        (*SOLVED, "optimizer=ridge", "model.bias=true"),
        "optimizer=ridge solves model=linear with model.bias=false, got model=linear with bias",
    ),
    (
        (*SOLVED[:3], "model=mlp", "optimizer=min_norm"),
        "optimizer=min_norm solves model=linear with model.bias=false, got model=mlp",
    ),
    (
        (*SOLVED, "optimizer=ridge", "regularizer=l2"),
        "optimizer=ridge takes no regularizer (optimizer=ridge has its own), got l2",
    ),
    ((*SOLVED, "optimizer=ridge", "optimizer.alpha=-1"), "optimizer.alpha must be >= 0, got -1.0"),
    (
        (*SOLVED, "optimizer=min_norm", "optimizer.null_space_norm=nan"),
        "optimizer.null_space_norm must be >= 0, got nan",
    ),
    (
        (*SOLVED, "model.init.bias=1"),
        "model.init.bias needs model.bias=true, got bias=false and init.bias=1.0",
    ),
]


@pytest.mark.parametrize(
    ("overrides", "sentence"), PROBLEMS, ids=[" ".join(overrides) for overrides, _ in PROBLEMS]
)
def test_what_cannot_be_solved_has_its_sentence(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(compose(list(overrides)))
    assert str(error.value) == sentence


@pytest.mark.parametrize("optimizer", ["min_norm", "ridge"])
def test_what_can_be_solved_is_accepted_and_has_no_learning_rate(optimizer: str) -> None:
    assert check(compose([*SOLVED, f"optimizer={optimizer}"])).optimizer.name == optimizer
    with pytest.raises(ConfigError, match=r"^optimizer\.lr: no such key"):
        compose([*SOLVED, f"optimizer={optimizer}", "optimizer.lr=0.1"])


def test_runs_with_the_same_inputs_are_solved_together_and_get_what_they_get_alone() -> None:
    x, y = problem("wide", shared=3)
    of_runs, alphas = [0, 1, 0, 2, 1, 0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert with_same_inputs(x[of_runs], 6) == [[0, 2, 5], [1, 4], [3]]
    assert with_same_inputs(x[:1], 3) == [[0, 1, 2]]
    together = ridge(x[of_runs], y[of_runs], alphas)
    for run, which in enumerate(of_runs):
        (alone,) = ridge(x[which : which + 1], y[which : which + 1], alphas[run : run + 1])
        assert difference(together[run], alone) < 1e-12
