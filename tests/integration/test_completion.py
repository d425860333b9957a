"""Tab completion as a real bash asks for it."""

import os
import subprocess
from pathlib import Path

import pytest
from commands import BIN

SCRIPT = """
set -u
eval "$(dlhw-train --completion bash)"
while IFS= read -r line; do
    COMP_LINE="$line"; COMP_POINT=${#line}; COMP_CWORD=0
    COMP_WORDS=($line)
    command="${line%% *}"
    complete -p "$command" > /dev/null || exit 3
    _dlhw_complete "$command"
    printf '%s|' "${COMPREPLY[@]}"
    printf '\\n'
done
"""

# A line as it is typed -> what bash offers (it completes what follows the last `=`), and what it must not.
CASES = [
    ("dlhw-train mod", {"model=", "model.hidden=", "model.init.scheme="}, {"model.filters="}),
    ("dlhw-train model=", {"mlp", "cnn", "softmax"}, {"base_mlp"}),
    ("dlhw-train model=cnn model.f", {"model.filters="}, {"model.hidden="}),
    ("dlhw-train -m model=mlp,c", {"mlp,cnn"}, set()),
    ("dlhw-train experiment=cs7643/", {"cs7643/lr", "cs7643/softmax"}, {"cs7643/_recipe"}),
    ("dlhw-train model.activation=", {"relu", "sigmoid"}, {"softmax"}),
    ("dlhw-train trainer.shuffle=", {"true", "false"}, set()),
    ("dlhw-train data=csv data.train=mi", {"mine.csv"}, {"other.csv"}),
    ("dlhw-train data=cs229/", {"cs229/sizes"}, set()),
    ("dlhw-train --", {"--multirun", "--help", "--version", "--cfg"}, set()),
    ("dlhw-plan loss=", {"cross_entropy", "squared_error"}, set()),
    ("dlhw-eval runs/", {"runs/digits-mlp/"}, set()),
    ("dlhw-eval --c", {"--checkpoint"}, set()),
    ("dlhw-report --b", {"--by", "--baseline"}, set()),
    ("dlhw-report runs/dig", {"runs/digits-mlp/"}, set()),
    ("dlhw-reproduce cs229/r", {"cs229/ridge"}, set()),
    ("dlhw-reproduce --q", {"--quick"}, set()),
    ("dlhw-gradcheck model=s", {"softmax"}, set()),
    ("dlhw-gradcheck --a", {"--all"}, set()),
]


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> list[set[str]]:
    """What a bash offers for every line, in a folder with two files and a run."""
    folder = tmp_path_factory.mktemp("completion")
    for name in ("mine.csv", "other.csv"):
        (folder / name).touch()
    (folder / "runs" / "digits-mlp").mkdir(parents=True)
    done = subprocess.run(
        ["bash", "-c", SCRIPT], input="".join(f"{line}\n" for line, _, _ in CASES), cwd=folder, text=True,
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}, capture_output=True, check=True,
    )  # fmt: skip
    return [set(line.split("|")) - {""} for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[line for line, _, _ in CASES])
def test_bash_offers_what_fits(offered: list[set[str]], number: int) -> None:
    _, wanted, unwanted = CASES[number]
    assert wanted <= offered[number]
    assert not unwanted & offered[number]
    assert not any(word.rpartition("/")[2].startswith(("base_", "_")) for word in offered[number])


def test_other_shells_are_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "dlhw-train", "--completion", "fish"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "--completion knows bash only, got fish\n")
