"""The content of one message while we hold it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from io import IncrementalNewlineDecoder
from typing import IO

MEMORY_LIMIT = 128 * 1024  # octets kept in memory; more goes to a file
BLOCK = 64 * 1024  # octets read back from the file at a time


class MessageBody:
    """Octets appended by DATA, BDAT and BURL; readable as often as needed; whoever makes it closes it.

    It notes while appending what the rules ask about: bare CR or LF, NUL, 8-bit octets. Content is judged as one
    piece, however it was cut (SMG-11). After MEMORY_LIMIT octets it moves to an unlinked file in `directory`.
    """

    __slots__ = ("_file", "_head", "_line_ends", "_memory", "directory", "has_8bit", "has_nul", "size")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._head: bytes | None = None  # once it was asked for
        # Six times faster than counting: it notes which kinds of line end it has seen.
        self._line_ends = IncrementalNewlineDecoder(None, translate=False)
        self.size = 0
        self.has_nul = False
        self.has_8bit = False

    def has_bare_line_end(self) -> bool:
        """Whether a CR or an LF stands outside CRLF; asked when the content is complete."""
        self._line_ends.decode("", final=True)  # a CR at the very end is a bare one
        return self._line_ends.newlines not in (None, "\r\n")

    def append(self, block: bytes) -> None:
        """Add octets. Raises OSError when the directory has no room for them; the body is useless then."""
        if not block:
            return
        self._inspect(block)
        self._head = None
        self.size += len(block)
        if self._file is None and self.size <= MEMORY_LIMIT:
            self._memory += block
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self.directory, buffering=0)  # noqa: SIM115 - closed by close()
            self._write(self._memory)
            self._memory = bytearray()
        self._write(block)

    def _inspect(self, block: bytes) -> None:
        self._line_ends.decode(block.decode("latin-1"))
        self.has_8bit = self.has_8bit or not block.isascii()
        self.has_nul = self.has_nul or b"\0" in block

    def _write(self, block: bytes | bytearray) -> None:
        assert self._file is not None
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]

    def blocks(self) -> Iterator[bytes]:
        """The content from its start."""
        if self._file is None:
            if self._memory:
                yield bytes(self._memory)
            return
        at = 0
        while block := os.pread(self._file.fileno(), BLOCK, at):
            at += len(block)
            yield block

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` octets from `offset`; empty at the end. It leaves `blocks()` and `append()` their place."""
        if self._file is None:
            return bytes(self._memory[offset : offset + size])
        return os.pread(self._file.fileno(), size, offset)

    def head(self) -> bytes:
        """The header with the empty line after it, or the first block when it is longer than that."""
        if self._head is None:
            first = self.read(0, BLOCK)
            end = (b"\r\n" + first).find(b"\r\n\r\n")  # the message may begin with the empty line
            self._head = first if end < 0 else first[: end + 2]
        return self._head

    def close(self) -> None:
        """Give memory and file back."""
        self._memory, self._head = bytearray(), None
        if self._file is not None:
            self._file.close()
            self._file = None
