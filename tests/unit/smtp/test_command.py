"""One command line (RFC 5321 2.4, 4.1.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.smtp.command import Command
from gsubmit.smtp.reply import Refused


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        pytest.param(b"NOOP", "NOOP", "", id="verb alone"),
        pytest.param(b"ehlo client.example", "EHLO", "client.example", id="TV-CMD-1"),
        pytest.param(b"RSET ", "RSET", "", id="TV-CMD-30"),
        pytest.param(b"RSET \t ", "RSET", "", id="CMD-3 trailing white space"),
        pytest.param(b"EHLO x\t", "EHLO", "x", id="CMD-3 trailing HT"),
        pytest.param(b"MAIL FROM:<a@x>  SIZE=1", "MAIL", "FROM:<a@x>  SIZE=1", id="CMD-14 inner spaces are kept"),
        pytest.param(b"NOOP a\tb", "NOOP", "a\tb", id="inner HT"),
        pytest.param("MAIL FROM:<é@x>".encode(), "MAIL", "FROM:<é@x>", id="EAI-3 MAIL"),
        pytest.param("RCPT TO:<é@x>".encode(), "RCPT", "TO:<é@x>", id="EAI-3 RCPT"),
        pytest.param("vrfy é".encode(), "VRFY", "é", id="EAI-9 VRFY"),
        pytest.param(b"FOO bar", "FOO", "bar", id="TV-CMD-31 unknown verb is still a command"),
    ],
)
def test_parse(line: bytes, verb: str, argument: str) -> None:
    assert Command.parse(line) == Command(verb, argument)


@pytest.mark.parametrize("verb", [b"EHLO", b"HELO", b"ehLo"])
@pytest.mark.parametrize("blank", [b" ", b"  ", b"\t"])
@given(octets=st.binary(min_size=1, max_size=300).filter(lambda octets: not set(octets) & set(b"\0\r\n")))
def test_a_client_may_call_itself_anything(verb: bytes, blank: bytes, octets: bytes) -> None:
    command = Command.parse(verb + blank + octets)
    assert command.verb == verb.decode().upper()
    assert command.argument == octets.strip(b" \t").decode("latin-1")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty line"),
        pytest.param(b" NOOP", id="CMD-3 leading space"),
        pytest.param(b"\tNOOP", id="CMD-3 leading HT"),
        pytest.param(b"NOOP\nRSET", id="TV-CMD-32"),
        pytest.param(b"NOOP\r", id="SMG-4 bare CR"),
        pytest.param(b"NOOP\n", id="SMG-4 bare LF at the end"),
        pytest.param(b"NOOP\0", id="TV-CMD-34"),
        pytest.param(b"NOOP x\0", id="SMG-4 NUL in the argument"),
        pytest.param(b"RCPT TO:<a@x\rRCPT TO:<b@x>", id="TV-CMD-35"),
        pytest.param(b"NOOP \x7f", id="CMD-22 DEL"),
        pytest.param(b"NOOP \x1b[2J", id="CMD-22 ESC"),
        pytest.param(b"NOOP\tx", id="HT after the verb"),
        pytest.param(b"NOOP  x", id="two spaces after the verb"),
        pytest.param(b"EHLO x\0", id="SMG-4 NUL in a name"),
        pytest.param(b"EHLO x\nMAIL FROM:<a@x>", id="SMG-4 LF in a name"),
        pytest.param(b"HELO x\r", id="SMG-4 CR in a name"),
        pytest.param(b"EHLO\xa0x", id="no-break space is no blank"),
        pytest.param("AUTH PLAIN é".encode(), id="CMD-22 AUTH"),
        pytest.param("NOOP é".encode(), id="CMD-22 NOOP"),
        pytest.param("\u017fend".encode(), id="CMD-2 no letter outside ASCII is a verb's"),
        pytest.param(b"X-FOO", id="verbs are letters"),
        pytest.param(b"A" * 33, id="no verb is that long"),
    ],
)
def test_bad_line(line: bytes) -> None:
    with pytest.raises(Refused) as refused:
        Command.parse(line)
    assert (refused.value.reply.code, refused.value.reply.status) == (500, "5.5.2")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"P\xc3", id="cut short"),
        pytest.param(b"\xc0\xaf", id="overlong"),
        pytest.param(b"\xed\xa0\x80", id="surrogate"),
        pytest.param(b"\xff", id="no UTF-8"),
    ],
)
def test_bad_utf8(octets: bytes) -> None:
    """TV-EAI-8; CMD-22 allows 500 for what the vector answers with 501."""
    with pytest.raises(Refused) as refused:
        Command.parse(b"MAIL FROM:<" + octets + b"@example.com>")
    assert refused.value.reply.code in (500, 501)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(b"MAIL ".__add__))
def test_no_control_character_comes_through(line: bytes) -> None:
    try:
        command = Command.parse(line)
    except Refused as refused:
        assert refused.reply.code == 500
    else:
        assert not set(command.argument) & {*map(chr, range(9)), *map(chr, range(10, 32)), "\x7f"}
