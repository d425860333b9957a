"""A full file system: one error sentence, no damaged file, and the same bits after a resume with enough space.

`make torture` does the same with files that cannot grow beyond a random size, which needs no privileges.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from zygote import Zygote, output_of

from tests.torture.fingerprint import fingerprint, leftovers
from tests.torture.processes import PATIENCE
from tests.torture.wholeness import torn_files

RUN = (
    "trainer.matmul=highest", "tracking.console=none", "tracking.tensorboard=false", "model.hidden=[16]",
    "trainer.epochs=40", "optimizer=adam",
)  # fmt: skip
# In a separate mount namespace: its end removes the file system.
SCRIPT = """
mount -t tmpfs -o size="$1" none disk || exit 77
{bin}/dlhw-train {run} hydra.run.dir=disk/run 2>full
echo $? >>full
cp -r disk/run full-run
mount -o remount,size=64m disk
{bin}/dlhw-train resume=disk/run >/dev/null || exit 1
cp -r disk/run resumed
"""


def in_namespace(script: str, *arguments: str, cwd: Path) -> int:
    """Exit status of a shell script that may mount file systems, which no other process sees."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return 77
    command = [unshare, "-rm", "sh", "-c", script, "sh", *arguments]
    return subprocess.run(command, cwd=cwd, timeout=PATIENCE, capture_output=True, check=False).returncode


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no small file system can be mounted."""
    folder = tmp_path_factory.mktemp("may")
    (folder / "disk").mkdir()
    if in_namespace("mount -t tmpfs none disk", cwd=folder):
        pytest.skip("only root, or a user who may create user namespaces, can mount a small file system")


@pytest.fixture(scope="module")
def expected(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bits of a run with enough space."""
    folder = tmp_path_factory.mktemp("expected")
    assert zygote.wait(zygote.start(*RUN, "hydra.run.dir=run", cwd=folder)) == 0, output_of(folder)
    return fingerprint(folder / "run")


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("size", ["40k", "80k"])
def test_a_full_file_system(size: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    script = SCRIPT.format(bin=Path(sys.executable).parent, run=" ".join(f"'{word}'" for word in RUN))
    assert in_namespace(script, size, cwd=tmp_path) == 0, (tmp_path / "full").read_text()
    sentence, status = (tmp_path / "full").read_text(encoding="utf-8").splitlines()
    assert (status, sentence.startswith("dlhw-train: ")) == ("1", True)
    assert "No space left on device" in sentence
    assert torn_files(tmp_path / "full-run") == []
    assert fingerprint(tmp_path / "resumed") == expected
    assert leftovers(tmp_path / "resumed") == []
