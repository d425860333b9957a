"""Train a cohort from its configs: the one call below every command."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from dlhw import interruption
from dlhw.config.optimizer import SolverConfig
from dlhw.config.root import TrainConfig, class_count_problems
from dlhw.config.trainer import Engine, Kernels
from dlhw.data.dataset import Dataset
from dlhw.errors import ConfigError
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback, abort
from dlhw.training.choice import check_compiler, resolve_matmul
from dlhw.training.cohort import Cohort
from dlhw.training.device import DTYPES, matmul_setting, resolve_device
from dlhw.training.events import RunInfo, RunResult
from dlhw.training.loop import Loop
from dlhw.training.pool import Pool
from dlhw.training.proving import prove
from dlhw.training.resuming import Saved, check_data, restore

MakeCallbacks = Callable[[int, TrainConfig], Sequence[Callback]]


def num_outputs(config: TrainConfig, dataset: Dataset) -> int:
    """Outputs K of the model: one for a binary loss, else one for each class or target."""
    if config.resolved_loss().is_binary:
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
    have, size = len(dataset.splits["train"]), config.trainer.batch_size
    if size is not None and size > have and takes_steps(config):
        raise ConfigError(
            f"trainer.batch_size must be at most the number of training samples, {have}, got {size}; "
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
    for each, data in zip(configs, [*datasets] * len(configs), strict=False):
        check_against_data(each, data)
    device = resolve_device(config.trainer.device)
    dtype = DTYPES[config.trainer.dtype]
    return Cohort(configs, dataset.input_shape, num_outputs(config, dataset), device, dtype)


def fit(
    configs: Sequence[TrainConfig],
    datasets: Sequence[Dataset],
    make_callbacks: MakeCallbacks,
    saved: Sequence[Saved] | None = None,
    numbers: Sequence[int] | None = None,
) -> list[RunResult]:
    """Train a cohort.

    Args:
        configs: one a run; they differ only in fields marked `per_run`.
        datasets: one a run, or one for all.
        make_callbacks: (place in the cohort, config) -> trackers of that run; called once all is checked.
        saved: what the runs go on from, one each, of the same step; None: from the start.
        numbers: of the runs in their sweep; None: from 0.

    Returns:
        How each run ended. An exception or an interrupt in the loop is told to every tracker and raised.

    Raises:
        ConfigError: if config, data, model and machine do not fit together.
        RunFolderError: if what is to be gone on from does not fit.
        Interrupted: if the process was told to end; all that is needed to go on is written.
    """
    if saved:
        check_data(saved, [dataset.hashes for dataset in datasets])
    cohort = prepare(configs, datasets)
    trainer = cohort.config.trainer
    pools = {
        part: Pool.of([dataset.splits[part] for dataset in datasets], cohort.device)
        for part in datasets[0].splits
    }
    # under autograd no backward pass of ours has a part in the training
    is_checked = trainer.gradcheck and trainer.engine is Engine.manual and takes_steps(cohort.config)
    error = prove(cohort, pools["train"]) if is_checked else None
    setting = saved[0].matmul if saved else resolve_matmul(cohort)
    callbacks = [make_callbacks(run, config) for run, config in enumerate(configs)]
    kernels = saved[0].kernels if saved else None
    if kernels is Kernels.compiled:
        check_compiler(cohort)
    loop = Loop(cohort, pools, callbacks, datasets[0].class_names, kernels)
    if saved:
        restore(loop, saved)
    with interruption.held(), _aborting(callbacks), matmul_setting(setting):
        infos = [
            run_info(cohort, run, pools, datasets[run % len(datasets)], loop, gradcheck=error, matmul=setting)
            for run in range(cohort.num_runs)
        ]
        if numbers is not None:
            infos = [replace(info, index=number) for info, number in zip(infos, numbers, strict=True)]
        return loop.run(infos)


@contextmanager
def _aborting(callbacks: Sequence[Sequence[Callback]]) -> Iterator[None]:
    """Tell every tracker of an exception or an interrupt; also when another one fails at it."""
    try:
        yield
    except BaseException as failure:
        interrupted = isinstance(failure, KeyboardInterrupt | SystemExit)
        status = Status.interrupted if interrupted else Status.failed
        abort([each for of_run in callbacks for each in of_run], status, str(failure) or repr(failure))
        raise


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
        total_steps=loop.times.total_steps,
        layers={name: spec.shape for name, spec in cohort.layout.specs.items()},
        gradcheck=gradcheck,
        matmul=matmul,
        kernels=loop.kernels,
        split_hashes=dataset.hashes,
        in_training=dataset.in_training,
    )
