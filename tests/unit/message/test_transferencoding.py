"""Quoted-printable and base64 (RFC 2045 6.7, 6.8, DWN-9)."""

from __future__ import annotations

import pytest

from gsubmit.message.transferencoding import base64, quoted_printable


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
