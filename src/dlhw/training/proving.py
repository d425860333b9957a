"""Pre-run gradient check on the run's own data."""

from math import inf

import torch
from torch import Tensor

from dlhw.config.trainer import Kernels
from dlhw.errors import ConfigError, listing
from dlhw.kernels.offset_csr import per_feature_mode
from dlhw.nn.faults import EXACT
from dlhw.nn.gradcheck import check_model, largest_error
from dlhw.training.backends.compiled import compiled_gradient
from dlhw.training.choice import resolve_kernels
from dlhw.training.cohort import Cohort
from dlhw.training.engines import ManualEngine
from dlhw.training.pool import Pool
from dlhw.training.streams import UniformStream

REMEDIES = (
    "`dlhw-gradcheck` says more, trainer.engine=autograd trains without backward passes, "
    "trainer.gradcheck=false trains anyway"
)
SAMPLES = 2
# The compiled step computes in the run's own precision, in another order. Of few and of more samples, because
# it takes plain loops for the ones and matrix products for the others; of dense and of listed inputs.
COMPILED_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
COMPILED_SAMPLES = (2, 24)


def prove(cohort: Cohort, pool: Pool) -> float:
    """Check the manual gradients against autograd, and the compiled ones against the manual ones.

    Args:
        cohort: runs before their first step.
        pool: their training samples.

    Returns:
        Largest relative error of the manual gradients, in float64.

    Raises:
        ConfigError: if an error is above its tolerance: a backward pass is wrong.
    """
    error = _manual_error(cohort, pool)
    if resolve_kernels(cohort) is Kernels.compiled:
        _check_compiled(cohort, pool)
    return error


def _manual_error(cohort: Cohort, pool: Pool) -> float:
    x = pool.inputs[:1, :SAMPLES].cpu().double()
    model = cohort.part(_most_layers(cohort)).model
    checks = check_model(model, cohort.loss, x, num_runs=1, probes=0, seed=cohort.config.seed)
    worst = largest_error(checks)
    # of several faults that of the loss, which comes last, is nearest to the output
    fault = next((check.fault for check in reversed(checks) if check.fault is not None), None)
    if fault is not None:
        raise ConfigError(f"the backward pass is wrong in {fault}; {REMEDIES}")
    if worst.error == inf:
        raise ConfigError(
            f"the gradient of {worst.name} is zero on the first training samples at all parameters tried, so "
            "the backward pass cannot be checked; trainer.gradcheck=false trains without the check"
        )
    if not worst.error <= EXACT:
        raise ConfigError(
            f"the backward pass is wrong: the manual gradient of {worst.name} differs from autograd's by "
            f"{worst.error:.1e} (relative; at most {EXACT:.0e} is allowed); {REMEDIES}"
        )
    return worst.error


def _most_layers(cohort: Cohort) -> slice:
    """A run that drops units, if any does: its model has every layer of the cohort's."""
    rates = [getattr(config.model, "dropout", 0.0) for config in cohort.configs]
    run = rates.index(max(rates))
    return slice(run, run + 1)


def _check_compiled(cohort: Cohort, pool: Pool) -> None:
    """Compare the compiled gradient with that of the layers, which has been compared with autograd's.

    Raises:
        ConfigError: if they differ: somebody has changed a layer or its compiled copy.
    """
    for count in COMPILED_SAMPLES:
        few = Pool(pool.inputs[:1, :count], pool.targets[:1, :count])
        wanted = _manual_gradient(cohort, few)
        if not bool(wanted.isfinite().all()):  # the first step will say that the run diverges
            return
        usual = per_feature_mode(few.inputs[0])
        listed = [few.listed_beside([background]) for background in (torch.zeros_like(usual), usual)]
        found = torch.stack([compiled_gradient(cohort, each) for each in (few, *listed)])
        error = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))
        if not error <= COMPILED_TOLERANCE[cohort.dtype]:
            names = sorted({type(layer).__name__ for layer in cohort.model.layers.values()})
            raise ConfigError(
                "the compiled copies of the layers (src/dlhw/kernels) no longer match the layers "
                f"(src/dlhw/nn): their gradients differ by {error:.1e} (relative; at most "
                f"{COMPILED_TOLERANCE[cohort.dtype]:.0e} is allowed), so {listing(names)} or the loss "
                f"{type(cohort.loss).__name__} was changed in one place only; trainer.kernels=torch trains "
                "the layers themselves"
            )


def _manual_gradient(cohort: Cohort, pool: Pool) -> Tensor:
    """Of the first run, penalty included."""
    part = cohort.part(slice(0, 1))
    part.use_gradients(torch.zeros_like(part.params_RP))
    ManualEngine(part, UniformStream([0], part.dtype)).gradients(pool.inputs, pool.targets)
    part.regularizer.add_gradient(part.params_RP, part.grads_RP)
    return part.grads_RP
