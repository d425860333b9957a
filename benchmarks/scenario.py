"""One scenario in a process of its own: `python -m benchmarks.scenario NAME FILE [--full]`."""

import argparse
from dataclasses import asdict
from pathlib import Path

from benchmarks.page import text_of
from benchmarks.scenarios import check_name, measure
from dlhw.files import write_json


def main() -> None:
    """Measure, print the section, write the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", type=check_name)
    parser.add_argument("file", type=Path)
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    report = measure(args.name, args.full)
    print(text_of(report), flush=True)
    write_json(args.file, asdict(report))


if __name__ == "__main__":
    main()
