"""The content of one message while it is held."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gsubmit.message.body import BLOCK, MEMORY_LIMIT, MessageBody


@pytest.fixture
def body(tmp_path: Path) -> Iterator[MessageBody]:
    body = MessageBody(str(tmp_path))
    yield body
    body.close()


def content(body: MessageBody) -> bytes:
    return b"".join(body.blocks())


@pytest.mark.parametrize(
    ("blocks", "bare"),
    [
        pytest.param([b""], False, id="nothing"),
        pytest.param([b"a\r\nb\r\n"], False, id="DAT-5 CRLF"),
        pytest.param([b"a\r", b"\nb"], False, id="SMG-11 CRLF in two blocks"),
        pytest.param([b"a\r", b"", b"\nb"], False, id="SMG-11 CRLF around an empty block"),
        pytest.param([b"\r", b"\n", b"\r", b"\n"], False, id="SMG-11 octet by octet"),
        pytest.param([b"a\nb"], True, id="SMG-2 bare LF"),
        pytest.param([b"a\rb"], True, id="SMG-2 bare CR"),
        pytest.param([b"\n\r"], True, id="SMG-2 LF CR"),
        pytest.param([b"a\n", b".\r\n"], True, id="TV-SMG-35 bare LF at the end of a block"),
        pytest.param([b"a\r", b"b\n"], True, id="SMG-11 CR and LF that do not meet"),
        pytest.param([b"a\r\r\n"], True, id="SMG-9 CR CR LF"),
        pytest.param([b"a\r", b"\r\n"], True, id="SMG-9 CR CR LF in two blocks"),
        pytest.param([b"a\r\n\n"], True, id="CR LF LF"),
        pytest.param([b"a\r"], True, id="CR at the end"),
        pytest.param([b"\nx\r"], True, id="LF first and CR last"),
    ],
)
def test_bare_line_end(body: MessageBody, blocks: list[bytes], bare: bool) -> None:
    for block in blocks:
        body.append(block)
    assert body.has_bare_line_end() is bare


@pytest.mark.parametrize(
    ("block", "nul", "eight_bit"),
    [
        pytest.param(b"a\r\n", False, False, id="7bit"),
        pytest.param(b"\x7f\x01", False, False, id="highest and lowest of 7bit"),
        pytest.param(b"a\0b", True, False, id="DAT-6 NUL"),
        pytest.param(b"\x80", False, True, id="DAT-7 8bit"),
    ],
)
def test_octets(body: MessageBody, block: bytes, nul: bool, eight_bit: bool) -> None:
    body.append(block)
    body.append(b"more\r\n")
    assert (body.has_nul, body.has_8bit) == (nul, eight_bit)


@pytest.mark.parametrize(
    ("size", "files"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(MEMORY_LIMIT, 0, id="all that memory takes"),
        pytest.param(MEMORY_LIMIT + 1, 1, id="one octet more"),
        pytest.param(3 * MEMORY_LIMIT + 7, 1, id="much more"),
    ],
)
@pytest.mark.parametrize("step", [1000, MEMORY_LIMIT, 1 << 20])
def test_content(body: MessageBody, tmp_path: Path, size: int, files: int, step: int) -> None:
    octets = bytes(range(256)) * (size // 256 + 1)
    octets = octets[:size]
    for at in range(0, size, step):
        body.append(octets[at : at + step])
    assert body.size == size
    assert content(body) == octets
    assert content(body) == octets, "a second time"
    assert sum(1 for block in body.blocks() if len(block) > MEMORY_LIMIT) == 0
    assert open_files(tmp_path) == files


def open_files(folder: Path) -> int:
    """Of this process, in that folder, also those that have no name any more."""
    places = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            places.append(descriptor.readlink())
    return sum(folder in place.parents for place in places)


def test_the_file_has_no_name(body: MessageBody, tmp_path: Path) -> None:
    body.append(b"x" * (MEMORY_LIMIT + 1))
    assert list(tmp_path.iterdir()) == []


def test_appending_after_reading(body: MessageBody) -> None:
    """Reading leaves the end of the content where it was."""
    octets = b"x" * (MEMORY_LIMIT + 1)
    body.append(octets)
    body.head()
    body.append(b"end")
    assert content(body) == octets + b"end"


def test_close_gives_the_file_back(body: MessageBody, tmp_path: Path) -> None:
    body.append(b"x" * (MEMORY_LIMIT + 1))
    body.close()
    assert open_files(tmp_path) == 0
    body.close()
    assert content(body) == b""


@pytest.mark.parametrize(
    ("octets", "head"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"A: b\r\n\r\nbody\r\n\r\n", b"A: b\r\n\r\n", id="up to the first empty line"),
        pytest.param(b"A: b\r\n", b"A: b\r\n", id="no empty line"),
        pytest.param(b"\r\nA: b\r\n\r\n", b"\r\n", id="no header at all"),
        pytest.param(b"A: b\n\nbody", b"A: b\n\nbody", id="LF is no line end"),
        pytest.param(b"A: " + b"x" * BLOCK + b"\r\n\r\n", b"A: " + b"x" * (BLOCK - 3), id="no more than a block"),
    ],
)
@pytest.mark.parametrize("tail", [b"", b"y" * MEMORY_LIMIT], ids=["memory", "file"])
def test_head(body: MessageBody, octets: bytes, head: bytes, tail: bytes) -> None:
    body.append(octets + tail)
    if head.endswith(b"\r\n\r\n") or head == b"\r\n" or len(head) == BLOCK or not tail:
        assert body.head() == head
    else:
        assert body.head() == (octets + tail)[:BLOCK]


@contextmanager
def room_for(octets: int) -> Iterator[None]:
    """No file grows beyond `octets`, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("room", [1000, MEMORY_LIMIT + 1000])
def test_full_directory(body: MessageBody, room: int) -> None:
    """SIZ-4: too little room is an OSError, at the first block that does not fit; what was read before stays readable."""
    head = b"Message-ID: <1@x>\r\n\r\n"
    body.append(head)
    with room_for(room), pytest.raises(OSError, match="too large"):
        for _ in range(3):
            body.append(b"x" * MEMORY_LIMIT)
    assert body.head() == head


def test_missing_directory(tmp_path: Path) -> None:
    body = MessageBody(str(tmp_path / "gone"))
    body.append(b"x" * MEMORY_LIMIT)
    with pytest.raises(FileNotFoundError):
        body.append(b"x")
    assert body.head() == b"x" * BLOCK
    body.close()
