"""Quoted-printable and base64 (RFC 2045 6.7, 6.8, DWN-9)."""

from __future__ import annotations

import re
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.body import BLOCK
from gsubmit.message.transferencoding import (
    base64,
    from_base64,
    from_quoted_printable,
    mended_quoted_printable,
    quoted_printable,
)
from tests.property.splits import cut, cuts


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        pytest.param(b"", [b""], id="nothing"),
        pytest.param(b"a=b\r\n", [b"a=3Db", b""], id="an equals sign"),
        pytest.param(b"\0\x1f\x7f\x80\xff", [b"=00=1F=7F=80=FF"], id="(1) upper-case digits"),
        pytest.param(b'!"#$@[\\]^`{|}~', [b'!"#$@[\\]^`{|}~'], id="(2) literal"),
        pytest.param(b" a \r\n\tb\t\r\nc ", [b" a=20", b"\tb=09", b"c=20"], id="(3) white space at the end of a line"),
        pytest.param(b"   \r\n", [b"  =20", b""], id="(3) a line of white space"),
        pytest.param(b"a\r\n\r\nb", [b"a", b"", b"b"], id="(4) line breaks"),
        pytest.param(b"x" * 74, [b"x" * 74], id="(5) a line that fits"),
        pytest.param(b"x" * 75, [b"x" * 73 + b"=", b"xx"], id="(5) a line that is broken"),
        pytest.param(b"x" * 72 + b"=" * 2, [b"x" * 72 + b"=", b"=3D=3D"], id="(5) no =XX is cut, third octet"),
        pytest.param(b"x" * 71 + b"=" * 2, [b"x" * 71 + b"=", b"=3D=3D"], id="(5) no =XX is cut, second octet"),
        pytest.param(b"x" * 70 + b"=" * 2, [b"x" * 70 + b"=", b"=3D=3D"], id="(5) no =XX is cut, between"),
        pytest.param(b"x" * 69 + b"=" * 2, [b"x" * 69 + b"=3D=", b"=3D"], id="(5) no =XX is cut, first octet"),
        pytest.param(b"--a\r\n--\r\n-", [b"=2D-a", b"=2D-", b"-"], id="DWN-13 two dashes"),
        pytest.param(b"x" * 73 + b"--", [b"x" * 73 + b"=", b"=2D-"], id="DWN-13 two dashes after a soft break"),
    ],
)
def test_quoted_printable(octets: bytes, lines: list[bytes]) -> None:
    assert b"".join(quoted_printable([octets])).split(b"\r\n") == lines


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        pytest.param([b"a\r", b"\nb"], b"a\r\nb", id="CRLF"),
        pytest.param([b"a ", b"\r\n"], b"a=20\r\n", id="white space before CRLF"),
        pytest.param([b"-", b"-a"], b"=2D-a", id="two dashes"),
        pytest.param([b"", b"a", b""], b"a", id="nothing"),
    ],
)
def test_quoted_printable_in_pieces(pieces: list[bytes], text: bytes) -> None:
    assert b"".join(quoted_printable(pieces)) == text


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        pytest.param([], b"", id="nothing"),
        pytest.param([b"\xe6\x97\xa5\xe6\x9c\xac\r\n"], b"5pel5pysDQo=", id="TV-DWN-2"),
        pytest.param([b"\0" * 57], b"A" * 76, id="a full line"),
        pytest.param([b"\0" * 57, b"\0" * 57, b""], b"A" * 76 + b"\r\n" + b"A" * 76, id="two full lines"),
        pytest.param([b"\0" * 56, b"\0", b"\0"], b"A" * 76 + b"\r\nAA==", id="one octet more"),
    ],
)
def test_base64(pieces: list[bytes], text: bytes) -> None:
    assert b"".join(base64(pieces)) == text


def decoded(octets: bytes) -> bytes:
    return decodestring(re.sub(rb"(?<![ \t])[ \t]+\r\n", b"\r\n", octets))  # RFC 2045 6.7 (3)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"http://x/?name=\xc3\x84rger\r\n", id="an equals sign before an 8-bit octet"),
        pytest.param(b"=\xe4=\xe4\r\n", id="many of them"),
        pytest.param(b"x" * 80 + b"=\xe4\r\n", id="in a long line"),
        pytest.param(b"x" * (BLOCK + 9) + b"=\xe4\r\n", id="in a line longer than a block"),
        *[
            pytest.param(b"x" * length + b"=" + blanks + b"\r\n\xe4\r\n", id=f"a soft break with blanks at {length}")
            for length in (*range(69, 78), 140)
            for blanks in (b" ", b" \t  ")
        ],
        pytest.param(b"x" * (BLOCK - 1) + b"=   \r\n\xe4\r\n", id="a soft break with blanks that ends a block"),
        pytest.param(b"x" * (BLOCK - 1) + b"=   y\xe4\r\n", id="no soft break after all"),
        pytest.param(b"x=" + b" " * (3 * BLOCK) + b"y\xe4\r\n", id="no soft break after many blanks"),
    ],
)
@pytest.mark.parametrize("size", [BLOCK, 1000, BLOCK + 3])
def test_mended_means_the_same(octets: bytes, size: int) -> None:
    """RFC 2045 6.7: as decoders read it that take an `=` that encodes nothing for itself, and know (3) and (5)."""
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    mended = b"".join(mended_quoted_printable(pieces))
    assert mended.isascii()
    assert max(map(len, mended.split(b"\r\n"))) <= 76
    assert decoded(mended) == decoded(octets)


SOUP = st.lists(st.sampled_from([b"=", b"3D", b"\r\n", b"\r", b" ", b"\t", b"QUJD", b"\xff", b"==", b"a"]), max_size=30)


@given(SOUP.map(b"".join), cuts())
def test_wherever_it_is_cut_it_means_the_same(octets: bytes, places: list[float]) -> None:
    for decode in (from_base64, from_quoted_printable):
        assert b"".join(decode(cut(octets, places))) == b"".join(decode([octets]))


@given(st.binary(max_size=200), cuts())
def test_what_was_encoded_comes_back(octets: bytes, places: list[float]) -> None:
    assert b"".join(from_base64(base64([octets]))) == octets
    text = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    assert b"".join(from_quoted_printable(cut(b"".join(quoted_printable([text])), places))) == text
