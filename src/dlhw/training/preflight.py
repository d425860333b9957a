"""Pre-run gradient check on the run's own data."""

from math import inf

import torch
from torch import Tensor

from dlhw.config.trainer import Backend
from dlhw.errors import ConfigError, listing
from dlhw.kernels.offset_csr import per_feature_mode
from dlhw.nn.faults import EXACT
from dlhw.nn.gradcheck import check_model, largest_error
from dlhw.training.backends.compiled import compiled_gradient
from dlhw.training.backends.eager import ManualGradient
from dlhw.training.batches import DeviceDataset, DropoutRNG
from dlhw.training.cohort import Cohort

REMEDIES = (
    "`dlhw-gradcheck` says more, trainer.backend=autograd trains without backward passes, "
    "trainer.gradcheck=false trains anyway"
)
SAMPLES = 2
# The compiled step computes in the run's own precision, in another order. Of few and of more samples, because
# few go through plain loops and more through matrix products; and of dense and of sparse inputs.
COMPILED_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
COMPILED_SAMPLES = (2, 24)


def check_gradients(cohort: Cohort, train: DeviceDataset, backend: Backend) -> float:
    """Check the manual gradients against autograd, and the compiled ones against the manual ones.

    Args:
        cohort: runs before their first step.
        train: their training samples.
        backend: that executes the steps.

    Returns:
        Largest relative error of the manual gradients, in float64.

    Raises:
        ConfigError: if an error is above its tolerance: a backward pass is wrong.
    """
    error = _manual_error(cohort, train)
    if backend is Backend.compiled:
        _check_compiled(cohort, train)
    return error


def _manual_error(cohort: Cohort, train: DeviceDataset) -> float:
    x = train.inputs[:1, :SAMPLES].cpu().double()
    model = cohort.view(_most_layers(cohort)).model
    checks = check_model(model, cohort.loss, x, num_runs=1, probes=0, seed=cohort.config.seed)
    worst = largest_error(checks)
    # of several faults, the loss (the last check) is nearest to the output
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
    """The run with the largest dropout rate: its model has every layer that the cohort has."""
    rates = [getattr(config.model, "dropout", 0.0) for config in cohort.configs]
    run = rates.index(max(rates))
    return slice(run, run + 1)


def _check_compiled(cohort: Cohort, train: DeviceDataset) -> None:
    """Compare the compiled gradient with that of the layers, which has been compared with autograd's.

    Raises:
        ConfigError: if they differ: a layer or its compiled copy was changed alone.
    """
    for count in COMPILED_SAMPLES:
        few = DeviceDataset(train.inputs[:1, :count], train.targets[:1, :count])
        expected = _manual_gradient(cohort, few)
        if not bool(expected.isfinite().all()):  # the run diverges at its first step, and is reported then
            return
        usual = per_feature_mode(few.inputs[0])
        sparse = [few.with_backgrounds([background]) for background in (torch.zeros_like(usual), usual)]
        compiled = torch.stack([compiled_gradient(cohort, data) for data in (few, *sparse)])
        error = float((compiled - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
        if not error <= COMPILED_TOLERANCE[cohort.dtype]:
            names = sorted({type(layer).__name__ for layer in cohort.model.layers.values()})
            raise ConfigError(
                "the compiled copies of the layers (src/dlhw/kernels) no longer match the layers "
                f"(src/dlhw/nn): their gradients differ by {error:.1e} (relative; at most "
                f"{COMPILED_TOLERANCE[cohort.dtype]:.0e} is allowed), so {listing(names)} or the loss "
                f"{type(cohort.loss).__name__} was changed in one place only; trainer.backend=eager trains "
                "the layers themselves"
            )


def _manual_gradient(cohort: Cohort, train: DeviceDataset) -> Tensor:
    """Gradient of the first run, penalty included."""
    first = cohort.view(slice(0, 1))
    first.use_gradients(torch.zeros_like(first.params_RP))
    ManualGradient(first, DropoutRNG([0], first.dtype)).compute(train.inputs, train.targets)
    first.regularizer.add_gradient(first.params_RP, first.grads_RP)
    return first.grads_RP
