"""Runs of other data or other code are never averaged and never taken for repeats."""

import json
from pathlib import Path

from commands import run
from report_runs import copied, lr_sweep, make_run, study_of

from dlhw.reporting.captions import warnings
from dlhw.reporting.study import Study
from dlhw.reporting.swept_keys import CODE, DATA


def changed(folder: Path, **values: object) -> Path:
    """A run whose summary says something else."""
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return folder


def counts(study: Study) -> list[int]:
    return [len(cell.runs) for cell in study.cells]


def test_seeds_of_two_codes_are_not_averaged(tmp_path: Path) -> None:
    for seed in range(4):
        make_run(tmp_path / str(seed), seed=seed)
    assert counts(study_of(tmp_path)) == [4]
    for seed in (2, 3):
        changed(tmp_path / str(seed), code="0.0.9 (abc)")
    study = study_of(tmp_path)
    assert (study.keys, counts(study)) == ([CODE], [2, 2])
    (sentence,) = warnings(study)
    assert sentence.startswith("Several versions of the code: 0.0.9 (abc), 0.1.0 (")
    assert sentence.endswith("; each cell holds one (version.code).")


def test_seeds_of_two_contents_of_the_data_are_not_averaged(tmp_path: Path) -> None:
    for seed in range(4):
        make_run(tmp_path / str(seed), seed=seed)
        changed(tmp_path / str(seed), data_content=f"all:{seed // 2}")
    study = study_of(tmp_path)
    assert (study.keys, counts(study)) == ([DATA], [2, 2])
    assert warnings(study)[0].startswith("Several versions of the data: ")


def test_the_same_run_of_other_samples_is_no_repeat(tmp_path: Path) -> None:
    first = make_run(tmp_path / "one")
    copied(first, tmp_path / "copy")
    assert (study_of(tmp_path).repeats, counts(study_of(tmp_path))) == (1, [1])
    changed(tmp_path / "copy", split_hashes={"train": "f00"}, created="2030-01-01T00:00:00+00:00")
    study = study_of(tmp_path)
    assert study.repeats == 0
    assert (study.keys, counts(study)) == ([DATA], [1, 1])


def test_the_same_run_of_other_code_is_no_repeat(tmp_path: Path) -> None:
    changed(copied(make_run(tmp_path / "one"), tmp_path / "copy"), code="0.0.9 (abc)")
    study = study_of(tmp_path)
    assert (study.repeats, study.keys) == (0, [CODE])


def test_cells_that_mix_nothing_are_shown_together_and_the_caption_says_so(tmp_path: Path) -> None:
    lr_sweep(tmp_path)
    for number in (0, 1, 2):
        changed(tmp_path / str(number), code="0.0.9 (abc)")
    study = study_of(tmp_path)
    assert (study.keys, counts(study)) == (["optimizer.lr"], [3, 3, 3])
    assert warnings(study)[0].endswith("; --versions gives each its own cells.")
    apart = study_of(tmp_path, versions=True)
    assert (apart.keys, counts(apart)) == (["optimizer.lr", CODE], [3, 3, 3])


def test_averaging_over_another_key_does_not_mix_either(tmp_path: Path) -> None:
    lr_sweep(tmp_path)
    for number in (0, 1, 2):
        changed(tmp_path / str(number), code="0.0.9 (abc)")
    study = study_of(tmp_path, by=["model.name"])
    assert (study.keys, sorted(counts(study))) == (["model.name", CODE], [3, 6])


def test_swept_data_is_one_version_each(tmp_path: Path) -> None:
    for name in ("digits", "mnist"):
        changed(make_run(tmp_path / name, f"data={name}"), data_content=f"all:{name}")
    study = study_of(tmp_path, versions=True)
    assert study.keys == ["data.name"]
    assert warnings(study) == []


def test_a_run_that_has_not_ended_counts_to_the_newest_version(tmp_path: Path) -> None:
    make_run(tmp_path / "0", seed=0)
    make_run(tmp_path / "1", seed=1, status=None)
    assert counts(study_of(tmp_path)) == [2]


def test_the_command(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    changed(tmp_path / "sweep" / "0", code="0.0.9 (abc)")
    done = run("dlhw-report", "sweep", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Several versions of the code: 0.0.9 (abc), 0.1.0 (" in " ".join(done.stdout.split())
    for name in ("report.md", "index.html", "table.tex"):
        assert "Several versions of the code" in (tmp_path / "sweep" / "report" / name).read_text()
    assert "version.code" in (tmp_path / "sweep" / "report" / "table.csv").read_text()
