"""What an SMTP server said in its EHLO reply."""

from __future__ import annotations

import pytest

from gsubmit.smtp.capabilities import NOTHING, Capabilities


@pytest.mark.parametrize(
    ("lines", "keywords"),
    [
        pytest.param([], {}, id="a lone greeting"),
        pytest.param(["size 1000", "StartTLS"], {"SIZE": "1000", "STARTTLS": ""}, id="EHL-6 any case"),
        pytest.param(["AUTH PLAIN LOGIN"], {"AUTH": "PLAIN LOGIN"}, id="parameters"),
        pytest.param(["DSN ", " PIPELINING"], {"DSN": "", "PIPELINING": ""}, id="spaces around"),
        pytest.param(["X-OTHER a=b"], {"X-OTHER": "a=b"}, id="EHL-6 unknown keyword"),
    ],
)
def test_keywords(lines: list[str], keywords: dict[str, str]) -> None:
    assert Capabilities.from_lines(lines).keywords == keywords


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["AUTH plain Login"], ["PLAIN", "LOGIN"], id="any case"),
        pytest.param(["AUTH=PLAIN LOGIN"], ["PLAIN", "LOGIN"], id="old form"),
        pytest.param(["AUTH PLAIN", "AUTH=LOGIN"], ["PLAIN", "LOGIN"], id="both forms"),
        pytest.param(["AUTH=LOGIN", "AUTH PLAIN"], ["LOGIN", "PLAIN"], id="both forms, old one first"),
        pytest.param(["AUTH"], [], id="keyword alone"),
    ],
)
def test_mechanisms(lines: list[str], mechanisms: list[str]) -> None:
    assert Capabilities.from_lines(lines).mechanisms == mechanisms


@pytest.mark.parametrize(
    ("line", "size"),
    [
        pytest.param("SIZE 1000", 1000, id="SIZ-1"),
        pytest.param("SIZE", 0, id="SIZ-1 nothing said"),
        pytest.param("SIZE 0", 0, id="SIZ-1 no fixed maximum"),
        pytest.param("SIZE 18446744073709551616", 1 << 64, id="TV-SIZ-3 no wrap"),
        pytest.param("SIZE -5", 0, id="negative"),
        pytest.param("SIZE 5 6", 0, id="two numbers"),
        pytest.param("SIZE 5k", 0, id="no number"),
        pytest.param("SIZE ²", 0, id="a digit that int() does not take"),
        pytest.param("8BITMIME", 0, id="no SIZE"),
    ],
)
def test_size(line: str, size: int) -> None:
    assert Capabilities.from_lines([line]).size == size


@pytest.mark.parametrize(
    ("lines", "takes"),
    [
        pytest.param(["BINARYMIME", "CHUNKING"], True, id="BDT-17 both"),
        pytest.param(["BINARYMIME"], False, id="BDT-17 BINARYMIME alone"),
        pytest.param(["CHUNKING"], False, id="CHUNKING alone"),
    ],
)
def test_takes_binary(lines: list[str], takes: bool) -> None:
    assert Capabilities.from_lines(lines).takes_binary is takes


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        pytest.param("LIMITS MAILMAX=5", 5, id="RFC 9422"),
        pytest.param("limits RCPTMAX=9 MailMax=100 RCPTDOMAINMAX=1", 100, id="among others, any case"),
        pytest.param("LIMITS MAILMAX=999999", 999999, id="six digits"),
        pytest.param("LIMITS MAILMAX=1000000", 0, id="seven digits"),
        pytest.param("LIMITS MAILMAX=0", 0, id="zero would be no server"),
        pytest.param("LIMITS MAILMAX=05", 0, id="leading zero"),
        pytest.param("LIMITS MAILMAX=²", 0, id="a digit that int() does not take"),
        pytest.param("LIMITS MAILMAX", 0, id="no value"),
        pytest.param("LIMITS MAILMAX=5=6", 0, id="two values"),
        pytest.param("LIMITS RCPTMAX=5", 0, id="another limit"),
        pytest.param("LIMITS", 0, id="keyword alone"),
        pytest.param("MAILMAX=5", 0, id="no LIMITS"),
    ],
)
def test_limit(line: str, limit: int) -> None:
    assert Capabilities.from_lines([line]).limit("MAILMAX") == limit


def test_nothing() -> None:
    assert "SIZE" not in NOTHING
    assert (NOTHING.size, NOTHING.mechanisms, NOTHING.takes_binary, NOTHING.limit("MAILMAX")) == (0, [], False, 0)
