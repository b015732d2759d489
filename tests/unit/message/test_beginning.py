"""The first line of content, and our own fields in front of it (RCV-7, CMD-24)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.beginning import well_begun
from gsubmit.message.body import BLOCK, MEMORY_LIMIT, MessageBody
from gsubmit.message.fields import split_header
from tests.unit.message.conversions import spooled

OURS = b"Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby msa.example.org; Mon, 1 Jan 2024 00:00:00 +0000\r\n"


def begun(octets: bytes) -> bytes:
    source = spooled(octets)
    body = well_begun(source)
    result = b"".join(body.blocks())
    assert body.size == len(result)
    for opened in {id(source): source, id(body): body}.values():
        opened.close()
    return result


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"A: b\r\n\r\n", id="a field"),
        pytest.param(b"A:b", id="a field without line end"),
        pytest.param(b"A \t: b\r\n", id="RFC 5322 4.5 white space before the colon"),
        pytest.param(b"From : a@x\r\n", id="a field that looks like a line of a mailbox"),
        pytest.param(b"x" * 500 + b": b\r\n", id="a long name"),
        pytest.param(b"\r\ntext", id="no header"),
        pytest.param(b"\r\n", id="nothing but the empty line"),
        pytest.param(b"A: b\r\nno field\r\n c\r\n", id="later lines are the client's own"),
    ],
)
def test_nothing_changes(octets: bytes) -> None:
    source = spooled(octets)
    assert well_begun(source) is source
    source.close()


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"\r", b"\r\n\r", id="CR at the end"),
        pytest.param(b"\n\r\n", b"\r\n\n\r\n", id="a bare LF"),
        pytest.param(b"A", b"\r\nA", id="half a name"),
        pytest.param(b"From a", b"X-Mailbox-Line: From a", id="a line of a mailbox without end"),
        pytest.param(b"From a\r\n", b"X-Mailbox-Line: From a\r\n", id="and nothing behind it"),
        pytest.param(b"From a\r\nb", b"X-Mailbox-Line: From a\r\n\r\nb", id="and text behind it"),
        pytest.param(b"From\r\n", b"\r\nFrom\r\n", id="a word"),
        pytest.param(b"from a\r\n", b"\r\nfrom a\r\n", id="another word"),
        pytest.param(b"> From a\r\n", b"\r\n> From a\r\n", id="quoted otherwise"),
        pytest.param(b"From a\n\tb\r\n", b"X-Mailbox-Line: From a\n\r\n\tb\r\n", id="LF, and a folded line"),
        pytest.param(b"x" * BLOCK + b": b\r\n", b"\r\n" + b"x" * BLOCK + b": b\r\n", id="a name without end"),
        pytest.param(
            b"From " + b"x" * BLOCK + b"\r\nA: b",
            b"X-Mailbox-Line: From " + b"x" * BLOCK + b"\r\nA: b",
            id="a long line",
        ),
        pytest.param(
            b" x\r\n" + b"text\r\n" * MEMORY_LIMIT, b"\r\n x\r\n" + b"text\r\n" * MEMORY_LIMIT, id="a large message"
        ),
    ],
)
def test_mended(octets: bytes, expected: bytes) -> None:
    assert begun(octets) == expected


FIRST = st.one_of(
    st.binary(max_size=20),
    st.lists(
        st.sampled_from([b"From ", b">", b" ", b"\t", b":", b"a", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"A: b\r\n"])
    ).map(b"".join),
)


@given(FIRST)
def test_our_field_stays_ours(octets: bytes) -> None:
    """Whatever comes, it is content; what is added are lines of their own, and a second time nothing is."""
    result = begun(octets)
    assert begun(result) == result
    assert result in (octets, b"\r\n" + octets) or re.match(rb">*From ", octets)
    for line_end in (rb"\r\n", rb"\r\n|\n|\r"):  # what ends a line for strict readers and for others
        first = re.split(line_end, result, maxsplit=1)[0]
        assert not first or re.match(rb"[!-9;-~]+[ \t]*:", first)
    assert split_header(OURS + result)[0].octets == OURS


def test_full_directory(tmp_path: Path) -> None:
    """The copy is closed when there is no room for it, and the content stays open."""
    body = MessageBody(str(tmp_path))
    body.append(b" x" * MEMORY_LIMIT)
    body.directory = str(tmp_path / "gone")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        well_begun(body)
    assert len(os.listdir("/proc/self/fd")) == before
    assert body.read(0, 2) == b" x"
    body.close()
