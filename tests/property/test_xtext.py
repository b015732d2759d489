"""xtext there and back again (RFC 3461 4)."""

from __future__ import annotations

import re
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.smtp import xtext

SETTINGS = settings(max_examples=400, deadline=None)


@SETTINGS
@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_comes_back(text: str) -> None:
    encoded = xtext.encode(text)
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", encoded)
    assert xtext.decode(encoded) == text


@SETTINGS
@given(st.text())
def test_other_text_comes_back_by_its_octets(text: str) -> None:
    encoded = xtext.encode(text)
    assert encoded.isascii()
    assert xtext.decode(encoded).encode("latin-1") == text.encode()


@SETTINGS
@given(st.text(st.sampled_from("+=a2Ff \r0é"), max_size=8))
def test_decoding_takes_xtext_and_nothing_else(text: str) -> None:
    is_xtext = re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*", text) is not None
    with suppress(ValueError):
        xtext.decode(text)
        assert is_xtext
        return
    assert not is_xtext
