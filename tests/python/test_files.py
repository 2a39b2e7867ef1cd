"""Files that commands write for others: whole, in the place of a file only, and without rubbish when they cannot."""

import os
import socket
from datetime import datetime
from pathlib import Path

import pytest
from test_bad_input import assert_one_sentence

from segmentation import files
from segmentation.errors import UserError
from segmentation.export import export, find
from segmentation.files import write_whole
from segmentation.home import Home


def refuse(path: Path, words: str) -> None:
    """Writing there is refused in one sentence, and nothing is left beside it."""
    with pytest.raises(UserError) as error:
        write_whole(path, "text\n")
    assert_one_sentence(str(error.value), words)
    assert not list(path.parent.glob("*.partial"))


def test_a_file_is_replaced_whole_and_line_ends_stay(tmp_path: Path):
    path = tmp_path / "x.csv"
    for text in ("old\n", "new\r\nlines\n"):
        write_whole(path, text)
        assert path.read_bytes() == text.encode()
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_what_is_no_regular_file_is_not_replaced(kind: str, tmp_path: Path, monkeypatch):
    path = tmp_path / "x"
    if kind == "socket":
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("x")
    else:
        (os.mkfifo if kind == "pipe" else os.mkdir)(path)
    mode = path.lstat().st_mode
    refuse(path, "is not a regular file")
    assert path.lstat().st_mode == mode


@pytest.mark.parametrize("points_at", ["file", "pipe", "nothing"])
def test_a_symbolic_link_is_neither_replaced_nor_followed(points_at: str, tmp_path: Path):
    meant, path = tmp_path / "meant", tmp_path / "x"
    if points_at == "file":
        meant.write_text("as it was")
    elif points_at == "pipe":
        os.mkfifo(meant)
    path.symlink_to(meant)
    refuse(path, "is a symbolic link")
    assert path.is_symlink() and (points_at != "file" or meant.read_text() == "as it was")


def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(tmp_path: Path):
    """A killed process may have left the unfinished file, and somebody a link of its name."""
    other = tmp_path / "other"
    other.write_text("as it was")
    (tmp_path / "x.partial").symlink_to(other)
    write_whole(tmp_path / "x", "text")
    assert (other.read_text(), (tmp_path / "x").read_text()) == ("as it was", "text")
    assert sorted(os.listdir(tmp_path)) == ["other", "x"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=ascii)
def test_a_failed_renaming_leaves_the_old_file_and_no_rubbish(error: BaseException, tmp_path: Path, monkeypatch):
    def fail(*_):
        raise error

    (tmp_path / "x").write_text("old")
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(UserError if isinstance(error, OSError) else KeyboardInterrupt):
        write_whole(tmp_path / "x", "new")
    assert os.listdir(tmp_path) == ["x"] and (tmp_path / "x").read_text() == "old"


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_names_no_file_is_refused(name: str):
    with pytest.raises(UserError) as error:
        write_whole(Path(name), "text\n")
    assert_one_sentence(str(error.value), "is no name for a file")


def test_an_export_without_a_name_or_whose_manifest_has_no_place_writes_nothing(tmp_path: Path):
    """Both places are looked at before the build is read."""
    os.mkfifo(tmp_path / "x.csv.manifest.json")
    for path, words in ((Path(""), "is no name for a file"), (tmp_path / "x.csv", "x.csv.manifest.json: is not a regular file")):
        with pytest.raises(UserError) as error:
            export(Home(tmp_path), find("segment_metrics"), 10, datetime(2026, 3, 2), "anna", path)
        assert_one_sentence(str(error.value), words)
    assert os.listdir(tmp_path) == ["x.csv.manifest.json"]
