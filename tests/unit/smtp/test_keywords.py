"""When each EHLO keyword is said (EHL and RLY of docs/rules.md)."""

from __future__ import annotations

import pytest

from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.keywords import ADDED_OCTETS, Situation, announced
from gsubmit.smtp.params import read_mail_params

OURS = {"8BITMIME", "BINARYMIME", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "PIPELINING", "SIZE"}


def relay(*lines: str) -> Capabilities:
    return Capabilities.from_lines(lines)


@pytest.mark.parametrize(
    ("situation", "more"),
    [
        pytest.param(Situation(), set(), id="RLY-18 what needs no relay"),
        pytest.param(Situation(tls_offered=True), {"STARTTLS"}, id="STARTTLS before TLS"),
        pytest.param(Situation(mechanisms=("PLAIN",)), {"AUTH"}, id="AUTH where a mechanism is allowed"),
        pytest.param(Situation(relay("8BITMIME", "BINARYMIME", "DSN")), set(), id="EBM-4 BDT-18 DSN-20 in any case"),
        pytest.param(Situation(relay("VRFY")), {"VRFY"}, id="RLY-14"),
        pytest.param(Situation(relay("SMTPUTF8")), set(), id="EAI-1 not without 8BITMIME"),
        pytest.param(Situation(relay("SMTPUTF8", "8BITMIME")), {"SMTPUTF8"}, id="EAI-1"),
        pytest.param(
            Situation(relay("STARTTLS", "AUTH PLAIN", "ETRN", "XCLIENT NAME", "REQUIRETLS")),
            set(),
            id="EHL-8 what is between us and the relay",
        ),
    ],
)
def test_announced(situation: Situation, more: set[str]) -> None:
    assert set(announced(situation)) == OURS | more


def test_mechanisms_are_parameters() -> None:
    assert announced(Situation(mechanisms=("PLAIN", "LOGIN")))["AUTH"] == "PLAIN LOGIN"


@pytest.mark.parametrize(
    ("ours", "line", "size"),
    [
        pytest.param(0, "SIZE", "", id="SIZ-1 no limit anywhere"),
        pytest.param(0, "SIZE 0", "", id="SIZ-1 the relay's 0"),
        pytest.param(1000, "SIZE", "1000", id="ours alone"),
        pytest.param(0, "SIZE 5000", str(5000 - ADDED_OCTETS), id="SIZ-7 room for our header"),
        pytest.param(1000, "SIZE 5000", "1000", id="ours is smaller"),
        pytest.param(9000, "SIZE 5000", str(5000 - ADDED_OCTETS), id="the relay's is smaller"),
        pytest.param(0, "SIZE 10", "1", id="a limit never turns into no limit"),
    ],
)
def test_size(ours: int, line: str, size: str) -> None:
    assert announced(Situation(relay(line), max_mail_size=ours))["SIZE"] == size


def test_order() -> None:
    lines = ("8BITMIME", "BINARYMIME", "CHUNKING", "DSN", "SMTPUTF8", "VRFY")
    names = list(announced(Situation(relay(*lines), mechanisms=("PLAIN",), tls_offered=True)))
    assert names == sorted(names)


@pytest.mark.parametrize("value", ["8BITMIME", "BINARYMIME"])
def test_what_is_announced_is_taken(value: str) -> None:
    """CMD-16 the other way round: an announced value of BODY is no unknown parameter."""
    assert read_mail_params(f"BODY={value}", announced(Situation())).body == value
