"""What a message is to those who read it: octets with a size, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gsubmit.fairness import let_others_run
from gsubmit.message.body import BLOCK


class Content(Protocol):
    """The content of a message, header and body; a MessageBody, or a Draft of one."""

    @property
    def directory(self) -> str:
        """The folder for copies that are large."""

    @property
    def size(self) -> int:
        """How many octets there are."""

    @property
    def has_8bit(self) -> bool:
        """Whether any of them may be above 127."""

    def blocks(self) -> Iterator[bytes]:
        """All of it from its start."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` octets from `offset`; empty at the end."""

    def head(self) -> bytes:
        """The header with the empty line after it, or a first part of it when it is very long."""

    def close(self) -> None:
        """Give memory and file back."""


def between(content: Content, start: int, end: int) -> Iterator[bytes]:
    """The octets from one offset to another, in blocks."""
    while start < end and (block := content.read(start, min(BLOCK, end - start))):
        let_others_run()
        start += len(block)
        yield block
