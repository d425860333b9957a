"""Gradient check: hand-written gradients against those of autograd and against central differences.

Everything is float64, with a random cotangent (under a cotangent of ones a softmax backward that misses a
factor passes), for the input and every parameter by name. At a kink (ReLU at 0, a tie of a maximum) a
difference says nothing: a probe whose two sides lie on different sides of a kink is left out and counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from dlhw.config.loss import Targets
from dlhw.config.model import InitConfig
from dlhw.nn.containers import Network
from dlhw.nn.faults import (
    EXACT,
    Fault,
    FaultError,
    call_method,
    defined_at,
    difference_text,
    expect_tensor,
    first_fault,
    watched,
)
from dlhw.nn.init import initialise
from dlhw.nn.layer import Context, ParameterSpec, Workspace
from dlhw.nn.losses import Loss
from dlhw.nn.parameters import ParameterLayout

# Step h of a central difference (f(v + h) - f(v - h)) / 2h: its truncation error h^2 and its rounding error
# 1e-16 / h are both far below the tolerance of 1e-6.
STEP = 1e-5
# A check whose reference gradient is smaller than this would show nothing, and fails.
NO_GRADIENT = 1e-12
# In a narrow model, units that ReLU or dropout switch off for all samples cause such gradients although the
# model is right: parameters, masks and cotangent are then drawn again, at most this many times.
DRAWS = 100


class Penalized(Protocol):
    """What is checked of a regularizer (`dlhw.optim.regularizers`, which this package does not need)."""

    def penalty(self, params_RP: Tensor) -> Tensor:
        """Value of the penalty of each run, (R,)."""

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        """Add the penalty's gradient to `grads_RP` in place."""


@dataclass(frozen=True)
class GradientCheck:
    """Result of comparing one gradient.

    Args:
        name: "fc1.weight", "input", "loss".
        error: max |manual - autograd| / max |autograd|; infinite if that gradient is about zero;
            max |manual| if it must be zero.
        difference_error: the same against central differences; nan without probes.
        probes: coordinates compared with differences.
        kinks: coordinates left out because a kink lies between the two sides of the difference.
        scale: max |autograd|.
        fault: the wrong layer that is nearest to the output, and what is wrong with it; None if unknown or if
            nothing is wrong.
    """

    name: str
    error: float
    difference_error: float
    probes: int
    kinks: int
    scale: float
    fault: Fault | None = None

    @classmethod
    def failed(cls, name: str, fault: Fault) -> "GradientCheck":
        """A gradient that could not be computed."""
        return cls(name, inf, nan, 0, 0, 0.0, fault)

    def passes(self, tolerance: float, difference_tolerance: float) -> bool:
        """Whether both errors are within tolerance; a gradient of about zero never passes."""
        is_near_difference = self.probes == 0 or self.difference_error <= difference_tolerance
        return self.error <= tolerance and is_near_difference


def largest_error(checks: Sequence[GradientCheck]) -> GradientCheck:
    """The check with the largest error against autograd (nan counts as largest)."""
    return max(checks, key=lambda check: inf if check.error != check.error else check.error)


def compare(
    name: str,
    manual: Tensor,
    reference: Tensor,
    value: Callable[[], tuple[Tensor, list[Tensor]]],
    variable: Tensor,
    probes: int,
    generator: Generator,
    *,
    may_be_zero: bool = False,
) -> GradientCheck:
    """Compare one manual gradient.

    Args:
        name: of the variable.
        manual: the hand-written gradient.
        reference: autograd's gradient.
        value: computes (scalar, kink patterns) from the current content of `variable`.
        variable: the tensor that the gradient belongs to; probes change it and restore it.
        probes: number of coordinates to compare with central differences.
        generator: chooses the coordinates.
        may_be_zero: whether a threshold unit may make the whole gradient zero; errors are absolute then.
    """
    scale = float(reference.abs().max())
    unit = 1.0 if may_be_zero and scale == 0 else scale
    error = float((manual - reference).abs().max()) / unit if unit > NO_GRADIENT else inf
    differences, kinks = [], 0
    count = min(probes, variable.numel())
    for index in torch.randperm(variable.numel(), generator=generator)[:count].tolist():
        slope = _central_difference(value, variable.view(-1), index)
        if slope is None:
            kinks += 1
        else:
            differences.append(abs(float(manual.reshape(-1)[index]) - slope))
    # torch's maximum, unlike Python's, keeps a nan
    largest = float(torch.tensor(differences, dtype=torch.float64).max()) if differences else nan
    difference_error = largest / unit if unit > NO_GRADIENT else nan
    return GradientCheck(name, error, difference_error, len(differences), kinks, scale)


