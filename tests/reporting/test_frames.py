"""Run folders become frames, whatever became of them."""

import math
import shutil
from pathlib import Path

import pandas
import pytest
from omegaconf import OmegaConf
from report_runs import REGRESSION, frame_of, lr_sweep, make_run

from dlhw.errors import RunFolderError
from dlhw.reporting.frames import UNFINISHED, UNREADABLE, load_curves
from dlhw.reporting.tables import NOT_COUNTED
from dlhw.runs.folder import COLUMNS
from dlhw.status import Status


def test_one_row_a_run(tmp_path: Path) -> None:
    frame = frame_of(lr_sweep(tmp_path))
    assert frame["optimizer.lr"].tolist() == [1.0] * 3 + [0.1] * 3 + [0.01] * 3
    assert frame["seed"].tolist() == [0, 1, 2] * 3
    assert set(frame["status"]) == {"completed"}
    assert frame["folder"].tolist() == [str(tmp_path / str(number)) for number in range(9)]
    assert frame["num_parameters"].tolist() == [1210] * 9
    row = frame.iloc[3]
    assert row["final/val/accuracy"] == row["best/val/accuracy"] == row["selected/val/accuracy"] == 0.9


def test_ten_runs_are_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        make_run(tmp_path / str(number), seed=number)
    assert frame_of(tmp_path)["seed"].tolist() == [1, 2, 10]


def test_values_stay_what_they_are(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "model.hidden=[16,8]", "trainer.early_stopping.patience=3", seed=2**62)
    make_run(tmp_path / "b", "optimizer=adam")
    frame = frame_of(tmp_path)
    assert frame["model.hidden"].tolist()[0] == "[16, 8]"
    assert frame["trainer.early_stopping.patience"].tolist() == [3, None]
    assert frame["seed"].tolist() == [2**62, 0]
    momentum = frame["optimizer.momentum"].tolist()
    assert momentum[0] == 0
    assert math.isnan(momentum[1])


def test_regression_has_no_accuracy(tmp_path: Path) -> None:
    frame = frame_of(make_run(tmp_path / "run", *REGRESSION, scores={"train": 1.0, "val": 2.0}))
    assert frame["final/val/loss"].tolist() == [2.0]
    assert frame["final/val/accuracy"].isna().all()
    assert load_curves(tmp_path)["accuracy"].isna().all()


@pytest.mark.parametrize(("select", "expected"), [("best", "best"), ("last", "final")])
def test_selected_follows_the_trainer(tmp_path: Path, select: str, expected: str) -> None:
    frame = frame_of(make_run(tmp_path / "run", f"trainer.select={select}"))
    assert frame["selected/test/loss"].tolist() == frame[f"{expected}/test/loss"].tolist()


def test_moved_and_copied_folders_read_alike(tmp_path: Path) -> None:
    one = lr_sweep(tmp_path / "one")
    before = frame_of(one).drop(columns="folder")
    moved = Path(shutil.move(one, tmp_path / "far" / "away"))
    pandas.testing.assert_frame_equal(frame_of(moved).drop(columns="folder"), before)


def test_links_are_followed_but_never_twice(tmp_path: Path) -> None:
    make_run(tmp_path / "real" / "run")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    assert len(frame_of(tmp_path)) == 1
    assert len(frame_of(tmp_path / "linked")) == 1
    assert len(frame_of(tmp_path, tmp_path / "real")) == 1


def test_a_run_without_summary_is_unfinished(tmp_path: Path) -> None:
    make_run(tmp_path / "run", seed=5, status=None)
    (row,) = frame_of(tmp_path).to_dict("records")
    assert (row["status"], row["seed"], row["optimizer.lr"]) == (UNFINISHED, 5, 0.1)


def test_no_run_found(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=f"no run found in {tmp_path}: a run's folder holds .hydra"):
        frame_of(tmp_path)
    with pytest.raises(RunFolderError, match="nowhere is not a folder"):
        frame_of(tmp_path / "nowhere")


