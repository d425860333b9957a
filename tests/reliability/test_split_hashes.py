"""The summary of a run has a hash of every split, which shows the split that has changed."""

import json
from pathlib import Path

import pytest
from commands import metrics, run, summary

from dlhw.hydra_support.compose import compose

FAST = [
    "model=mlp", "model.hidden=[5]", "trainer.epochs=4", "trainer.batch_size=8", "trainer.gradcheck=false",
    "trainer.matmul=highest", "tracking.console=none",
]  # fmt: skip


def test_the_command_and_its_summary(tmp_path: Path) -> None:
    rows = "a,b,label\n" + "".join(f"{n % 7},{n % 5},{n % 2}\n" for n in range(40))
    tests = {"one": "a,b,label\n1,1,0\n2,2,1\n", "other": "a,b,label\n1e9,-1e9,1\n2,2,0\n"}
    (tmp_path / "train.csv").write_text(rows)
    folders = []
    for name, text in tests.items():
        (tmp_path / "test.csv").write_text(text)
        data = ["data=csv", "data.train=train.csv", "data.test=test.csv", "data.normalize=standardize"]
        done = run("dlhw-train", *data, *FAST, f"hydra.run.dir={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        folders.append(tmp_path / name)
    one, other = map(summary, folders)
    assert {split: len(digest) for split, digest in one["split_hashes"].items()} == {
        "train": 64,
        "val": 64,
        "test": 64,
    }
    changed = [
        split for split in one["split_hashes"] if one["split_hashes"][split] != other["split_hashes"][split]
    ]
    assert changed == ["test"]
    assert one["best"]["test"] != other["best"]["test"]
    rows_of = [
        [{**row, "seconds": ""} for row in metrics(folder) if row["split"] != "test"] for folder in folders
    ]
    assert rows_of[0] == rows_of[1]
    again = run("dlhw-eval", "one", "--json", cwd=tmp_path)  # test.csv is the other one by now
    assert (again.returncode, again.stderr) == (
        1,
        "dlhw-eval: other data than the run's in test (split_hashes)\n",
    )
    assert set(json.loads(again.stdout)) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["data.test=a.csv"], "data.test must be another file than data.train, got a.csv for both"),
        (
            ["data.val=b.csv", "data.test=b.csv"],
            "data.val must be another file than data.test, got b.csv for both",
        ),
    ],
)
def test_the_same_file_twice(files: list[str], sentence: str) -> None:
    assert any(
        sentence in problem for problem in compose(["data=csv", "data.train=a.csv", *files]).problems()
    )
