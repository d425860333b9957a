"""Train a cohort from its configs: the call below every command; and how its runs' results are judged."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dlhw import interruption
from dlhw.config.root import TrainConfig, class_count_problems
from dlhw.config.trainer import Backend, OnDivergence
from dlhw.data.dataset import Dataset
from dlhw.errors import ConfigError, DivergedError
from dlhw.optim.closed_form import Solver, build_solver
from dlhw.status import Status
from dlhw.training.backends.select import check_compiler, resolve_matmul, select_backend
from dlhw.training.batches import DeviceDataset
from dlhw.training.callbacks import Callback, abort
from dlhw.training.cohort import Cohort
from dlhw.training.device import DTYPES, matmul_setting, resolve_device
from dlhw.training.events import RunInfo, RunResult
from dlhw.training.preflight import check_gradients
from dlhw.training.schedule import StepSchedule
from dlhw.training.state import ResumeState, check_data
from dlhw.training.trainer import Trainer

MakeCallbacks = Callable[[int, TrainConfig], Sequence[Callback]]


def num_outputs(config: TrainConfig, dataset: Dataset) -> int:
    """Outputs K of the model: one for a binary loss, else one for each class or target."""
    if config.resolved_loss().is_binary:
        return 1
    outputs = dataset.num_classes if dataset.num_targets is None else dataset.num_targets
    assert outputs is not None
    return outputs


def takes_steps(config: TrainConfig) -> bool:
    """Whether a run makes updates from gradients; other runs only evaluate, or are solved in closed form."""
    return config.trainer.epochs > 0 and not config.optimizer.is_closed_form


def check_against_data(config: TrainConfig, dataset: Dataset) -> None:
    """Check what depends on the data.

    Raises:
        ConfigError: if the loss does not fit the number of classes, or a batch is larger than the data.
    """
    if dataset.num_classes is not None:
        for problem in class_count_problems(config.resolved_loss(), dataset.num_classes):
            raise ConfigError(problem)
    num_samples, size = len(dataset.splits["train"]), config.trainer.batch_size
    if size is not None and size > num_samples and takes_steps(config):
        raise ConfigError(
            f"trainer.batch_size must be at most the number of training samples, {num_samples}, got {size}; "
            "null takes them all at once"
        )
    if config.trainer.early_stopping.patience is not None and "val" not in dataset.splits:
        raise ConfigError("trainer.early_stopping.patience needs a validation split, the data has none")


def prepare(configs: Sequence[TrainConfig], datasets: Sequence[Dataset]) -> Cohort:
    """Build a cohort on its device.

    Args:
        configs: one a run.
        datasets: one a run, or one for all.

    Raises:
        ConfigError: if config, data, model and machine do not fit together.
    """
    config, dataset = configs[0], datasets[0]
    for run_config, data in zip(configs, [*datasets] * len(configs), strict=False):
        check_against_data(run_config, data)
    device = resolve_device(config.trainer.device)
    dtype = DTYPES[config.trainer.dtype]
    return Cohort(configs, dataset.input_shape, num_outputs(config, dataset), device, dtype)


def fit(
    configs: Sequence[TrainConfig],
    datasets: Sequence[Dataset],
    make_callbacks: MakeCallbacks,
    saved: Sequence[ResumeState] | None = None,
    numbers: Sequence[int] | None = None,
) -> list[RunResult]:
    """Train a cohort.

    Args:
        configs: one a run; they differ only in fields marked `per_run`.
        datasets: one a run, or one for all.
        make_callbacks: (number in the cohort, config) -> callbacks of that run; called after all checks.
        saved: what the runs are resumed from, one each, at the same step; None: from the start.
        numbers: of the runs in their sweep; None: from 0.

    Returns:
        How each run ended. An exception or an interrupt in training is reported to every callback and raised.

    Raises:
        ConfigError: if config, data, model and machine do not fit together.
        RunFolderError: if a run cannot be resumed from what was saved.
        Interrupted: if the process was asked to end; everything that a resumed run needs is written.
    """
    if saved:
        check_data(saved, [dataset.hashes for dataset in datasets])
    cohort = prepare(configs, datasets)
    trainer = cohort.config.trainer
    splits = {
        name: DeviceDataset.of([dataset.splits[name] for dataset in datasets], cohort.device)
        for name in datasets[0].splits
    }
    backend = saved[0].backend if saved else select_backend(cohort)
    if saved and backend is Backend.compiled:
        check_compiler(cohort)
    # with autograd no backward pass of dlhw is used
    is_checked = trainer.gradcheck and backend is not Backend.autograd and takes_steps(cohort.config)
    error = check_gradients(cohort, splits["train"], backend) if is_checked else None
    matmul = saved[0].matmul if saved else resolve_matmul(cohort, backend)
    solver = make_solver(cohort)
    schedule = StepSchedule(trainer, splits["train"].num_samples, is_solved=solver is not None)
    has_steps = solver is None and schedule.total_steps > 0
    if not saved and not has_steps and backend is not Backend.autograd:
        backend = Backend.eager
    callbacks = [make_callbacks(run, config) for run, config in enumerate(configs)]
    num_classes = len(datasets[0].class_names)
    loop = Trainer(cohort, splits, schedule, callbacks, backend, solver, num_classes)
    if saved:
        loop.load_state_dict(saved)
    with interruption.held(), _aborting(callbacks), matmul_setting(matmul):
        infos = [
            RunInfo(
                index=run if numbers is None else numbers[run],
                config=config,
                num_parameters=cohort.layout.num_parameters,
                num_samples={name: data.num_samples for name, data in splits.items()},
                input_shape=dataset.input_shape,
                class_names=dataset.class_names,
                device=str(cohort.device),
                total_epochs=trainer.epochs if solver is None else 1,
                total_steps=schedule.total_steps,
                layers={name: spec.shape for name, spec in cohort.layout.specs.items()},
                gradcheck=error,
                matmul=matmul,
                backend=backend,
                split_hashes=dataset.hashes,
                in_training=dataset.in_training,
            )
            for run, config in enumerate(configs)
            for dataset in [datasets[run % len(datasets)]]
        ]
        return loop.run(infos)


def make_solver(cohort: Cohort) -> Solver | None:
    """The closed-form solver of the runs of a cohort; None if they are trained step by step."""
    if not cohort.config.optimizer.is_closed_form:
        return None
    configs = cohort.configs
    return build_solver([config.optimizer for config in configs], [config.seed for config in configs])


@contextmanager
def _aborting(callbacks: Sequence[Sequence[Callback]]) -> Iterator[None]:
    """Report an exception or an interrupt to every callback, also when another one fails at it."""
    try:
        yield
    except BaseException as failure:
        interrupted = isinstance(failure, KeyboardInterrupt | SystemExit)
        status = Status.interrupted if interrupted else Status.failed
        flat = [callback for of_run in callbacks for callback in of_run]
        abort(flat, status, str(failure) or repr(failure))
        raise


def objective(result: RunResult) -> float | None:
    """The number that a sweeper optimizes: best validation accuracy, or loss; None without validation."""
    scores = result.best.get("val")
    if scores is None:
        return None
    return scores.loss if scores.accuracy is None else scores.accuracy


def divergence_error(
    result: RunResult, config: TrainConfig, advice: str = "", *, is_single: bool = False
) -> DivergedError | None:
    """The error of a diverged run; None if the run did not diverge, or the config accepts it.

    A sweep lists its diverged runs itself, so there only `trainer.on_divergence=error` makes it an error.

    Args:
        result: of the run.
        config: of the run.
        advice: as for `divergence_text`.
        is_single: whether it is the command's only run.
    """
    choice = config.trainer.on_divergence
    is_stop = is_single and choice is OnDivergence.stop
    if result.status is not Status.diverged or not (is_stop or choice is OnDivergence.error):
        return None
    hint = "; trainer.on_divergence=accept exits with 0" if is_stop else ""
    return DivergedError(divergence_text(result, advice) + hint)


def divergence_text(result: RunResult, advice: str = "") -> str:
    """Where a run diverged, and what to try.

    Args:
        result: of a diverged run.
        advice: the ranges of its data and what to try; empty if that was printed before.
    """
    where = f"diverged at step {result.diverged_at}: its loss or gradient is not finite"
    return "; ".join(filter(None, [where, advice]))