def _central_difference(
    value: Callable[[], tuple[Tensor, list[Tensor]]], flat: Tensor, index: int
) -> float | None:
    """(f(v + h) - f(v - h)) / 2h, or None if a kink lies between."""
    middle = float(flat[index])
    sides = []
    for sign in (1, -1):
        flat[index] = middle + sign * STEP
        sides.append((float(flat[index]), *value()))
    flat[index] = middle
    (above, f_above, patterns_above), (below, f_below, patterns_below) = sides
    if not all(torch.equal(a, b) for a, b in zip(patterns_above, patterns_below, strict=True)):
        return None
    return float(f_above - f_below) / (above - below)


def check_model(
    model: Network, loss: Loss, x_1N: Tensor, *, num_runs: int, probes: int, seed: int
) -> list[GradientCheck]:
    """Check the backward passes of a model and its loss at random parameters.

    Args:
        model: the layers; parameters are drawn at random, since zeros have no gradients to compare.
            Gradients before threshold units must be zero.
        loss: checked at random outputs and targets.
        x_1N: inputs (1, N, *shape) in float64.
        num_runs: R, so that the run axis is checked too.
        probes: coordinates of each variable that are compared with central differences.
        seed: of parameters, cotangents and probes.

    Returns:
        A check for every parameter, the input, and the loss.
    """
    generator = torch.Generator().manual_seed(seed)
    num_out = model.output_shape[0]
    return [
        *check_layers(model, x_1N, num_runs=num_runs, probes=probes, generator=generator),
        check_loss(loss, num_out, num_runs=num_runs, probes=probes, generator=generator),
    ]


def check_layers(
    model: Network, x_1N: Tensor, *, num_runs: int, probes: int, generator: Generator
) -> list[GradientCheck]:
    """Check the gradients of every parameter and of the input of a network under a random cotangent.

    If a layer raises, or returns a wrong shape, the only check returned says so.
    """
    try:
        for _ in range(DRAWS):
            checks = _check_draw(model, x_1N, num_runs=num_runs, probes=probes, generator=generator)
            if model.has_thresholds or all(check.scale > NO_GRADIENT for check in checks):
                break
        return checks
    except FaultError as error:
        return [GradientCheck.failed(error.fault.text.partition(" ")[0], error.fault)]


def _check_draw(
    model: Network, x_1N: Tensor, *, num_runs: int, probes: int, generator: Generator
) -> list[GradientCheck]:
    """The checks at one draw of parameters, masks and cotangent.

    Raises:
        FaultError: if a layer raises, or returns a wrong type or shape.
    """
    model, layers = watched(model)
    layout = ParameterLayout(_without_initial_values(model.specs()))
    x = x_1N.expand(num_runs, *x_1N.shape[1:]).clone().requires_grad_()
    flat = initialise(layout, [InitConfig()] * num_runs, [generator] * num_runs, torch.float64)
    mask_seed = torch.randint(2**31, (1,), generator=generator).item()
    names, variables = ["input"], [x]
    for name, view in layout.named(flat):
        names.append(name)
        variables.append(view.clone().requires_grad_())
    params = _tree(names[1:], variables[1:])

    def forward(inputs: Tensor, *, reuse: bool) -> tuple[Tensor, list[Any], Context]:
        ctx = Context(training=True, workspace=Workspace(reuse=reuse), uniform=_restarted(int(mask_seed)))
        return *model.forward(params, inputs, ctx), ctx

    out, _, _ = forward(x, reuse=False)
    cotangent = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    references = _references((out * cotangent).sum(), variables, names)
    with torch.no_grad():
        grads = [torch.full_like(variable, nan) for variable in variables[1:]]
        slots = _tree(names[1:], grads)
        _, caches, ctx = forward(x, reuse=True)
        dx = model.backward(params, cotangent, caches, slots, ctx, need_dx=True)
        assert dx is not None
        if slots:  # parameter gradients as in training, with inputs that all runs share
            _, caches, ctx = forward(x_1N, reuse=True)
            model.backward(params, cotangent, caches, slots, ctx)

        def value() -> tuple[Tensor, list[Tensor]]:
            out, caches, _ = forward(x, reuse=False)
            return (out * cotangent).sum(), model.kink_pattern(caches)

        checks = [
            compare(
                name,
                manual,
                reference,
                value,
                variable.detach(),
                probes,
                generator,
                may_be_zero=model.has_thresholds,
            )
            for name, manual, reference, variable in zip(
                names, [dx, *grads], references, variables, strict=True
            )
        ]

        def passes() -> None:
            _, caches, ctx = forward(x.detach(), reuse=True)
            model.backward(params, cotangent, caches, slots, ctx, need_dx=True)

        return _with_fault(checks, lambda: first_fault(layers, passes))


def _references(total: Tensor, variables: Sequence[Tensor], names: Sequence[str]) -> tuple[Tensor, ...]:
    """The gradients of autograd.

    Raises:
        FaultError: if a forward pass cannot be differentiated.
    """
    try:
        return torch.autograd.grad(total, variables)
    except RuntimeError as error:
        text = f"autograd cannot differentiate the forward pass: {str(error).splitlines()[0]}"
        raise FaultError(Fault(f"the network of {names[-1].partition('.')[0]}", "", text)) from error


