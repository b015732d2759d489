"""Addresses of fields, and how text is folded for comparisons."""

from __future__ import annotations

import time
import unicodedata

import pytest

from gsubmit.sieve.addresses import addresses, one_address, path_address
from gsubmit.sieve.comparators import UNICODE, upper
from gsubmit.sieve.limits import TURN


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a@b, C D <c@d> (x, y)", ["a@b", "c@d"]),
        ('"a,b" <"c d"@e>', ['"c d"@e']),
        ("team: a@b, c@d;, e@f", ["a@b", "c@d", "e@f"]),
        ("<@x,@y:a@b>", ["a@b"]),
        ("<>", [""]),
        ("", []),
        ("nobody, a@b", ["nobody", "a@b"]),
        ('"no end <a@b>, c@d', ["a@b", "c@d"]),
        ("(no end, a@b", []),
        ("a@b: c", ["a@b: c"]),
    ],
)
def test_what_is_found(value: str, found: list[str]) -> None:
    assert [address.whole for address in addresses(value)] == found


@pytest.mark.parametrize("text", ["a@b", "<a@b>", "C. D <a@b>", '"C, D" <a@b> (x)', " a @ b "])
def test_what_is_one_address(text: str) -> None:
    found = one_address(text)
    assert found is not None
    assert found.whole == "a@b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 1000 + " <a@b>",
        "a",
        "<>",
        "a@b, c@d",
        "a@b,",
        "c:a@b;",
        "c:a@b",
        "<@c:a@b>",
        "<a@b",
        "a@b>",
        "<a@b> c",
        "c@d <a@b>",
        "c a@b",
    ],
)
def test_what_is_no_address_or_more_than_one(text: str) -> None:
    assert one_address(text) is None


@pytest.mark.parametrize(
    "piece", ["a@b,", "(", '"', '"\\', "<", ">", "@", "a:", "@:", " ", "[", "[a", ",", '"a" ', "\\"]
)
def test_a_long_field_is_work_that_is_told_of(piece: str) -> None:
    told: list[int] = []
    began = time.process_time()
    addresses(piece * (100_000 // len(piece)), told.append)
    assert time.process_time() - began < 5
    assert max(told, default=0) < TURN
    assert piece == " " or sum(told) > 20_000


@pytest.mark.parametrize(
    ("text", "found"), [("aß\udcffé", "Aß\udcffé"), ("aé", "Aé"), ("az", "AZ"), ("\ud800a", "\ud800A")]
)
def test_letters_of_ascii_only_are_folded(text: str, found: str) -> None:
    assert upper(text, lambda: None) == found


def test_unicode_casemap_is_title_case_decomposed() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xDC00]
    for first in range(0, len(characters), 500):
        text = "\u00e9".join(characters[first : first + 500])
        titles = "".join(title if len(title := one.title()) == 1 else one for one in text)  # the simple ones
        assert UNICODE.folded(text, lambda: None) == unicodedata.normalize("NFKD", titles)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ('"a b"@c', ['"a b"@c', "a b", "c"]),
        ("postmaster", ["postmaster", "postmaster", None]),
        ("", ["", None, None]),
    ],
)
def test_paths_of_the_envelope_have_parts(path: str, parts: list[str | None]) -> None:
    assert [path_address(path).part(name, "+") for name in ("all", "localpart", "domain")] == parts
