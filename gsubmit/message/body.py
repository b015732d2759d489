"""The content of one message while we hold it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

MEMORY_LIMIT = 128 * 1024  # octets kept in memory; more goes to a file
BLOCK = 64 * 1024  # octets read back from the file at a time


class MessageBody:
    """Octets appended by DATA, BDAT and BURL; readable as often as needed; whoever makes it closes it.

    It notes while appending what the rules ask about: bare CR or LF, NUL, 8-bit octets. Content is judged as one
    piece, however it was cut (SMG-11). After MEMORY_LIMIT octets it moves to an unlinked file in `directory`.
    """

    __slots__ = (
        "_breaks", "_crs", "_directory", "_ends_in_cr", "_file", "_lfs", "_memory", "has_8bit", "has_nul", "size",
    )  # fmt: skip

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._crs = self._lfs = self._breaks = 0
        self._ends_in_cr = False
        self.size = 0
        self.has_nul = False
        self.has_8bit = False

    @property
    def has_bare_line_end(self) -> bool:
        """Whether a CR or an LF stands outside CRLF."""
        return not self._crs == self._lfs == self._breaks

    def append(self, block: bytes) -> None:
        """Add octets. Raises OSError when the directory has no room for them; the body is useless then."""
        if not block:
            return
        self._inspect(block)
        self.size += len(block)
        if self._file is None and self.size <= MEMORY_LIMIT:
            self._memory += block
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed by close()
            self._write(self._memory)
            self._memory = bytearray()
        self._write(block)

    def _inspect(self, block: bytes) -> None:
        self._crs += block.count(b"\r")
        self._lfs += block.count(b"\n")
        self._breaks += block.count(b"\r\n") + (self._ends_in_cr and block[0] == 0x0A)
        self._ends_in_cr = block[-1] == 0x0D
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
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            yield block

    def head(self) -> bytes:
        """The header with the empty line after it, or the first block when it is longer than that."""
        first = next(self.blocks(), b"")[:BLOCK]
        end = first.find(b"\r\n\r\n")
        return first if end < 0 else first[: end + 4]

    def close(self) -> None:
        """Give memory and file back."""
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None
