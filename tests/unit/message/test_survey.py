"""What a stretch of content holds (RFC 2045 2.7 to 2.9)."""

from __future__ import annotations

import pytest

from gsubmit.message.survey import MAX_LINE, Findings, Survey

LINE = b"x" * MAX_LINE


def surveyed(*pieces: bytes) -> Findings:
    survey = Survey()
    for piece in pieces:
        survey.feed(piece)
    return survey.findings()


@pytest.mark.parametrize(
    ("octets", "eight_bit", "odd"),
    [
        pytest.param(b"", 0, False, id="nothing"),
        pytest.param(b"a\x01\x7f\r\n", 0, False, id="7bit"),
        pytest.param(b"a\x80\xff\xc3\xa9", 4, False, id="8bit"),
        pytest.param(b"a\0", 0, True, id="NUL"),
        pytest.param(b"a\nb", 0, True, id="LF"),
        pytest.param(b"a\r", 0, True, id="CR at the end"),
        pytest.param(b"a\r\r\n\xff", 1, True, id="CR CR LF"),
    ],
)
def test_octets(octets: bytes, eight_bit: int, odd: bool) -> None:
    assert surveyed(octets) == Findings(len(octets), eight_bit, odd, has_long_line=False)
    assert surveyed(octets).fits(takes_8bit=True) is not odd
    assert surveyed(octets).fits(takes_8bit=False) is not (odd or eight_bit > 0)


@pytest.mark.parametrize(
    ("pieces", "long"),
    [
        pytest.param([LINE], False, id="LIM-5 998 octets"),
        pytest.param([LINE + b"\r\n" + LINE + b"\r\n", LINE], False, id="LIM-5 three lines"),
        pytest.param([LINE, b"\r\n", LINE], False, id="LIM-5 CRLF alone"),
        pytest.param([b"a\r\n" * 1000, LINE + b"\r\n"], False, id="LIM-5 many lines"),
        pytest.param([LINE + b"x"], True, id="LIM-5 999 octets"),
        pytest.param([LINE, b"x\r\n"], True, id="LIM-5 999 octets in two pieces"),
        pytest.param([b"a\r\nx", LINE], True, id="LIM-5 999 octets after a line"),
        pytest.param([b"a\r\nx" + LINE + b"\r\nb"], True, id="LIM-5 999 octets between lines"),
        pytest.param([b"a\r\n" * 1000 + b"x" + LINE, b"\r\n"], True, id="LIM-5 999 octets after many lines"),
    ],
)
def test_lines(pieces: list[bytes], long: bool) -> None:
    findings = surveyed(*pieces)
    assert findings.has_long_line is long
    assert findings.fits(takes_8bit=True) is not long
