"""Files for others to read: whole or not at all."""

import os
from pathlib import Path

from segmentation.errors import UserError


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it, or interrupts this, never meets half of it.

    Line ends stay as they are in the text. Raises UserError when the file cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from error
