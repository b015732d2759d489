"""Reading the files of a configuration."""

from __future__ import annotations

from pathlib import Path

LINE_END = b"\n"


def read_text(file: Path) -> str:
    """Return a file's content. Raises OSError or ValueError (of which UnicodeError is one); see `reason`."""
    # Only regular files: a pipe or a device would never end.
    if not file.is_file():
        file.stat()  # raises the better explanation, when there is one
        raise OSError("not a regular file")
    return file.read_text(encoding="utf-8-sig")  # without the mark that some editors put first


def reason(error: OSError | ValueError) -> str:
    """Why a file could not be read, without the number and the path that the error carries."""
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start]
        return f"not UTF-8 text, see line {before.count(LINE_END) + 1}"
    words = getattr(error, "strerror", None) or str(error)
    return words[:1].lower() + words[1:]
