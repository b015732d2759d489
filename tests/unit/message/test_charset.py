"""Codecs of charsets that messages name."""

from __future__ import annotations

import codecs
import encodings
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message import charset
from gsubmit.message.charset import cleaned, codec_of

ALL = sorted(set(charset._CODECS.values()))


@pytest.mark.parametrize(
    ("name", "octets", "text"),
    [
        ("UTF-8", "ü".encode(), "ü"),
        ("us-ascii", b"a", "a"),
        ("iso-8859-1", b"\xfc", "ü"),
        ("ISO_8859-15", b"\xa4", "€"),
        ("windows-1252", b"\x80", "€"),
        ("koi8-u", b"\xa4", "є"),
        ("gb18030", "日本".encode("gb18030"), "日本"),
        ("ks_c_5601-1987", "한".encode("euc-kr"), "한"),
        ("iso-8859-8-i", b"\xe0", "א"),
    ],
)
def test_charsets_in_mail(name: str, octets: bytes, text: str) -> None:
    codec = codec_of(name)
    assert codec is not None
    assert octets.decode(codec) == text


@pytest.mark.parametrize(
    "name", ["", "punycode", "idna", "unicode_escape", "base64", "rot13", "x", "../x", "ü", "a" * 99]
)
def test_what_is_no_charset(name: str) -> None:
    assert codec_of(name) is None


def test_half_a_character_is_none() -> None:
    assert cleaned(b"a+2AA-b+2ADcAQ-".decode("utf-7")) == "a\ufffdb\U00010001"


def test_python_keeps_no_name() -> None:
    before = len(encodings._cache)
    for number in range(100):
        codec_of(f"x-{number}")
    assert len(encodings._cache) == before


@pytest.mark.parametrize("codec", ALL)
def test_each_is_of_text_and_takes_no_long(codec: str) -> None:
    began = time.process_time()
    for octets in (b"a-" * 200_000, bytes(range(256)) * 500, b"\x1b$B" * 50_000):
        assert isinstance(octets.decode(codec, "replace"), str)
    assert time.process_time() - began < 5


@given(st.binary(max_size=40), st.sampled_from(ALL))
def test_octets_are_characters_or_an_error(octets: bytes, codec: str) -> None:
    with suppress(UnicodeError):
        cleaned(octets.decode(codec)).encode()
    with suppress(UnicodeError):  # of UTF-16 and UTF-32 without a mark
        codecs.getincrementaldecoder(codec)("replace").decode(octets)
