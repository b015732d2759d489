"""AUT-3: base64 of AUTH lines is strict."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.sasl.base64 import decode


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        pytest.param("", b"", id="empty"),
        pytest.param("dGVzdAB0ZXN0ADEyMzQ=", b"test\0test\x001234", id="TV-AUT-1"),
        pytest.param("dGlt", b"tim", id="no padding needed"),
        pytest.param("AA==", b"\0", id="two padding characters"),
        pytest.param("+/+/", b"\xfb\xff\xbf", id="plus and slash"),
    ],
)
def test_valid(text: str, octets: bytes) -> None:
    assert decode(text) == octets


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("dGVzdAB0ZXN0ADEyMzQ", id="TV-AUT-6 padding missing"),
        pytest.param("=AAA", id="TV-AUT-6 padding first"),
        pytest.param("AAA=BBB=", id="TV-AUT-6 padding within"),
        pytest.param("dGVz*AB0", id="TV-AUT-6 bad character"),
        pytest.param("=", id="lone equals sign is for the AUTH line only"),
        pytest.param("*", id="cancel is not base64"),
        pytest.param("dGVz dGVz", id="space"),
        pytest.param(" dGVz", id="space first"),
        pytest.param("dGVz ", id="space last"),
        pytest.param("dGVz\r", id="CR"),
        pytest.param("AA=", id="one padding character too few"),
        pytest.param("AA===", id="one padding character too many"),
        pytest.param("AAAA====", id="padding only"),
        pytest.param("A", id="one character"),
        pytest.param("AA-_", id="URL alphabet"),
        pytest.param("dGVé", id="not ASCII"),
        pytest.param("\udcff\udcffAA", id="undecodable octets"),
    ],
)
def test_invalid(text: str) -> None:
    with pytest.raises(ValueError, match="invalid base64"):
        decode(text)


@given(st.binary())
def test_round_trip(octets: bytes) -> None:
    assert decode(base64.b64encode(octets).decode()) == octets
