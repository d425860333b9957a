"""Select what executes the steps of a cohort: `trainer.kernels` and `trainer.matmul`, resolved."""

from functools import cache

from dlhw.config.optimizer import AdamConfig, AdamWConfig, SGDConfig
from dlhw.config.trainer import Engine, Kernels, Matmul
from dlhw.errors import ConfigError, RunFolderError
from dlhw.kernels.aot_cache import CannotCompile, load_steps
from dlhw.kernels.layer_table import reason_against
from dlhw.optim.regularizers import L1, L2, NoRegularizer
from dlhw.terminal import warn
from dlhw.training.cohort import Cohort
from dlhw.training.device import choose_matmul


def resolve_kernels(cohort: Cohort) -> Kernels:
    """`compiled`, `captured` or `torch`; `auto` is the first of them that is possible.

    Without the gradient check nothing would notice a layer that differs from its compiled copy, so `auto`
    then uses the layers themselves.

    Raises:
        ConfigError: if the one that the config names is not possible, with the reason.
    """
    trainer = cohort.config.trainer
    captured = _against_captured(cohort)
    if trainer.kernels is Kernels.compiled:
        _refuse(trainer.kernels, _against_compiled(cohort) or _against_compiler(cohort))
    elif trainer.kernels is Kernels.captured:
        _refuse(trainer.kernels, captured)
    if trainer.kernels is not Kernels.auto:
        return trainer.kernels
    if trainer.gradcheck and _against_compiled(cohort) is None:
        if (reason := _against_compiler(cohort)) is None:
            return Kernels.compiled
        _warn_once(f"training steps are not compiled and take several times as long, because {reason}")
    return Kernels.captured if captured is None else Kernels.torch


def _refuse(kernels: Kernels, reason: str | None) -> None:
    if reason is not None:
        raise ConfigError(f"trainer.kernels={kernels} is not possible here: {reason}; auto and torch are")


_warn_once = cache(warn)


def check_compiler(cohort: Cohort) -> None:
    """Check that a run whose steps were compiled can be resumed here with the same bits.

    Raises:
        RunFolderError: if this machine cannot compile them.
    """
    if (reason := _against_compiler(cohort)) is not None:
        raise RunFolderError(
            "the run cannot be resumed: its training steps were compiled, and others round differently, "
            f"but {reason}"
        )


def resolve_matmul(cohort: Cohort, kernels: Kernels) -> str:
    """torch's setting for matrix products: `trainer.matmul`, resolved.

    Compiled steps multiply in full precision with any setting, so for them there is nothing to choose.
    """
    wanted = cohort.config.trainer.matmul
    if wanted is Matmul.auto and kernels is Kernels.compiled:
        return "highest"
    return choose_matmul(wanted, cohort.device, cohort.dtype, cohort.largest_product())


def _against_compiled(cohort: Cohort) -> str | None:
    if cohort.config.trainer.engine is not Engine.manual:
        return f"trainer.engine={cohort.config.trainer.engine} has no compiled form"
    if cohort.device.type != "cpu":
        return f"the device is {cohort.device}, compiled steps run on the CPU"
    optimizers = [config.optimizer for config in cohort.configs]
    if not all(type(each) in (SGDConfig, AdamConfig, AdamWConfig) for each in optimizers):
        return f"optimizer={optimizers[0].name} has no compiled form (sgd, adam and adamw do)"
    if type(cohort.regularizer) not in (NoRegularizer, L1, L2):
        return f"the regularizer {type(cohort.regularizer).__name__} has no compiled form"
    return reason_against(cohort.model, cohort.loss)


def _against_compiler(cohort: Cohort) -> str | None:
    """Why this machine cannot compile steps; else they are compiled now, unless they are in the cache."""
    try:
        load_steps(cohort.dtype)
    except CannotCompile as error:
        return str(error)
    return None


def _against_captured(cohort: Cohort) -> str | None:
    if cohort.config.trainer.engine is not Engine.manual:
        return f"trainer.engine={cohort.config.trainer.engine} cannot be captured"
    if cohort.device.type != "cuda":
        return f"the device is {cohort.device}, graphs are CUDA's"
    if cohort.model.is_stochastic:
        return "dropout draws on the host at every step"
    return None