DAMAGES = [
    ("summary.json", '{"status": "comple', "summary.json is damaged: it is not JSON"),
    ("summary.json", "[1, 2]", "summary.json is not the summary of a run: it has no status"),
    ("summary.json", '{"status": "completed", "final": {"val": {"loss": "x"}}}', "scores are not numbers"),
    ("summary.json", '{"status": "completed", "final": [3]}', "scores are not numbers"),
    ("summary.json", "[" * 100_000, "is not JSON"),
    (".hydra/config.yaml", "a: [1, ", "config.yaml is damaged: it is not the YAML"),
    (".hydra/config.yaml", "- a\n- b\n", "config.yaml is damaged: it does not hold a config"),
    (".hydra/config.yaml", "a: !!python/object/apply:os.getcwd []\n", "it is not the YAML"),
    (".hydra/config.yaml", "", "does not hold a config"),
]


@pytest.mark.parametrize(("name", "text", "sentence"), DAMAGES)
def test_a_damaged_run_is_refused_alone_and_listed_among_others(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    bad = make_run(tmp_path / "bad")
    (bad / name).write_text(text)
    with pytest.raises(RunFolderError, match=sentence) as caught:
        frame_of(bad)
    assert str(bad / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    make_run(tmp_path / "good")
    frame = frame_of(tmp_path)
    assert frame["status"].tolist() == [UNREADABLE, "completed"]
    assert sentence in frame["message"][0]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (make_run(tmp_path / "bad") / "summary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunFolderError, match="is not text in UTF-8"):
        frame_of(tmp_path)


def test_interpolations_are_resolved_where_they_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_PLACE", raising=False)
    path = make_run(tmp_path / "run") / ".hydra" / "config.yaml"
    saved = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(saved, dict)
    saved |= {"name": "${data.name}-${model.name}", "where": "${oc.env:NO_SUCH_PLACE}/x", "odd": "${a"}
    path.write_text(OmegaConf.to_yaml(OmegaConf.create({k: v for k, v in saved.items() if k != "odd"})))
    (row,) = frame_of(tmp_path).to_dict("records")
    assert (row["name"], row["where"]) == ("digits-mlp", "${oc.env:NO_SUCH_PLACE}/x")
    path.write_text(path.read_text() + 'odd: "${a"\n')
    assert frame_of(tmp_path)["odd"].tolist() == ["${a"]


def test_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run") / ".hydra" / "config.yaml"
    path.write_text(path.read_text().replace("lr: 0.1", "lr: 1e-3"))
    assert frame_of(tmp_path)["optimizer.lr"].tolist() == [0.001]


def test_curves_are_long(tmp_path: Path) -> None:
    frame = load_curves(lr_sweep(tmp_path))
    assert len(frame) == 9 * (3 * 2 + 1)
    one = frame[(frame["folder"] == str(tmp_path / "3")) & (frame["split"] == "val")]
    assert one["epoch"].tolist() == [1, 2, 3]
    assert one["accuracy"].tolist()[-1] == 0.9


def test_a_torn_last_line_of_a_killed_run_is_passed_over(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run", status=None) / "metrics.csv"
    path.write_bytes(path.read_bytes()[:-9])
    assert load_curves(tmp_path)["split"].tolist() == ["train", "val"] * 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{columns}\n0,1,2,val\n0,1,2,val,.1,.2,.3\n", "is damaged at line 2"),
        ("{columns}\n0,1,2,val,.1,.2,.3\n0,1,2,val,x,.2,.3\n", "is damaged at line 3"),
        ("a,b\n1,2\n", "is not the metrics of a run"),
    ],
)
def test_damaged_metrics_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = make_run(tmp_path / "run") / "metrics.csv"
    path.write_text(text.format(columns=",".join(COLUMNS)))
    with pytest.raises(RunFolderError, match=sentence):
        load_curves(tmp_path)


def test_a_run_that_is_no_success_is_left_out_of_the_means() -> None:
    assert {*NOT_COUNTED} == {*(str(status) for status in Status if not status.is_success), UNFINISHED}
