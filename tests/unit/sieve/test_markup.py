"""The text of HTML, and the parameters of MIME fields."""

from __future__ import annotations

import time

import pytest

from gsubmit.sieve import markup
from gsubmit.sieve.markup import text_of
from gsubmit.sieve.mimefields import parameters


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a<b>b</b></p>", "a b"),
        ("a<script x='y'>hidden</script >b", "a b"),
        ("<HEAD><title>x</title></HEAD>b<!-- c -->d", "b d"),
        ("a<style", "a"),
        ("a<script>b", "a"),
        ("1 < 2 &amp; 3", "1 < 2 & 3"),
        ("a<header>b</header>", "a b"),
    ],
)
def test_text(markup: str, text: str) -> None:
    assert text_of(markup, lambda units: None).split() == text.split()


@pytest.mark.parametrize("begin", ["<", "</", "&", "&#"])
@pytest.mark.parametrize("at", range(-4, 2))
def test_a_sign_is_found_wherever_it_stands(begin: str, at: int) -> None:
    before = "x" * (markup._SLICE + at) + begin
    assert text_of(before + "<p>&#228;", lambda units: None) == before + " \u00e4"


def test_tags_before_the_text_are_no_blank() -> None:
    assert text_of("<html><p>alpha</p>", lambda units: None) == "alpha "


@pytest.mark.parametrize("piece", ["<head ", "<script>", "<!--", "</script", "<a ", "<", "&", "<style></style "])
def test_a_megabyte_takes_no_long(piece: str) -> None:
    began = time.process_time()
    text_of(piece * ((1 << 20) // len(piece)), lambda units: None)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x; a*=iso-8859-1'de'%FC", "ü"),
        ("x; a*=utf-8''%C3%BC", "ü"),
        ("x; a*0*=UTF-8''%C3; a*1*=%BC; a*2=b", "üb"),
        ("x; a*=''%C3%BC", "ü"),
        ("x; a*=punycode''tda-", "tda-"),
        ("x; a*=no-such''%FC", "\udcfc"),
        ("x; a*=utf-8''\udcff%C3", "\udcff\udcc3"),
    ],
)
def test_parameters_with_charsets(value: str, text: str) -> None:
    assert parameters(value) == {"a": text}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x; a=report (1).exe", "report (1).exe"),
        ('x; a=a(b.exe; x=")"', "a(b.exe"),
        ("x (y; a=c); a=b (d)", "b"),
        ("x; a=b ((c) d); e=f", "b"),
        ("x; a=b (c", "b (c"),
        ('x; a="b (c)"', "b (c)"),
    ],
)
def test_comments_stand_between_words(value: str, text: str) -> None:
    assert parameters(value)["a"] == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/plain; charset=us-ascii (Plain text)", {"charset": "us-ascii"}),
        ('text/plain; charset="us-ascii" (Plain text)', {"charset": "us-ascii"}),
        ("attachment (x; filename=a.txt); filename=b.exe", {"filename": "b.exe"}),
        ("x (a (b) ; c=d) ; (e) f (g) = (h) i (j); k=l", {"f": "i", "k": "l"}),
        (r"x (\); a=b \\\( (c) ); d=e", {"d": "e"}),
        (r"""x ("); a=b; c="d" """, {"a": "b", "c": "d"}),
        (r"""x; a="b (c) \" (d)"; e=f""", {"a": 'b (c) " (d)', "e": "f"}),
        ("x; a=b)c; d=e", {"a": "b)c", "d": "e"}),
        ("attachment (x; filename=b.exe", {"filename": "b.exe"}),
    ],
)
def test_comments_are_no_parameters(value: str, expected: dict[str, str]) -> None:
    assert parameters(value) == expected


@pytest.mark.parametrize("piece", ["(", "(;a=b", "(a)", "()", ";a=(", '"', '";a="(', ";a=\\", "\\(", ";", "; ", ";a=b"])
def test_a_megabyte_of_parameters_takes_no_long(piece: str) -> None:
    began = time.process_time()
    parameters(piece * ((1 << 20) // len(piece)))
    parameters('x; a="' + piece * ((1 << 20) // len(piece)))
    assert time.process_time() - began < 10
