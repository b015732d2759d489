"""xtext (RFC 3461 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.smtp import xtext


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        pytest.param("e=mc2@example.com", "e+3Dmc2@example.com", id="TV-XTX-1"),
        pytest.param("user+tag@example.com", "user+2Btag@example.com", id="TV-XTX-2"),
        pytest.param("a+b=c d", "a+2Bb+3Dc+20d", id="TV-XTX-3"),
        pytest.param('"a b"@example.com', '"a+20b"@example.com', id="TV-XTX-4"),
        pytest.param("a\tb", "a+09b", id="TV-XTX-5"),
        pytest.param("QQ314159", "QQ314159", id="TV-XTX-7"),
        pytest.param("\r\n\0", "+0D+0A+00", id="CMD-24 controls"),
    ],
)
def test_both_ways(text: str, encoded: str) -> None:
    assert xtext.encode(text) == encoded
    assert xtext.decode(encoded) == text


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        pytest.param("QQ31415+39", "QQ314159", id="TV-XTX-7 encoded without need"),
        pytest.param("+3d", "=", id="DSN-2 lower case"),
        pytest.param("+C3+A9", "\xc3\xa9", id="TV-XTX-6 octet by octet"),
        pytest.param("", "", id="empty"),
    ],
)
def test_decode(encoded: str, text: str) -> None:
    assert xtext.decode(encoded) == text


def test_encode_utf8() -> None:
    assert xtext.encode("é") == "+C3+A9"


@pytest.mark.parametrize(
    "encoded",
    [
        *(pytest.param(encoded, id=f"TV-XTX-8 {encoded}") for encoded in ("+", "+2", "+2g", "a=b", "a b")),
        pytest.param("a\n", id="LF at the end"),
        pytest.param("é", id="DSN-3 8-bit"),
        pytest.param("+٣٣", id="digits outside ASCII"),
    ],
)
def test_malformed(encoded: str) -> None:
    with pytest.raises(ValueError, match="invalid xtext"):
        xtext.decode(encoded)


@given(st.text())
def test_encoded_text_is_xtext(text: str) -> None:
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return
    assert xtext.decode(xtext.encode(text)).encode("latin-1") == octets
