"""Procedure `verify`: hand-built nets against what they were built for, without exception."""

from collections.abc import Iterator

from torch import Tensor

from dlhw.config.procedure import VerifyConfig
from dlhw.config.root import TrainConfig
from dlhw.procedures.findings import Findings
from dlhw.procedures.interval import (
    extreme_perturbations,
    inputs,
    interval_nets,
    intervals,
    labels,
    random_perturbation,
)
from dlhw.procedures.nets import mistakes
from dlhw.random import generator


def verify(config: TrainConfig) -> Findings:
    """Count the wrong answers of the nets of all intervals of one dimension D, over all 2^D inputs.

    Values: `nets` (all -D <= A <= B <= D), `inputs` (2^D), `errors`, `perturbed` (inputs x + eps tried with
    |eps_1 + … + eps_D| < 1/2, random ones and ones at the bound) and `errors_perturbed`. Errors are counted
    over pairs of net and input. Table `nets` has a row for each net.
    """
    procedure = config.procedure
    assert isinstance(procedure, VerifyConfig)
    bounds_R2, x_ND = intervals(procedure.dim), inputs(procedure.dim)
    net, labels_RN = interval_nets(procedure.version, procedure.dim, bounds_R2), labels(x_ND, bounds_R2)
    errors_R = mistakes(net, x_ND.unsqueeze(0), labels_RN)
    perturbed_R, tried = errors_R.new_zeros(len(bounds_R2)), 0
    for noise_ND in perturbations(procedure, len(x_ND), config.seed):
        perturbed_R += mistakes(net, (x_ND + noise_ND).unsqueeze(0), labels_RN)
        tried += len(x_ND)
    values = {
        "nets": len(bounds_R2),
        "inputs": len(x_ND),
        "errors": int(errors_R.sum()),
        "perturbed": tried,
        "errors_perturbed": int(perturbed_R.sum()),
    }
    columns = zip(bounds_R2.int().tolist(), errors_R.tolist(), perturbed_R.tolist(), strict=True)
    rows = [
        {"low": low, "high": high, "errors": errors, "errors_perturbed": perturbed}
        for (low, high), errors, perturbed in columns
    ]
    sentence = (
        f"D = {procedure.dim}, {values['nets']} nets of {procedure.version} units: "
        f"{values['errors']} errors on {values['inputs']} inputs each, {values['errors_perturbed']} on "
        f"{tried} perturbed ones"
    )
    return Findings(values=values, sentences=[sentence], tables={"nets": rows})


def perturbations(config: VerifyConfig, num_inputs: int, seed: int) -> Iterator[Tensor]:
    """The extreme ones, then as many random ones as the config asks for, (N, D) each."""
    yield from extreme_perturbations(num_inputs, config.dim)
    stream = generator(seed, "samples")
    for _ in range(config.draws):
        yield random_perturbation(num_inputs, config.dim, stream)
