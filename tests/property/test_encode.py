"""Whatever comes, a converted message fits the relay, and every part of it decodes to what it was."""

from __future__ import annotations

import binascii
import itertools
import quopri
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.message.encode import eight_bit, headers_need_smtputf8, seven_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.message.parts import Segment, segments
from gsubmit.message.transferencoding import base64, mended_base64, mended_quoted_printable, quoted_printable
from tests.unit.message.conversions import Conversion, converted, is_eight_bit, is_seven_bit, leaves, spooled

FITS: dict[Conversion, Callable[[bytes], bool]] = {seven_bit: is_seven_bit, eight_bit: is_eight_bit}


@dataclass
class Leaf:
    type: str
    label: str
    content: bytes


@dataclass
class Container:
    type: str
    label: str
    parts: list[Leaf | Container]


TEXT = st.text(st.sampled_from("ab =-.é日\t\r"), max_size=90).map(lambda text: text.replace("\r", "\r\n").encode())
CONTENT = st.one_of(
    st.binary(max_size=300),
    TEXT,
    st.builds(lambda text, times: text * times, TEXT, st.integers(1, 40)),
    st.sampled_from(
        [b"x" * 998, b"x" * 999, b"\r\n" + b"-" * 1200, b"=" * 1500, b" " * 1001, b"", b"\r", b"\n", b"\r\n"]
    ),
)
LEAF = st.builds(
    Leaf,
    st.sampled_from(["text/plain", "text/html", "application/octet-stream", "image/png"]),
    st.sampled_from(["", "7bit", "8bit", "binary", "base64"]),
    CONTENT,
)
LABEL = st.sampled_from(["", "8bit", "binary"])


def containers(parts: st.SearchStrategy[Leaf | Container]) -> st.SearchStrategy[Leaf | Container]:
    kinds = st.sampled_from(["multipart/mixed", "multipart/alternative", "multipart/x-new"])
    multiparts = st.builds(Container, kinds, LABEL, st.lists(parts, min_size=1, max_size=3))
    messages = st.builds(Container, st.just("message/rfc822"), LABEL, st.lists(parts, min_size=1, max_size=1))
    return st.one_of(multiparts, messages)


TREES = st.recursive(LEAF, containers, max_leaves=6)


def written(node: Leaf | Container, numbers: Iterator[int], *, is_message: bool) -> bytes:
    number = next(numbers)
    head = "MIME-Version: 1.0\r\n" if is_message else ""
    head += f"Content-Type: {node.type}; boundary=b{number}\r\n"
    head += f"Content-Transfer-Encoding: {node.label}\r\n\r\n" if node.label else "\r\n"
    if isinstance(node, Leaf):
        content = node.content
        if node.label == "base64":
            content = binascii.b2a_base64(content, newline=False)[:900] if len(content) < 600 else b"AAAA"
        return head.encode() + content
    is_multipart = node.type.startswith("multipart")
    parts = [written(part, numbers, is_message=not is_multipart) for part in node.parts]
    if not is_multipart:
        return head.encode() + parts[0]
    lines = b"".join(b"--b%d\r\n%s\r\n" % (number, part) for part in parts)
    return head.encode() + lines + b"--b%d--" % number


def contents(node: Leaf | Container) -> Iterator[tuple[str, bytes]]:
    if isinstance(node, Leaf):
        is_cut = node.label == "base64" and len(node.content) >= 600
        yield node.type, b"\0\0\0" if is_cut else node.content
    else:
        for part in node.parts:
            yield from contents(part)


@settings(deadline=None, max_examples=300)
@given(TREES)
@pytest.mark.parametrize("conversion", FITS)
def test_trees(conversion: Conversion, tree: Leaf | Container) -> None:
    """DWN-1, DWN-2."""
    result = converted(conversion, written(tree, itertools.count(), is_message=True))
    assert FITS[conversion](result)
    assert leaves(result) == list(contents(tree))
    assert converted(conversion, result) == result


PIECES = st.sampled_from(
    [
        *(
            b"MIME-Version: 1.0\r\n",
            b"Subject: \xc3\xa9\r\n",
            b"To: \xc3\xa9 <a@b>, ",
            b"Subject: \xe9\r\n",
            b'"',
            b"(",
            b"<",
            b"\\",
        ),
        *(b"Content-Type: multipart/mixed; boundary=b\r\n", b'Content-Type: multipart/digest; boundary="c"\r\n'),
        *(
            b"Content-Type: message/rfc822\r\n",
            b"Content-Type: multipart/signed; boundary=d\r\n",
            b"Content-Type: text/plain\r\n",
        ),
        *(
            b"Content-Transfer-Encoding: 8bit\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Type: message/global\r\n",
        ),
        *(
            b"--b\r\n",
            b"--c\r\n",
            b"--d\r\n",
            b"--b--\r\n",
            b"--c--\r\n",
            b"--b \r\n",
            b"\r\n--b",
            b"--",
            b"\r\n",
            b"\r\n\r\n",
        ),
        *(b"\r", b"\n", b"\0", b"\xff", b"caf\xc3\xa9\r\n", b"plain\r\n", b" ", b"\t", b": ", b"x" * 999, b" y" * 600),
    ]
)
NOISE = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join))


