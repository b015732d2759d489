"""Parameters beyond ASCII, by RFC 2231."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.encodedword import in_ascii
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import split_header


def ascii_field(text: str | bytes) -> bytes:
    (only,) = split_header(text if isinstance(text, bytes) else text.encode())
    return in_ascii(only)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'Content-Type: application/pdf; name="é.pdf"',
            "Content-Type: application/pdf; name*=utf-8''%C3%A9.pdf",
            id="a name",
        ),
        pytest.param(
            'Content-Disposition: attachment;\r\n\tfilename="a \\"é\\" (1).pdf"; size=9',
            "Content-Disposition: attachment;\r\n filename*=utf-8''a%20%22%C3%A9%22%20%281%29.pdf; size=9",
            id="quoted pairs, folding and what comes behind",
        ),
        pytest.param(
            "Content-Disposition: attachment; filename=Größe 1.pdf ; size=9",
            "Content-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%201.pdf;\r\n size=9",
            id="without quotes, as readers take it",
        ),
        pytest.param(
            b"Content-Disposition: attachment; filename=\xe9.pdf",
            "Content-Disposition: attachment; filename*=''%E9.pdf",
            id="RFC 2231 4 no charset is said where none is known",
        ),
        pytest.param(
            'Content-Type: a/b; name=é; charset=utf-8; x="a;b"',
            "Content-Type: a/b; name*=utf-8''%C3%A9; charset=utf-8; x=\"a;b\"",
            id="other parameters stay",
        ),
        pytest.param(
            "Content-Disposition: attachment; filename=\"é\"; filename*=utf-8''%C3%A9",
            "Content-Disposition: attachment; filename*=utf-8''%C3%A9",
            id="said already",
        ),
        pytest.param(
            "Content-Disposition: attachment; filename*=utf-8''é%20b",
            "Content-Disposition: attachment; filename*=utf-8''%C3%A9%20b",
            id="half encoded",
        ),
        pytest.param(
            "Content-Disposition: attachment; filename=" + "日" * 20,
            "Content-Disposition: attachment;\r\n filename*0*=utf-8''"
            + "%E6%97%A5" * 5
            + ";\r\n filename*1*="
            + "%E6%97%A5" * 6
            + ";\r\n filename*2*="
            + "%E6%97%A5" * 6
            + ";\r\n filename*3*="
            + "%E6%97%A5" * 3,
            id="RFC 2231 3 a long name",
        ),
    ],
)
def test_encoded(text: str | bytes, expected: str) -> None:
    assert ascii_field(text).decode() == expected + "\r\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("Content-Type: multipart/mixed; boundary=é", "boundary", id="DWN-13 a boundary"),
        pytest.param("Content-Type: text/é", "nothing may be encoded", id="a type"),
        pytest.param("Content-Type: a/b; é=b", "nothing may be encoded", id="the name of a parameter"),
        pytest.param('Content-Type: a/b; name="é', "nothing may be encoded", id="a quote without end"),
        pytest.param('Content-Type: a/b; name="a"é', "nothing may be encoded", id="something behind"),
        pytest.param("Content-Type: a/b; é", "nothing may be encoded", id="no parameter"),
        pytest.param('Content-Type: a/b; name*0="é"', "one of its pieces", id="RFC 2231 3 pieces"),
    ],
)
def test_cannot(text: str, reason: str) -> None:
    with pytest.raises(CannotConvert, match=reason):
        ascii_field(text)


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=120))
def test_names_read_back(name: str) -> None:
    """DWN-1: the standard library reads what was written, and no line is too long."""
    name = f"é{name}é"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    octets = ascii_field(f'Content-Disposition: attachment; filename="{quoted}"')
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    message = message_from_bytes(octets + b"\r\n", policy=policy.compat32)
    assert message.get_filename() == name