def _with_fault(checks: Sequence[GradientCheck], find: Callable[[], Fault | None]) -> list[GradientCheck]:
    """The same checks; those that failed, but not because a gradient is about zero, with their fault."""
    is_wrong = [not check.error <= EXACT and check.error != inf for check in checks]
    fault = find() if any(is_wrong) else None
    return [
        replace(check, fault=fault) if wrong else check for check, wrong in zip(checks, is_wrong, strict=True)
    ]


def _without_initial_values(
    specs: Mapping[str, Mapping[str, ParameterSpec]],
) -> dict[str, dict[str, ParameterSpec]]:
    """The same specifications without initial values, at which gradients may well be zero."""
    return {
        layer: {name: replace(spec, initial_value=None) for name, spec in own.items()}
        for layer, own in specs.items()
    }


def check_loss(
    loss: Loss, num_outputs: int, *, num_runs: int, probes: int, generator: Generator, samples: int = 8
) -> GradientCheck:
    """Check a loss at random outputs and targets; each run's loss has a random weight as cotangent."""
    shape = (num_runs, samples, num_outputs)
    out = torch.randn(shape, generator=generator, dtype=torch.float64).mul_(2).requires_grad_()
    targets = random_targets(loss, samples, num_outputs, generator)
    cotangent_R = torch.rand(num_runs, generator=generator, dtype=torch.float64) + 0.5
    component = f"the loss {type(loss).__name__}"
    try:
        value_R = call_method(component, loss, "forward", out, targets)
        expect_tensor(component, loss, "forward", value_R, (num_runs,))
        (reference,) = torch.autograd.grad((value_R * cotangent_R).sum(), [out])
        with torch.no_grad():
            gradient = call_method(component, loss, "backward", out, targets)
        expect_tensor(component, loss, "backward", gradient, shape)
    except FaultError as error:
        return GradientCheck.failed("loss", error.fault)
    with torch.no_grad():
        manual = gradient * cotangent_R.view(-1, 1, 1)

        def value() -> tuple[Tensor, list[Tensor]]:
            return (loss.forward(out, targets) * cotangent_R).sum(), loss.kink_pattern(out)

        check = compare("loss", manual, reference, value, out.detach(), probes, generator)
    return replace(check, fault=_fault_of(component, loss, "backward", manual, reference, samples))


def _fault_of(
    component: str, owner: object, method: str, manual: Tensor, reference: Tensor, samples: int
) -> Fault | None:
    text = difference_text(manual, reference.detach(), samples)
    return None if text is None else Fault(component, defined_at(owner, method), f"its gradient {text}")


def random_targets(loss: Loss, samples: int, num_outputs: int, generator: Generator) -> Tensor:
    """Random targets (1, N) or (1, N, K) of the kind that the loss takes."""
    if loss.targets is Targets.numbers:
        return torch.randn(1, samples, num_outputs, generator=generator, dtype=torch.float64)
    classes = 2 if loss.targets is Targets.two_classes else num_outputs
    return torch.randint(classes, (1, samples), generator=generator)


def _tree(names: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, dict[str, Tensor]]:
    tree: dict[str, dict[str, Tensor]] = {}
    for name, tensor in zip(names, tensors, strict=True):
        layer, parameter = name.rsplit(".", 1)
        tree.setdefault(layer, {})[parameter] = tensor
    return tree


def _restarted(seed: int) -> Callable[[Sequence[int]], Tensor]:
    """Uniform numbers that are the same in every forward pass, so that masks do not change during a check."""
    generator = torch.Generator().manual_seed(seed)
    return lambda shape: torch.rand(1, *shape, generator=generator, dtype=torch.float64)


def check_regularizer(
    regularizer: Penalized, layout: ParameterLayout, *, num_runs: int, probes: int, generator: Generator
) -> GradientCheck:
    """Check the gradient that a penalty adds to a random one."""
    shape = (num_runs, layout.size)
    params_RP = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    before_RP = torch.randn(shape, generator=generator, dtype=torch.float64)
    # no cotangent: gradients are added for the sum over runs, which do not mix
    (reference,) = torch.autograd.grad(regularizer.penalty(params_RP).sum(), [params_RP])
    component = f"the penalty {type(regularizer).__name__}"
    with torch.no_grad():
        after_RP = before_RP.clone()
        try:
            call_method(component, regularizer, "add_gradient", params_RP, after_RP)
        except FaultError as error:
            return GradientCheck.failed("penalty", error.fault)

        def value() -> tuple[Tensor, list[Tensor]]:
            return regularizer.penalty(params_RP).sum(), [torch.sign(params_RP)]

        manual = after_RP - before_RP
        check = compare("penalty", manual, reference, value, params_RP.detach(), probes, generator)
    return replace(check, fault=_fault_of(component, regularizer, "add_gradient", manual, reference, 1))
