"""Asking a running server, from another process."""

from __future__ import annotations

import pwd
import time
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

from gsubmit.watch.answers import END
from gsubmit.watch.lines import BadLine, Lines, Object
from gsubmit.watch.place import socket_path

ANSWER_TIME = 15.0  # seconds for a whole answer; workers that hang are given up before


class NoAnswer(Exception):
    """There is no answer, or it is an error; the text is one line for the administrator."""


def ask(base_dir: str, request: Object) -> list[Object]:
    """The objects of the answer to one request. Raises NoAnswer."""
    if not base_dir:
        raise NoAnswer("base_dir is empty: the server has no socket to be asked by")
    path = socket_path(base_dir)
    deadline = time.monotonic() + ANSWER_TIME
    with socket(AF_UNIX, SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_TIME)
        try:
            sock.connect(str(path))
            lines = Lines(sock)
            lines.write([request])
            return _answer(lines, deadline)
        except OSError as error:
            raise NoAnswer(_why(error, path)) from error
        except BadLine as bad:
            raise NoAnswer(f"{path} answers with {bad}: is that gsubmit?") from bad


def _answer(lines: Lines, deadline: float) -> list[Object]:
    objects: list[Object] = []
    while (one := lines.read(deadline)) is not None:
        if one == END:
            return objects
        if "error" in one:
            raise NoAnswer(str(one["error"]))
        objects.append(one)
    raise NoAnswer("the server has ended before its answer was complete")


def _why(error: OSError, path: Path) -> str:
    match error:
        case FileNotFoundError():
            return f"no server runs with base_dir = {path.parent}: there is no {path}"
        case ConnectionRefusedError():
            return f"no server runs with base_dir = {path.parent} any more: nobody answers at {path}"
        case PermissionError():
            return f"no right to ask the server: {path} is for root{_owner(path)}"
        case TimeoutError():
            return f"the server does not answer at {path} in {ANSWER_TIME:.0f} seconds"
        case _:
            return f"the server cannot be asked at {path}: {error.strerror or error}"


def _owner(path: Path) -> str:
    """The user who may ask besides root, if that can be found out."""
    try:
        uid = path.stat().st_uid
        return f" and {pwd.getpwuid(uid).pw_name}" if uid else ""
    except (OSError, KeyError):
        return ""
