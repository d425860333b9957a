"""Fetching files, from a real server on this machine."""

import gzip
import hashlib
from pathlib import Path

import pytest
import torchvision.datasets

from dlhw.config.data import MNISTConfig, SplitConfig
from dlhw.data import load_dataset
from dlhw.data.download import RemoteFile, fetch
from dlhw.errors import DataError

NAME = "train-labels-idx1-ubyte"


def remote(folder: Path, *urls: str, gzipped: bool = True) -> RemoteFile:
    md5 = hashlib.md5((folder / f"{NAME}.gz").read_bytes()).hexdigest()
    return RemoteFile(tuple(f"{url}/{NAME}.gz" for url in urls), md5, gzipped)


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("gzipped", [True, False])
def test_a_good_file_is_put_in_place(tmp_path: Path, server: tuple[str, Path], gzipped: bool) -> None:
    url, folder = server
    target = tmp_path / "new" / "raw" / NAME
    fetch(remote(folder, url, gzipped=gzipped), target)
    served = (folder / f"{NAME}.gz").read_bytes()
    assert target.read_bytes() == (gzip.decompress(served) if gzipped else served)
    assert everything_below(tmp_path / "new") == ["raw", f"raw/{NAME}"]


def test_the_next_mirror_is_tried(tmp_path: Path, server: tuple[str, Path], dead_url: str) -> None:
    url, folder = server
    fetch(remote(folder, dead_url, f"{url}/nowhere", url), tmp_path / "new" / NAME)
    assert everything_below(tmp_path / "new") == [NAME]


def test_all_mirrors_fail(tmp_path: Path, server: tuple[str, Path], dead_url: str) -> None:
    url, folder = server
    message = rf"^{dead_url}/{NAME}.gz: .*refused.*; {url}/no/{NAME}.gz: HTTP Error 404"
    with pytest.raises(DataError, match=message):
        fetch(remote(folder, dead_url, f"{url}/no"), tmp_path / "new" / NAME)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("url", ["no-url", "http://", "http://[", "http://127.0.0.1:0"])
def test_no_url_at_all(tmp_path: Path, server: tuple[str, Path], url: str) -> None:
    with pytest.raises(DataError):
        fetch(remote(server[1], url), tmp_path / "new" / NAME)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, server: tuple[str, Path]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/raw cannot be written: (Not a directory|File exists)$"):
        fetch(remote(server[1], server[0]), tmp_path / "file" / "raw" / NAME)


def test_missing_files_are_fetched_once(
    tmp_path: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = server
    resources = [(file.name, hashlib.md5(file.read_bytes()).hexdigest()) for file in folder.iterdir()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    config = MNISTConfig(root=str(tmp_path / "new"), mirror=f"{url}/", split=SplitConfig(val=20))
    first = load_dataset(config, 0)
    for file in folder.iterdir():
        file.unlink()
    assert load_dataset(config, 0).hashes == first.hashes
    names = sorted(f"MNIST/raw/{name.removesuffix('.gz')}" for name, _ in resources)
    assert everything_below(tmp_path / "new") == ["MNIST", "MNIST/raw", *names]


def test_wrong_md5(tmp_path: Path, server: tuple[str, Path]) -> None:
    # The server's files are good IDX files, but not the published ones.
    root = tmp_path / "new"
    message = (
        r"^train-images-idx3-ubyte is missing in .*new/MNIST/raw and could not be fetched \(.*: "
        r"MD5 is \w{32}, must be f68b3c2dcbeaaa9fbdd348bbdeb94873\): put it there, point data.root "
        r"\(or DLHW_DATA_DIR\) to the folder that holds MNIST/raw, or set data.mirror"
    )
    with pytest.raises(DataError, match=message):
        load_dataset(MNISTConfig(root=str(root), mirror=server[0]), 0)
    assert not root.exists()


def test_no_network(tmp_path: Path, dead_url: str) -> None:
    root = tmp_path / "new"
    with pytest.raises(
        DataError, match=r"could not be fetched \(.*refused.*data.root.*DLHW_DATA_DIR.*mirror"
    ):
        load_dataset(MNISTConfig(root=str(root), mirror=dead_url), 0)
    assert not root.exists()


def test_download_not_allowed(tmp_path: Path) -> None:
    message = (
        r"^train-images-idx3-ubyte is missing in .*new/MNIST/raw: put it there, point data.root "
        r"\(or DLHW_DATA_DIR\) to the folder that holds MNIST/raw, or set data.download=true$"
    )
    with pytest.raises(DataError, match=message):
        load_dataset(MNISTConfig(root=str(tmp_path / "new"), download=False), 0)
    assert not (tmp_path / "new").exists()
