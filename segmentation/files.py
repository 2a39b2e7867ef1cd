"""Files: YAML of the project to read, and files for others to read, whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from segmentation.errors import UserError


def read_yaml(path: Path) -> dict:
    """What a YAML file of the project says; an empty file says nothing. libyaml reads it, where PyYAML has it, eight times faster."""
    import yaml  # late: most commands read none

    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it, or interrupts this, never meets half of it. What it fails at leaves no rubbish.

    Line ends stay as they are in the text. Raises UserError when the file cannot be written, or check_target() refuses its place.
    """
    check_target(path)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)  # what a killed process left; "x" follows no link that somebody put there
        with partial.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from error
    finally:
        with suppress(OSError):  # after the renaming there is none
            partial.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Raise UserError for a place where no file can be put, or where something else than a file would be lost.

    Renaming replaces whatever bears the name: of a device, a pipe or a socket the node itself, and of a symbolic link the link,
    so that whoever reads what it points at is left with the old text. To follow a link would write where the caller did not say,
    wherever somebody who may write to the folder has pointed it. So links are refused too, and the user names the file meant.
    """
    try:
        path.with_name(path.name + ".partial")
    except ValueError:
        raise UserError(f"{str(path)!r} is no name for a file.") from None
    try:
        if path.is_symlink():
            raise UserError(f"{path}: is a symbolic link; name the file that it points at.")
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is not a regular file, and is left as it is.")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from error
