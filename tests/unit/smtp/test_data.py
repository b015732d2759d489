"""Where DATA ends, and its dots (RFC 5321 4.1.1.4, 4.5.2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gsubmit.smtp.data import DataReader, stuffed

AFTER = b"NOOP\r\n"
SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<v@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"


def read(blocks: list[bytes]) -> tuple[bytes, bytes]:
    """The content, and what came after its end."""
    reader, content = DataReader(), b""
    for number, block in enumerate(blocks):
        content += reader.feed(block)
        if reader.ended:
            return content, reader.remainder + b"".join(blocks[number + 1 :])
    raise AssertionError("no end of data")


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """`data` whole, octet by octet, and in two at every place."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(len(data) + 1):
        yield [data[:at], data[at:]]


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        pytest.param(b"Subject: t\r\n\r\n..a\r\n.\r\n", b"Subject: t\r\n\r\n.a\r\n", id="TV-DAT-1"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="TV-DAT-2"),
        pytest.param(b".\r\n", b"", id="TV-DAT-3"),
        pytest.param(b"a\r\n. \r\nb\r\n.\r\n", b"a\r\n \r\nb\r\n", id="TV-DAT-7"),
        pytest.param(b"\r\n.\r\n", b"\r\n", id="one empty line"),
        pytest.param(b"...\r\n..\r\n.\r\n", b"..\r\n.\r\n", id="DAT-2 one dot of several"),
        pytest.param(b".a.\r\nb.\r\n.\r\n", b"a.\r\nb.\r\n", id="DAT-2 a dot within a line stays"),
        pytest.param(b"a" * 998 + b"\r\n.\r\n", b"a" * 998 + b"\r\n", id="TV-DAT-8 998 octets"),
        pytest.param(b"a" * 999 + b"\r\n.\r\n", b"a" * 999 + b"\r\n", id="TV-DAT-8 999 octets"),
        pytest.param(b"a\n..b\r..c\r\n.\r\n", b"a\n..b\r..c\r\n", id="DAT-2 line start is after CRLF only"),
        pytest.param(b"a\r\r\n.\r\n", b"a\r\r\n", id="TV-SMG-31 after CR"),
        pytest.param(b"a\n\r\n.\r\n", b"a\n\r\n", id="TV-SMG-31 after LF"),
        pytest.param(b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n", id="TV-SMG-32"),
    ],
)
def test_content(sent: bytes, content: bytes) -> None:
    """TV-DAT-6: however it is cut."""
    for blocks in cuts(sent + AFTER):
        assert read(blocks) == (content, AFTER), blocks


NO_END = {
    "1": b"\n.\n",
    "2": b"\n.\r\n",
    "3": b"\r\n.\n",
    "4": b"\r.\r",
    "5": b"\r.\n",
    "6": b"\r.\r\n",
    "7": b"\n.\r",
    "8": b"\r\n.\rx",
    "9": b"\r\n.\r\r\n",
    "10": b"\r\r\n.\r\r\n",
    "11": b"\n\n.\r\n",
    "12": b"\r\n\n.\n",
    "13": b"\n\r.\r\n",
    "14": b"\n\r.\n\r",
    "15": b"\r\n.\n\r",
    "16": b"\r\n\0.\r\n",
    "17": b"\r\n.\0\r\n",
    "18": b"\r\0\n.\r\n",
    "19": b"\r\n.\r\0\n",
    "20": b"\n\0.\n",
    "21": b"\r\n. \r\n",
    "22": b"\r\n.\t\r\n",
    "23": b"\r\n .\r\n",
    "24": b"\r\n..\r\n",
    "25 VT": b"\x0b.\x0b",
    "25 FF": b"\x0c.\x0c",
    "26 FS": b"\x1c.\x1c",
    "26 GS": b"\x1d.\x1d",
    "26 RS": b"\x1e.\x1e",
    "27 NEL": b"\x85.\x85",
    "27 NEL in UTF-8": b"\xc2\x85.\xc2\x85",
    "28 U+2028": b"\xe2\x80\xa8.\xe2\x80\xa8",
    "28 U+2029": b"\xe2\x80\xa9.\xe2\x80\xa9",
    "29": b"\x8d\x8a.\x8d\x8a",
    "30": b"=0D=0A.=0D=0A",
}


@pytest.mark.parametrize("octets", [pytest.param(octets, id=f"TV-SMG-{name}") for name, octets in NO_END.items()])
def test_nothing_else_ends_data(octets: bytes) -> None:
    sent = b"Subject: t\r\n\r\nbody" + octets + SMUGGLED + b"\r\n.\r\n"
    content, rest = read([sent])
    assert rest == b""
    assert content.endswith(SMUGGLED + b"\r\n")
    assert content == (sent[:-3]).replace(b"\r\n.", b"\r\n")
    assert read([sent[at : at + 1] for at in range(len(sent))]) == (content, b"")


def test_not_ended_without_the_last_octet() -> None:
    reader = DataReader()
    reader.feed(b"a\r\n.\r")
    assert not reader.ended
    assert reader.feed(b"\n") == b"\r\n"
    assert reader.ended


CONTENT = (
    b"From: a@example.org\r\nTo: b@example.net\r\nSubject: t\r\n\r\nline one\r\n.dot line\r\n.\r\nend\r\n"  # TV-DAT-4
)


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        pytest.param(CONTENT, CONTENT[:-19] + b"..dot line\r\n..\r\nend\r\n.\r\n", id="TV-DAT-4"),
        pytest.param(b"x\r\nend", b"x\r\nend\r\n.\r\n", id="TV-DAT-5 no CRLF at the end"),
        pytest.param(b"x\r\nend\r\n", b"x\r\nend\r\n.\r\n", id="TV-DAT-5 CRLF at the end"),
        pytest.param(b".", b"..\r\n.\r\n", id="DAT-2 the first octet"),
        pytest.param(b".\r\n.\r\n", b"..\r\n..\r\n.\r\n", id="SMG-5 dots only"),
        pytest.param(b"a.\r\nb", b"a.\r\nb\r\n.\r\n", id="DAT-2 a dot within a line"),
        pytest.param(b"", b".\r\n", id="DAT-3 nothing"),
        pytest.param(b"\r\n", b"\r\n.\r\n", id="DAT-4 an empty line"),
        pytest.param(b"a\r\n.\r\nMAIL FROM:<evil@x>\r\n", b"a\r\n..\r\nMAIL FROM:<evil@x>\r\n.\r\n", id="TV-SMG-34"),
        pytest.param(
            b"Subject: x\r\n\r\nhello\r\n.\r\nbye\r\n", b"Subject: x\r\n\r\nhello\r\n..\r\nbye\r\n.\r\n", id="TV-BDT-2"
        ),
    ],
)
def test_stuffed(content: bytes, sent: bytes) -> None:
    """SMG-11: however it is cut; and the reader gives it back."""
    for blocks in cuts(content):
        assert b"".join(stuffed(blocks)) == sent, blocks
    returned = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert read([sent]) == (returned, b"")


def test_stuffed_of_no_blocks() -> None:
    assert b"".join(stuffed([])) == b".\r\n"


def test_tv_dat_4_size() -> None:
    assert len(CONTENT) == 83
