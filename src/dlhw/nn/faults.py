"""Locate the fault of a wrong backward pass: the layer, its file and line, and how its gradient differs."""

import inspect
import signal
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any, TypeVar

import torch
from torch import Tensor

from dlhw.nn.containers import Network
from dlhw.nn.layer import Context, Layer, ParameterSpec, Params

Out = TypeVar("Out")

# Relative error up to which a float64 gradient is considered right; right backward passes agree to 1e-12.
EXACT = 1e-9
# Ratios of manual to reference gradient that differ by less are considered equal.
SAME_RATIO = 1e-6
# Reference gradients smaller than this share of the largest are too small for a ratio.
TINY = 1e-6


@dataclass(frozen=True)
class Fault:
    """One defect of a layer, loss or penalty.

    Args:
        component: such as "act1 (Sigmoid)" or "the loss CrossEntropy".
        where: file and line of the method, or of the exception; empty if unknown.
        text: what is wrong, such as "its input gradient is 2.00 × autograd everywhere".
    """

    component: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.component}{f' ({self.where})' * bool(self.where)}: {self.text}"


class FaultError(Exception):
    """A layer, loss or penalty raised an exception, or returned a wrong type or shape."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class TimeLimitExceeded(Exception):
    """A check took longer than its time limit."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitExceeded` inside the block after this many seconds; None: no limit."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeLimitExceeded(f"no result within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def component_name(name: str, layer: object) -> str:
    """Name and class, such as "act1 (Sigmoid)"."""
    return f"{name} ({type(layer).__name__})"


def defined_at(owner: object, method: str) -> str:
    """File and line where a method is defined."""
    try:
        function = inspect.unwrap(getattr(type(owner), method))
        return _place(inspect.getsourcefile(function) or "", inspect.getsourcelines(function)[1])
    except (OSError, TypeError):
        return ""


def raised_at(error: BaseException) -> str:
    """File and line of the innermost frame outside of torch and the standard library."""
    libraries = (str(Path(torch.__file__).parent), sysconfig.get_path("stdlib"))
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    places = [place for place in frames if place[0] != __file__]
    packages = sysconfig.get_path("purelib")  # below the standard library on some systems
    own = [
        (file, line)
        for file, line in places
        if not file.startswith(libraries) or (file.startswith(packages) and not file.startswith(libraries[0]))
    ]
    return _place(*(own or places)[-1]) if places else ""


def _place(file: str, line: int) -> str:
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{line}"


def call_method(component: str, owner: object, method: str, *arguments: Any, **options: Any) -> Any:
    """Call a method of a layer, loss or penalty.

    Raises:
        FaultError: if the method raises.
    """
    try:
        return getattr(owner, method)(*arguments, **options)
    except FaultError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        text = f"{method} raised {type(error).__name__}: {lines[0]}"
        raise FaultError(Fault(component, raised_at(error), text)) from error


def expect_tensor(component: str, owner: object, method: str, result: Any, shape: tuple[int, ...]) -> None:
    """Check the result of a method.

    Raises:
        FaultError: if the result is not a tensor of this shape.
    """
    wanted = f"a tensor of shape {shape}"
    if not isinstance(result, Tensor):
        missing = ": is `return` missing?" if result is None else ""
        text = f"{method} returned {type(result).__name__} instead of {wanted}{missing}"
    elif tuple(result.shape) != shape:
        text = f"{method} returned the shape {tuple(result.shape)} instead of {shape}"
    else:
        return
    raise FaultError(Fault(component, defined_at(owner, method), text))


def difference_text(manual: Tensor, reference: Tensor, num_samples: int) -> str | None:
    """How a gradient differs from autograd's, as the end of a sentence "the gradient …"; None if it does not.

    Args:
        manual: the gradient of a backward pass.
        reference: autograd's, of the same shape.
        num_samples: N, to recognise frequent mistakes: a factor 1/N that is missing or applied twice.
    """
    scale = float(reference.abs().max())
    wrong = ~((manual - reference).abs() <= EXACT * (scale or 1.0))
    count, total = int(wrong.sum()), manual.numel()
    if not count:
        return None
    unset = int(manual.isnan().sum())
    if unset == total:
        return "is NaN everywhere: overwrite the tensors in `grads` in place, do not add to them"
    if unset:
        return f"is NaN in {unset} of {total} places"
    if not manual.any():
        return "is 0 everywhere"
    counted = reference.abs() > TINY * scale
    ratios = manual[counted] / reference[counted]
    if scale > 0 and _is_constant(ratios) and bool((manual[~counted].abs() <= TINY * scale).all()):
        return _ratio_text(float(ratios.median()), num_samples)
    if manual.dim() > 2 and manual.shape == reference.mT.shape:
        if bool(((manual - reference.mT).abs() <= EXACT * scale).all()):
            return "is autograd's transposed"
    error = float((manual - reference).abs().max()) / (scale or 1.0)
    return f"differs from autograd's in {count} of {total} places, by up to {error:.1e} (relative)"


def _is_constant(ratios: Tensor) -> bool:
    middle = ratios.median()
    return bool(((ratios - middle).abs() <= SAME_RATIO * middle.abs()).all())


def _ratio_text(ratio: float, num_samples: int) -> str:
    text = (
        f"is {ratio:.2f} × autograd everywhere"
        if _near(ratio, round(ratio, 2))
        else (f"is {ratio:.6g} × autograd everywhere")
    )
    if _near(ratio, -1):
        return f"{text}: is the sign wrong?"
    if num_samples > 1 and _near(ratio, num_samples):
        return f"{text}, N = {num_samples}: is 1/N missing?"
    if num_samples > 1 and _near(ratio * num_samples, 1):
        return f"{text}, N = {num_samples}: is it divided by N twice?"
    return text


def _near(ratio: float, other: float) -> bool:
    return abs(ratio - other) <= 10 * SAME_RATIO * max(1.0, abs(other))


class WatchedLayer(Layer):
    """Wraps a layer and checks its results at every call; while `faults` is set, also its gradients.

    Args:
        name: of the layer in its network.
        layer: the layer.
    """

    def __init__(self, name: str, layer: Layer) -> None:
        self.component, self.layer = component_name(name, layer), layer
        self.is_threshold, self.is_stochastic = layer.is_threshold, layer.is_stochastic  # type: ignore[misc]
        # while set, wrong gradients are appended, in the order of the backward pass: the output's layer first
        self.faults: list[Fault] | None = None

    def specs(self) -> dict[str, ParameterSpec]:
        return self.layer.specs()

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layer.output_shape(input_shape)

    def kink_pattern(self, cache: Any) -> Tensor | None:
        return self.layer.kink_pattern(cache)

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Any]:
        if self.faults is not None:
            ctx = self._differentiate(params, x, ctx)
        result = call_method(self.component, self.layer, "forward", params, x, ctx)
        if not isinstance(result, tuple) or len(result) != 2:
            missing = ": is `return` missing?" if result is None else ""
            text = f"forward returned {type(result).__name__} instead of (output, cache){missing}"
            raise FaultError(Fault(self.component, defined_at(self.layer, "forward"), text))
        runs = max([x.shape[0], *(value.shape[0] for value in params.values())])
        got = result[0].shape[0] if isinstance(result[0], Tensor) and result[0].dim() else runs
        # a layer without parameters may keep a run axis of length 1, or draw numbers for several runs
        shape = (got, x.shape[1], *self.layer.output_shape(tuple(x.shape[2:])))
        expect_tensor(self.component, self.layer, "forward", result[0], shape)
        self._input_shape = tuple(x.shape)
        return result[0], result[1]

    def backward(
        self, params: Params, dout: Tensor, cache: Any, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        dx: Tensor | None = call_method(
            self.component, self.layer, "backward", params, dout, cache, grads, ctx, need_dx=need_dx
        )
        if need_dx:
            shape = (dout.shape[0], *self._input_shape[1:])
            expect_tensor(self.component, self.layer, "backward", dx, shape)
        if self.faults is not None and dx is not None:
            self._compare(dout, {"input": dx, **grads})
        return dx

    def _differentiate(self, params: Params, x: Tensor, ctx: Context) -> Context:
        """Run `forward` under autograd from this input; return a context that repeats its random numbers."""
        drawn: list[Tensor] = []

        def record(shape: Any) -> Tensor:
            assert ctx.uniform is not None
            drawn.append(ctx.uniform(shape))
            return drawn[-1]

        self._leaves = {
            name: value.detach().clone().requires_grad_() for name, value in {"input": x, **params}.items()
        }
        with torch.enable_grad():
            inner = Context(training=ctx.training, uniform=record if ctx.uniform else None)
            own = {name: leaf for name, leaf in self._leaves.items() if name != "input"}
            self._out, _ = self.layer.forward(own, self._leaves["input"], inner)
        numbers = iter(drawn)
        return replace(ctx, uniform=(lambda shape: next(numbers)) if ctx.uniform else None)

    def _compare(self, dout: Tensor, manual: Mapping[str, Tensor]) -> None:
        assert self.faults is not None
        leaves = list(self._leaves.values())
        references: tuple[Tensor | None, ...] = (None,) * len(leaves)
        if self._out.requires_grad:
            references = torch.autograd.grad(self._out, leaves, dout, allow_unused=True)
        for (name, leaf), reference in zip(self._leaves.items(), references, strict=True):
            expected = torch.zeros_like(leaf) if reference is None else reference
            text = difference_text(manual[name], expected, dout.shape[1])
            if text is not None:
                which = "its input gradient" if name == "input" else f"its gradient of {name}"
                self.faults.append(
                    Fault(self.component, defined_at(self.layer, "backward"), f"{which} {text}")
                )


def watched(model: Network) -> tuple[Network, list[WatchedLayer]]:
    """The same network with wrapped layers, and these layers."""
    layers = {name: WatchedLayer(name, layer) for name, layer in model.layers.items()}
    return model.with_layers(layers), list(layers.values())


def first_fault(layers: list[WatchedLayer], passes: Callable[[], object]) -> Fault | None:
    """The fault of the wrong layer that is nearest to the output; None if every layer by itself is right.

    Args:
        layers: of a network that `watched` returned.
        passes: runs its forward and backward pass, down to the input.
    """
    faults: list[Fault] = []
    for layer in layers:
        layer.faults = faults
    try:
        passes()
    finally:
        for layer in layers:
            layer.faults = None
    return _merged(faults)


def _merged(faults: list[Fault]) -> Fault | None:
    """All faults of the first layer as one."""
    if not faults:
        return None
    own = [
        fault for fault in faults if (fault.component, fault.where) == (faults[0].component, faults[0].where)
    ]
    return replace(faults[0], text="; ".join(fault.text for fault in own))
