"""Procedure `verify`: hand-built networks for the interval function, checked on every input."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dlhw.config.model import IntervalUnits
from dlhw.config.model_base import Activation
from dlhw.config.procedure import VerifyConfig
from dlhw.config.root import TrainConfig
from dlhw.data.generators import sign_vectors
from dlhw.models.hand_built import interval_parameters
from dlhw.nn.activations import Sign, build_activation
from dlhw.nn.layer import Context, Layer
from dlhw.nn.linear import Affine
from dlhw.procedures.findings import Findings
from dlhw.random import generator


class FixedLayer:
    """One layer of R nets: activation(x W + b).

    Args:
        weight_RIO: W of each net.
        bias_RO: b of each net.
        activation: applied to each sum.
    """

    def __init__(self, weight_RIO: Tensor, bias_RO: Tensor, activation: Layer) -> None:
        self.affine = Affine(weight_RIO.shape[1], weight_RIO.shape[2])
        self.params, self.activation = {"weight": weight_RIO, "bias": bias_RO}, activation

    def __call__(self, x_SNI: Tensor) -> Tensor:
        """Outputs (R, N, O); S is 1 if all nets share the inputs."""
        z_RNO, _ = self.affine.forward(self.params, x_SNI, Context())
        return self.activation.forward({}, z_RNO, Context())[0]


Net = Sequence[FixedLayer]


def answers(net: Net, x_SNI: Tensor) -> Tensor:
    """The only output of each net, (R, N)."""
    for layer in net:
        x_SNI = layer(x_SNI)
    return x_SNI.squeeze(2)


def mistakes(net: Net, x_SNI: Tensor, labels_RN: Tensor) -> Tensor:
    """Number of inputs for which a net's output is not their label, (R,)."""
    return (answers(net, x_SNI) != labels_RN).sum(1)


# Distance of the extreme perturbations from the excluded bound; far above the rounding error of a sum.
EDGE = 1e-9


def intervals(dim: int) -> Tensor:
    """All pairs (low, high) with -dim <= low <= high <= dim, as (R, 2) float64.

    >>> intervals(1).tolist()
    [[-1.0, -1.0], [-1.0, 0.0], [-1.0, 1.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    bounds = torch.arange(-dim, dim + 1, dtype=torch.float64)
    return torch.combinations(bounds, with_replacement=True)


def interval_nets(version: IntervalUnits, dim: int, bounds_R2: Tensor) -> Net:
    """One net for each pair (A, B): its answer is 1 where A <= x_1 + … + x_D <= B, else -1.

    The parameters are those of `model=interval_net`: see `dlhw.models.hand_built.interval_parameters`.

    Args:
        version: activation of the hidden units.
        dim: number of inputs D.
        bounds_R2: (A, B) of each net.
    """
    low_R, high_R = bounds_R2.unbind(1)
    units, nets = Activation(version), len(bounds_R2)
    w0_1IO, b0_RO, w1_1IO, b1_1O = interval_parameters(units, dim, low_R, high_R)
    return [
        FixedLayer(w0_1IO.repeat(nets, 1, 1), b0_RO, build_activation(units)),
        FixedLayer(w1_1IO.repeat(nets, 1, 1), b1_1O.repeat(nets, 1), Sign()),
    ]


def inputs(dim: int) -> Tensor:
    """All x in {-1, 1}^dim, (2^dim, dim) float64."""
    return torch.from_numpy(sign_vectors(dim))


def labels(x_ND: Tensor, bounds_R2: Tensor) -> Tensor:
    """1 where the sum of x is within the bounds, else -1, (R, N); by counting, not by a net."""
    low_R1, high_R1 = bounds_R2.unsqueeze(2).unbind(1)
    sums_1N = x_ND.sum(1).unsqueeze(0)
    return torch.where((low_R1 <= sums_1N) & (sums_1N <= high_R1), 1.0, -1.0).double()


def extreme_perturbations(num_inputs: int, dim: int) -> list[Tensor]:
    """Perturbations (N, D) with a sum of almost -1/2 or 1/2, spread over all components or on one."""
    perturbations = []
    for total in (EDGE - 0.5, 0.5 - EDGE):
        perturbations.append(torch.full((num_inputs, dim), total / dim, dtype=torch.float64))
        one = torch.zeros(num_inputs, dim, dtype=torch.float64)
        one[torch.arange(num_inputs), torch.arange(num_inputs) % dim] = total
        perturbations.append(one)
    return perturbations


def random_perturbation(num_inputs: int, dim: int, generator: torch.Generator) -> Tensor:
    """N(0, 1) in every component, shifted so that each sum is uniform in (-1/2, 1/2): (N, D).

    A single component may be far larger than 1/2: only the sum counts.
    """
    noise_ND = torch.randn(num_inputs, dim, generator=generator, dtype=torch.float64)
    total_N1 = (torch.rand(num_inputs, 1, generator=generator, dtype=torch.float64) - 0.5) * (1 - 2 * EDGE)
    return noise_ND + (total_N1 - noise_ND.sum(1, keepdim=True)) / dim


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
    """The extreme perturbations, then `config.draws` random ones, (N, D) each."""
    yield from extreme_perturbations(num_inputs, config.dim)
    stream = generator(seed, "samples")
    for _ in range(config.draws):
        yield random_perturbation(num_inputs, config.dim, stream)
