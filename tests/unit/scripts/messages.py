"""Messages for scripts."""

from __future__ import annotations

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft

_made: list[MessageBody] = []


def draft_of(octets: bytes) -> Draft:
    body = MessageBody("/tmp")
    body.append(octets)
    _made.append(body)
    return Draft(body)


def close_all() -> None:
    """Give the files of large ones back."""
    while _made:
        _made.pop().close()


def octets_of(draft: Draft) -> bytes:
    return b"".join(draft.blocks())