@settings(deadline=None, max_examples=1000)
@given(NOISE)
@pytest.mark.parametrize("conversion", FITS)
def test_noise(conversion: Conversion, octets: bytes) -> None:
    """Nothing but CannotConvert is raised, and a result has the structure of its source (DWN-13)."""
    try:
        result = converted(conversion, octets)
    except CannotConvert:
        return
    assert FITS[conversion](result)
    assert [kind(segment) for segment in found(result)] == [kind(segment) for segment in found(octets)]


def kind(segment: Segment) -> tuple[str, int, bytes]:
    return segment.kind.name, segment.part.depth, segment.part.type


def found(octets: bytes) -> list[Segment]:
    source = spooled(octets)
    try:
        return list(segments(source))
    finally:
        source.close()


@settings(deadline=None, max_examples=1000)
@given(NOISE, st.integers(1, 9))
def test_blocks(octets: bytes, size: int) -> None:
    """However many octets are read at once, the same parts are found with the same findings."""
    expected = found(octets)
    with patch("gsubmit.message.cursor.BLOCK", size):
        assert [s._replace(part=e.part) for s, e in zip(found(octets), expected, strict=True)] == expected


@settings(deadline=None)
@given(NOISE)
def test_question(octets: bytes) -> None:
    """EAI-10: an answer comes to any message, and no is certain."""
    source = spooled(octets)
    if not headers_need_smtputf8(source):
        header = octets.partition(b"\r\n\r\n")[0]
        assert header.isascii() or octets.startswith(b"\r\n")
    source.close()


@given(st.lists(CONTENT, max_size=6))
def test_base64(pieces: list[bytes]) -> None:
    """DWN-9: lines of 76 characters, however the content was cut."""
    text = b"".join(base64(pieces))
    assert binascii.a2b_base64(text) == b"".join(pieces)
    *lines, last = text.split(b"\r\n")
    assert {len(line) for line in lines} <= {76}
    assert len(last) <= 76


@given(TEXT.map(lambda text: text * 9), st.lists(st.integers(0, 3000), max_size=4).map(sorted), st.integers(1, 2000))
def test_quoted_printable(text: bytes, cuts: list[int], block: int) -> None:
    """DWN-9: lines of 76 characters at most, no white space and no two dashes where they may not be."""
    pieces = [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]
    with patch("gsubmit.message.transferencoding.BLOCK", block):
        encoded = b"".join(quoted_printable(pieces))
    assert binascii.a2b_qp(encoded) == b"".join(pieces)
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))
        assert not line.startswith(b"--")


SLOPPY = st.lists(
    st.sampled_from(
        [b"=C3", b"=\r\n", b"=z", b"\r\n", b"--", b" ", b"a", b"\xff", b"\xc3\xa9", b"x" * 70, b"\xe9" * 30, b"=z" * 40]
    ),
    max_size=40,
).map(b"".join)


@given(SLOPPY, st.lists(st.integers(0, 900), max_size=4).map(sorted), st.integers(80, 2000))
def test_mended_quoted_printable(text: bytes, cuts: list[int], block: int) -> None:
    """RFC 2045 6.7: decoders read what they read before, now from ASCII in lines that are no longer than they may be.

    A block is longer than a line.
    """
    pieces = [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]
    with patch("gsubmit.message.transferencoding.BLOCK", block):
        mended = b"".join(mended_quoted_printable(pieces))
    assert mended.isascii()
    assert max(map(len, mended.split(b"\r\n"))) <= 76
    assert quopri.decodestring(mended) == quopri.decodestring(text)
    assert mended.count(b"\r\n--") <= text.count(b"\r\n--")


@given(
    st.binary(max_size=900),
    st.lists(st.sampled_from([b"", b"\r\n", b" ", b"\t", b"\n", b"\0", b"\xef\xbb\xbf", b"\xa0"]), max_size=9),
    st.integers(1, 300),
)
def test_mended_base64(content: bytes, noise: list[bytes], size: int) -> None:
    """RFC 2045 6.8: what decoders overlook is gone, and the content is the same, however it was cut."""
    text = binascii.b2a_base64(content, newline=False)
    for number, octets in enumerate(noise):
        at = number * 41 % (len(text) + 1)
        text = text[:at] + octets + text[at:]
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    mended = b"".join(mended_base64(pieces))
    assert binascii.a2b_base64(mended) == content
    *lines, last = mended.split(b"\r\n")
    assert {len(line) for line in lines} <= {76}
    assert len(last) <= 76


def test_temporary_files_have_no_names() -> None:
    """The directory of the results is the one that was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        source = spooled(b"A: b\r\n\r\n" + b"\xff" * 300_000)
        seven_bit(source, folder).close()
        source.close()
