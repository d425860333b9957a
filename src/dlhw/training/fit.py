"""Train a cohort from its configs: the one call below every command."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from math import inf

from dlhw.config.optimizer import SolverConfig
from dlhw.config.root import BINARY, TrainConfig, class_count_problems
from dlhw.data.dataset import Dataset
from dlhw.errors import ConfigError
from dlhw.nn.check import check_model, largest_error
from dlhw.training.cohort import Cohort
from dlhw.training.device import DTYPES, choose_matmul, matmul_setting, resolve_device
from dlhw.training.events import RunInfo, RunResult, Status, Tracker
from dlhw.training.loop import Loop
from dlhw.training.planning import costliest_product
from dlhw.training.pool import Pool

# Relative error above which a run does not start; float64 gradients of a right backward pass agree to 1e-12.
GRADCHECK_TOLERANCE = 1e-9
GRADCHECK_SAMPLES = 2

MakeTrackers = Callable[[int, TrainConfig], Sequence[Tracker]]


def num_outputs(config: TrainConfig, dataset: Dataset) -> int:
    """Outputs K of the model: one for a binary loss, else one for each class or target."""
    if config.resolved_loss() in BINARY:
        return 1
    outputs = dataset.num_classes if dataset.num_targets is None else dataset.num_targets
    assert outputs is not None
    return outputs


def takes_steps(config: TrainConfig) -> bool:
    """Whether a run makes updates, from batches and gradients; the others evaluate, or solve at once."""
    return config.trainer.epochs > 0 and not isinstance(config.optimizer, SolverConfig)


def check_against_data(config: TrainConfig, dataset: Dataset) -> None:
    """Check what only the data can tell.

    Raises:
        ConfigError: if the loss does not fit the number of classes, or a batch is larger than the data.
    """
    if dataset.num_classes is not None:
        for problem in class_count_problems(config.resolved_loss(), dataset.num_classes):
            raise ConfigError(problem)
    have, size = len(dataset.parts["train"]), config.trainer.batch_size
    if size is not None and size > have and takes_steps(config):
        raise ConfigError(
            f"trainer.batch_size must be at most the number of training samples, {have}, got {size}; "
            "null takes them all at once"
        )
    if config.trainer.early_stopping.patience is not None and "val" not in dataset.parts:
        raise ConfigError("trainer.early_stopping.patience needs a validation part, the data has none")


def prepare(configs: Sequence[TrainConfig], datasets: Sequence[Dataset]) -> Cohort:
    """Build a cohort on its device.

    Args:
        configs: one a run.
        datasets: one a run, or one for all.

    Raises:
        ConfigError: if config, data, model and machine do not fit together.
    """
    config, dataset = configs[0], datasets[0]
    for each, data in zip(configs, [*datasets] * len(configs), strict=False):
        check_against_data(each, data)
    device = resolve_device(config.trainer.device)
    dtype = DTYPES[config.trainer.dtype]
    return Cohort(configs, dataset.input_shape, num_outputs(config, dataset), device, dtype)


def fit(
    configs: Sequence[TrainConfig], datasets: Sequence[Dataset], make_trackers: MakeTrackers
) -> list[RunResult]:
    """Train a cohort.

    Args:
        configs: one a run; they differ only in fields marked `per_run`.
        datasets: one a run, or one for all.
        make_trackers: (place in the cohort, config) -> trackers of that run; called once all is checked.

    Returns:
        How each run ended. An exception or an interrupt in the loop is told to every tracker and raised.

    Raises:
        ConfigError: if config, data, model and machine do not fit together.
    """
    cohort = prepare(configs, datasets)
    trainer = cohort.config.trainer
    pools = {
        part: Pool.of([dataset.parts[part] for dataset in datasets], cohort.device)
        for part in datasets[0].parts
    }
    is_checked = trainer.gradcheck and takes_steps(cohort.config)
    error = gradient_error(cohort, pools["train"]) if is_checked else None
    setting = choose_matmul(trainer.matmul, cohort.device, cohort.dtype, costliest_product(cohort))
    trackers = [make_trackers(run, config) for run, config in enumerate(configs)]
    loop = Loop(cohort, pools, trackers, datasets[0].class_names)
    try:
        with matmul_setting(setting):
            infos = [
                run_info(cohort, run, pools, datasets[0], loop, gradcheck=error, matmul=setting)
                for run in range(cohort.num_runs)
            ]
            return loop.run(infos)
    except BaseException as failure:
        interrupted = isinstance(failure, KeyboardInterrupt | SystemExit)
        status = Status.interrupted if interrupted else Status.failed
        with ExitStack() as told:  # every tracker is told, also when another fails at it
            for tracker in (tracker for of_run in trackers for tracker in of_run):
                told.callback(tracker.abort, status, str(failure) or repr(failure))
        raise


def gradient_error(cohort: Cohort, pool: Pool) -> float:
    """Largest relative error of the manual gradients on a few training samples, in float64.

    Raises:
        ConfigError: if it is above `GRADCHECK_TOLERANCE`: a backward pass is wrong.
    """
    x = pool.inputs[:1, :GRADCHECK_SAMPLES].cpu().double()
    model = cohort.part(_most_layers(cohort)).model
    checks = check_model(model, cohort.loss, x, num_runs=1, probes=0, seed=cohort.config.seed)
    worst = largest_error(checks)
    if worst.error == inf:
        raise ConfigError(
            f"the gradient of {worst.name} is zero on the first training samples at all parameters tried, so "
            "the backward pass cannot be checked; trainer.gradcheck=false trains without the check"
        )
    if not worst.error <= GRADCHECK_TOLERANCE:
        raise ConfigError(
            f"the manual gradient of {worst.name} differs from autograd's by {worst.error:.1e} (relative; at "
            f"most {GRADCHECK_TOLERANCE:.0e} is allowed): its backward pass is wrong; `dlhw-gradcheck` says "
            "more, trainer.engine=autograd trains without it, trainer.gradcheck=false trains all the same"
        )
    return worst.error


def _most_layers(cohort: Cohort) -> slice:
    """A run that drops units, if any does: its model has every layer of the cohort's."""
    rates = [getattr(config.model, "dropout", 0.0) for config in cohort.configs]
    run = rates.index(max(rates))
    return slice(run, run + 1)


def run_info(
    cohort: Cohort,
    run: int,
    pools: dict[str, Pool],
    dataset: Dataset,
    loop: Loop,
    *,
    gradcheck: float | None,
    matmul: str,
) -> RunInfo:
    """What trackers are told before the first step."""
    return RunInfo(
        index=run,
        config=cohort.configs[run],
        num_parameters=cohort.layout.num_parameters,
        num_samples={part: pool.num_samples for part, pool in pools.items()},
        input_shape=dataset.input_shape,
        class_names=dataset.class_names,
        device=str(cohort.device),
        total_epochs=cohort.config.trainer.epochs if loop.solver is None else 1,
        total_steps=loop.total_steps,
        layers={name: spec.shape for name, spec in cohort.layout.specs.items()},
        gradcheck=gradcheck,
        matmul=matmul,
    )
