"""Same seed, same bits: whatever surrounds the process, on this machine and with this number of threads."""

import pytest

from tests.torture.environments import ENVIRONMENTS, bits


@pytest.fixture(scope="module")
def expected() -> str:
    """The bits of the run where nothing is special."""
    return bits("")[0]


@pytest.mark.parametrize("environments", ENVIRONMENTS)
def test_bits_do_not_depend_on_environments(environments: str, expected: str) -> None:
    result, leftovers = bits(environments)
    assert not leftovers
    assert result == expected


def test_another_seed_has_other_bits(expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the comparison would not show anything."""
    from tests.torture import environments

    monkeypatch.setattr(environments, "RUN", (*environments.RUN, "seed=1"))
    assert bits("")[0] != expected
