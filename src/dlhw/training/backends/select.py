"""Select what executes the steps of a cohort: `trainer.backend` and `trainer.matmul`, resolved."""

from functools import cache

from dlhw.config.trainer import Backend, Matmul
from dlhw.errors import ConfigError, RunFolderError
from dlhw.kernels.aot_cache import CannotCompile, load_steps
from dlhw.kernels.layer_table import reason_against
from dlhw.terminal import warn
from dlhw.training.backends.compiled import reason_against_update
from dlhw.training.cohort import Cohort
from dlhw.training.device import choose_matmul


def select_backend(cohort: Cohort) -> Backend:
    """Resolve `trainer.backend`; `auto` is the fastest backend that is possible.

    Without the gradient check nothing would notice a layer that differs from its compiled copy, so `auto`
    then uses the layers themselves. Where numba, llvmlite or the cache of compiled code cannot be used, it
    does so after one warning.

    Raises:
        ConfigError: if the backend that the config names is not possible, with the reason.
    """
    trainer = cohort.config.trainer
    if trainer.backend is Backend.compiled:
        _refuse(trainer.backend, _against_compiled(cohort) or _against_compiler(cohort))
    elif trainer.backend is Backend.cuda_graph:
        _refuse(trainer.backend, _against_cuda_graph(cohort))
    if trainer.backend is not Backend.auto:
        return trainer.backend
    if trainer.gradcheck and _against_compiled(cohort) is None:
        if (reason := _against_compiler(cohort)) is None:
            return Backend.compiled
        _warn_once(f"training steps are not compiled and take several times as long, because {reason}")
    return Backend.cuda_graph if _against_cuda_graph(cohort) is None else Backend.eager


def _refuse(backend: Backend, reason: str | None) -> None:
    if reason is not None:
        raise ConfigError(f"trainer.backend={backend} is not possible here: {reason}; auto and eager are")


_warn_once = cache(warn)


def check_compiler(cohort: Cohort) -> None:
    """Check that a run with backend=compiled can be resumed here with the same bits.

    Raises:
        RunFolderError: if this machine cannot compile them.
    """
    if (reason := _against_compiler(cohort)) is not None:
        raise RunFolderError(
            "the run cannot be resumed: its training steps were compiled, and others round differently, "
            f"but {reason}"
        )


def resolve_matmul(cohort: Cohort, backend: Backend) -> str:
    """torch's setting for matrix products: `trainer.matmul`, resolved.

    Compiled steps multiply in full precision with any setting, so for them there is nothing to choose.
    """
    wanted = cohort.config.trainer.matmul
    if wanted is Matmul.auto and backend is Backend.compiled:
        return "highest"
    return choose_matmul(wanted, cohort.device, cohort.dtype, cohort.largest_product())


def _against_compiled(cohort: Cohort) -> str | None:
    if cohort.device.type != "cpu":
        return f"the device is {cohort.device}, compiled steps run on the CPU"
    return reason_against_update(cohort) or reason_against(cohort.model, cohort.loss)


def _against_compiler(cohort: Cohort) -> str | None:
    """Why this machine cannot compile steps; if it can, they are compiled now, or read from the cache."""
    try:
        load_steps(cohort.dtype)
    except CannotCompile as error:
        return str(error)
    return None


def _against_cuda_graph(cohort: Cohort) -> str | None:
    if cohort.device.type != "cuda":
        return f"the device is {cohort.device}, CUDA graphs need a CUDA device"
    if cohort.model.is_stochastic:
        return "dropout draws random numbers on the host at every step"
    return None
