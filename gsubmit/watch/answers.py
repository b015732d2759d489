"""Requests and their answers: the same for the control socket, and for a worker that is asked through it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from gsubmit.watch.lines import Object

Command: TypeAlias = Callable[[Object], Iterable[Object]]
Commands: TypeAlias = Mapping[str, Command]

END: Object = {"end": True}
_log = logging.getLogger("gsubmit")


class BadRequest(Exception):
    """A command cannot do what it is asked for; the text is for the one who asks."""


def answered(request: Object, commands: Commands) -> Iterator[Object]:
    """The objects of an answer: what the command named in `request` yields, and END or an error."""
    name = request.get("command")
    command = commands.get(name) if isinstance(name, str) else None
    if command is None:
        yield {"error": f"unknown command {name!r}; there are {', '.join(sorted(commands))}"}
        return
    try:
        yield from command(request)
    except BadRequest as bad:
        yield {"error": str(bad)}
    except Exception:
        _log.exception("control: %s", name)
        yield {"error": "internal error, see the log"}
    else:
        yield END


def text_of(request: Object, name: str) -> str:
    """An argument that is text; empty where there is none. Raises BadRequest."""
    value = request.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(f"{name} is no text")
    return value
