"""What makes the steps of a cohort: `trainer.kernels` and `trainer.matmul`, resolved."""

from dlhw.config.optimizer import AdamConfig, AdamWConfig, SGDConfig
from dlhw.config.trainer import Engine, Kernels, Matmul
from dlhw.errors import ConfigError
from dlhw.kernels.chain import reason_against
from dlhw.optim.regularizers import L1, L2, NoRegularizer
from dlhw.training.cohort import Cohort
from dlhw.training.device import choose_matmul
from dlhw.training.planning import costliest_product


def resolve_kernels(cohort: Cohort) -> Kernels:
    """`compiled`, `captured` or `torch`; `auto` is the first of them that is possible.

    Raises:
        ConfigError: if the one that the config names is not possible, with the reason.
    """
    wanted = cohort.config.trainer.kernels
    reasons = {Kernels.compiled: _against_compiled(cohort), Kernels.captured: _against_captured(cohort)}
    reason = reasons.get(wanted)
    if reason is not None:
        raise ConfigError(f"trainer.kernels={wanted} is not possible here: {reason}; auto and torch are")
    if wanted is not Kernels.auto:
        return wanted
    return next((kernels for kernels, reason in reasons.items() if reason is None), Kernels.torch)


def resolve_matmul(cohort: Cohort) -> str:
    """torch's setting for matrix products: `trainer.matmul`, resolved.

    Compiled steps multiply in full precision whatever the setting, so for them there is nothing to choose.
    """
    wanted = cohort.config.trainer.matmul
    if wanted is Matmul.auto and resolve_kernels(cohort) is Kernels.compiled:
        return "highest"
    return choose_matmul(wanted, cohort.device, cohort.dtype, costliest_product(cohort))


def _against_compiled(cohort: Cohort) -> str | None:
    if cohort.config.trainer.engine is not Engine.manual:
        return f"trainer.engine={cohort.config.trainer.engine} is not ours"
    if cohort.device.type != "cpu":
        return f"the device is {cohort.device}, compiled steps run on the CPU"
    optimizers = [config.optimizer for config in cohort.configs]
    if not all(type(each) in (SGDConfig, AdamConfig, AdamWConfig) for each in optimizers):
        return f"optimizer={optimizers[0].name} has no compiled form (sgd, adam and adamw do)"
    if type(cohort.regularizer) not in (NoRegularizer, L1, L2):
        return f"the regularizer {type(cohort.regularizer).__name__} has no compiled form"
    return reason_against(cohort.model, cohort.loss)


def _against_captured(cohort: Cohort) -> str | None:
    if cohort.config.trainer.engine is not Engine.manual:
        return f"trainer.engine={cohort.config.trainer.engine} is not ours"
    if cohort.device.type != "cuda":
        return f"the device is {cohort.device}, graphs are CUDA's"
    if cohort.model.draws:
        return "dropout draws on the host at every step"
    return None
