"""Compare sides."""

from collections.abc import Mapping, Sequence

from benchmarks.dlhw_side import NAME, OTHER_BACKENDS, DlhwSide
from benchmarks.peers import PLAIN, Side, build_peer, why_absent
from benchmarks.problem import Problem, loss_of
from benchmarks.report import Comparison
from benchmarks.timing import Work, in_turn
from dlhw.training.device import matmul_setting


def compare(
    title: str,
    problem: Problem,
    peers: Sequence[str],
    rounds: int,
    *,
    per: int,
    unit: str,
    scale: float = 1.0,
    backends: Sequence[str] = (),
    beside: Mapping[str, Work] | None = None,
    overrides: Sequence[str] = (),
) -> Comparison:
    """Train the same problem with dlhw and with each installed peer, in turn.

    Args:
        title: title of the comparison.
        problem: the problem that all sides solve.
        peers: names of the peers.
        rounds: number of rounds to keep; one more is dropped.
        per: divisor of a round's time, such as its number of steps or runs.
        unit: unit of the numbers.
        scale: factor from seconds to that unit.
        backends: dlhw's other backends that take part, see `OTHER_BACKENDS`.
        beside: other work that is measured in the same rounds and has no loss.
        overrides: overrides of dlhw's config.
    """
    dlhw_side = DlhwSide(problem, overrides)
    reasons = {name: why_absent(name) for name in peers}
    start = dlhw_side.weights()
    sides: dict[str, Side] = {NAME: dlhw_side}
    sides |= {name: DlhwSide(problem, OTHER_BACKENDS[name]) for name in backends}
    sides |= {name: build_peer(name, problem, start) for name in peers if reasons[name] is None}
    setting = dlhw_side.matmul()
    with matmul_setting(setting):
        works = {name: side.train for name, side in sides.items()}
        seconds = in_turn({**works, **(beside or {})}, rounds)
    return Comparison(
        title=title,
        unit=unit,
        dlhw_side=NAME,
        rounds={name: [scale * value / per for value in taken] for name, taken in seconds.items()},
        losses=losses_of(problem, sides),
        absent={name: reason for name, reason in reasons.items() if reason is not None},
        matmul=setting,
    )


def losses_of(problem: Problem, sides: Mapping[str, Side]) -> dict[str, list[float]]:
    """Loss of each run of each side."""
    return {name: [loss_of(problem, weights) for weights in side.weights()] for name, side in sides.items()}


def matmul_note(comparison: Comparison) -> str:
    """The setting of torch for dlhw and for the peers made with torch."""
    return (
        f"{comparison.title}: torch's float32 matrix-product setting was `{comparison.matmul}` for "
        f"{comparison.dlhw_side} and for every side that uses torch, {PLAIN} among them."
    )
