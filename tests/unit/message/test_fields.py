"""Headers in fields, fields in lines, and what a Content-Type says."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.fields import MAX_BOUNDARY, MediaType, folded, media_type, split_header


@pytest.mark.parametrize(
    ("header", "names"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\r\n", [], id="the empty line"),
        pytest.param(b"A: b\r\n\r\n", [b"a"], id="one"),
        pytest.param(b"A: b\r\n c\r\n\td\r\nE:f\r\n\r\n", [b"a", b"e"], id="folded"),
        pytest.param(b"A : b\r\n\r\n", [b"a"], id="RFC 5322 4.5 white space before the colon"),
        pytest.param(b"A b: c\r\n\r\n", [b""], id="white space in a name"),
        pytest.param(b": b\r\n\r\n", [b""], id="no name"),
        pytest.param(b"A\r\n\r\n", [b""], id="no colon"),
        pytest.param(b" A: b\r\n\r\n", [b""], id="folded from the start"),
        pytest.param(b"A\x80: b\r\n\r\n", [b""], id="EAI-17 no ASCII"),
        pytest.param(b"A: b\nC: d\r\n\r\n", [b"a"], id="LF ends no line"),
    ],
)
def test_split(header: bytes, names: list[bytes]) -> None:
    found = split_header(header)
    assert [field.name for field in found] == names
    assert b"".join(field.octets for field in found) == header.removesuffix(b"\r\n")


def test_value() -> None:
    (field,) = split_header(b"A: b:c\r\n\td")
    assert field.value == b" b:c\td"
    assert field.octets.endswith(b"d\r\n")


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        pytest.param(b"A: b", [b"A: b"], id="short"),
        pytest.param(b"A:" + b" b" * 37, [b"A:" + b" b" * 37], id="76 characters"),
        pytest.param(b"A:" + b" b" * 38, [b"A:" + b" b" * 37, b" b"], id="more"),
        pytest.param(b"A: " + b"b" * 100, [b"A:", b" " + b"b" * 100], id="a long word"),
        pytest.param(b"A:" + b"b" * 100, [b"A:" + b"b" * 100], id="no white space"),
        pytest.param(b"A: b" + b" " * 100, [b"A: b" + b" " * 100], id="no line of white space"),
        pytest.param(b"A:" + b" " * 100, [b"A:" + b" " * 100], id="nothing but white space"),
        pytest.param(b"A: b \t " + b"c" * 75, [b"A: b", b" \t " + b"c" * 75], id="white space is kept"),
    ],
)
def test_folded(line: bytes, lines: list[bytes]) -> None:
    assert folded(line) == b"\r\n".join(lines) + b"\r\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b" text/plain", MediaType(b"text/plain", b""), id="plain"),
        pytest.param(b"Text/HTML; charset=x", MediaType(b"text/html", b""), id="any case"),
        pytest.param(b"text/plain charset=x", MediaType(b"text/plain", b""), id="a semicolon forgotten"),
        pytest.param(b"text/plain(comment)", MediaType(b"text/plain", b""), id="a comment"),
        pytest.param(b"text", None, id="no subtype"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"text/pl,ain", None, id="no token"),
        pytest.param(b"a/" + b"b" * 128, None, id="a long subtype"),
        pytest.param(b"multipart/mixed; boundary=a.b-c", MediaType(b"multipart/mixed", b"a.b-c"), id="a token"),
        pytest.param(
            b'multipart/mixed; a=b; Boundary = "a b" ;c=d', MediaType(b"multipart/mixed", b"a b"), id="quoted"
        ),
        pytest.param(b'multipart/mixed; boundary="a\\"\\b "', MediaType(b"multipart/mixed", b'a"b'), id="quoted pairs"),
        pytest.param(
            b'multipart/mixed; n="; boundary=a"; boundary=b', MediaType(b"multipart/mixed", b"b"), id="in a string"
        ),
        pytest.param(b"multipart/mixed;boundary==_a", MediaType(b"multipart/mixed", b"=_a"), id="an equals sign"),
        pytest.param(b"multipart/mixed", None, id="no boundary"),
        pytest.param(b"multipart/mixed; boundary=", None, id="an empty boundary"),
        pytest.param(b'multipart/mixed; boundary=" "', None, id="a boundary of white space"),
        pytest.param(b"multipart/mixed; boundary=a; boundary=a", None, id="two boundaries"),
        pytest.param(b"multipart/mixed; boundary*0=a; boundary*1=b", None, id="RFC 2231 a boundary in pieces"),
        pytest.param(b"multipart/mixed; boundary*=us-ascii''a", None, id="RFC 2231 a boundary with a charset"),
        pytest.param(b"multipart/mixed; boundary=a (b)", None, id="a comment after the boundary"),
        pytest.param(b"multipart/mixed; boundary=a b", None, id="two words"),
        pytest.param(b'multipart/mixed; boundary="a', None, id="a quote without end"),
        pytest.param(b"multipart/mixed; boundary=" + b"a" * (MAX_BOUNDARY + 1), None, id="a long boundary"),
        pytest.param(b"multipart/mixed (; boundary=a); boundary=b", None, id="a boundary in a comment"),
    ],
)
def test_media_type(value: bytes, expected: MediaType | None) -> None:
    assert media_type(value) == expected


@given(
    st.lists(
        st.sampled_from(
            [b"A", b"a-b", b" ", b"\t", b":", b"\r\n", b"\r", b"\n", b"\0", b"\xff", b"x: y\r\n", b"z" * 41]
        ),
        max_size=30,
    ).map(b"".join)
)
def test_small_headers_are_split_like_large_ones(header: bytes) -> None:
    with patch("gsubmit.message.fields._SMALL", -1):
        expected = split_header(header)
    assert split_header(header) == expected
