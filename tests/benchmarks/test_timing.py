"""Sides take turns."""

import gc

from benchmarks.timing import fastest, in_turn


def test_every_round_calls_each_side_once_and_starts_with_the_next() -> None:
    calls: list[tuple[str, int]] = []
    sides = {name: (lambda number, name=name: calls.append((name, number))) for name in "abc"}
    seconds = in_turn(sides, rounds=4, warm_ups=2)
    rounds = [calls[start : start + 3] for start in range(0, len(calls), 3)]
    assert [[number for _, number in calls_of_round] for calls_of_round in rounds] == [
        [number] * 3 for number in range(6)
    ]
    assert [[name for name, _ in calls_of_round] for calls_of_round in rounds[:4]] == [
        list("abc"),
        list("bca"),
        list("cab"),
        list("abc"),
    ]
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 4, "b": 4, "c": 4}
    assert all(taken >= 0 for of_side in seconds.values() for taken in of_side)


def test_the_collector_is_as_before_also_after_a_failure() -> None:
    def fail(number: int) -> None:
        assert gc.get_freeze_count() > 0
        raise ArithmeticError

    before = gc.get_freeze_count()
    try:
        in_turn({"a": fail}, rounds=1)
    except ArithmeticError:
        assert gc.get_freeze_count() == before
    else:
        raise AssertionError("the failure was swallowed")


def test_fastest_drops_the_first_call() -> None:
    calls = []
    assert fastest(lambda: calls.append(1), 3) >= 0
    assert len(calls) == 4
