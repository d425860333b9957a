"""Put sides beside each other."""

from collections.abc import Mapping, Sequence

from benchmarks.ours import NAME, OTHER_WAYS, Ours
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
    ways: Sequence[str] = (),
    beside: Mapping[str, Work] | None = None,
    overrides: Sequence[str] = (),
) -> Comparison:
    """Train the same problem with ours and with each peer that is here, in turn.

    Args:
        title: of the comparison.
        problem: what is trained.
        peers: their names.
        rounds: to keep; one more is dropped.
        per: what a round is divided by, such as the steps or runs of it.
        unit: of the numbers.
        scale: seconds to that unit.
        ways: our other ways that take part, see `OTHER_WAYS`.
        beside: other work that is measured in the same rounds, and has no loss.
        overrides: of our config.
    """
    ours = Ours(problem, overrides)
    reasons = {name: why_absent(name) for name in peers}
    start = ours.weights()
    sides: dict[str, Side] = {NAME: ours}
    sides |= {way: Ours(problem, OTHER_WAYS[way]) for way in ways}
    sides |= {name: build_peer(name, problem, start) for name in peers if reasons[name] is None}
    setting = ours.matmul()
    with matmul_setting(setting):
        works = {name: side.train for name, side in sides.items()}
        seconds = in_turn({**works, **(beside or {})}, rounds)
    return Comparison(
        title=title,
        unit=unit,
        ours=NAME,
        rounds={name: [scale * each / per for each in taken] for name, taken in seconds.items()},
        losses=losses_of(problem, sides),
        absent={name: reason for name, reason in reasons.items() if reason is not None},
        matmul=setting,
    )


def losses_of(problem: Problem, sides: Mapping[str, Side]) -> dict[str, list[float]]:
    """Loss of each run of each side."""
    return {name: [loss_of(problem, each) for each in side.weights()] for name, side in sides.items()}


def matmul_note(comparison: Comparison) -> str:
    """Which setting of torch held for ours and for the peers made of torch."""
    return (
        f"{comparison.title}: torch's float32 matrix-product setting was `{comparison.matmul}` for "
        f"{comparison.ours} and for every side that uses torch, {PLAIN} among them."
    )
