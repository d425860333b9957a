from pathlib import Path

import pytest

from dlhw.environment import cpu_name, machine


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("processor: 0\nmodel name\t: A Processor @ 3 GHz\n", "A Processor @ 3 GHz"),
        ("nothing", None),
        (None, None),
    ],
)
def test_cpu_name(tmp_path: Path, content: str | None, name: str | None) -> None:
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    cpu = cpu_name(tmp_path / "cpuinfo")
    assert cpu
    assert name in (None, cpu)


def test_machine_of_a_cpu_run_names_no_accelerator() -> None:
    assert machine("cpu")["accelerator"] is None
