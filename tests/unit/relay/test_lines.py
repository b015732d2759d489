"""The fate of each parameter on the way to the relay (RLY-4)."""

from __future__ import annotations

import pytest

from gsubmit.relay.lines import mail_line, rcpt_line
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.envelope import Recipient, Sender, read_recipient, read_sender
from gsubmit.smtp.replies import NO_UTF8_RECIPIENT, NO_UTF8_SENDER
from gsubmit.smtp.reply import Refused

LISTED = ("SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "DSN", "SMTPUTF8")
OFFERED = {"SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "AUTH", "DSN", "SMTPUTF8"}
EVERYTHING = Capabilities.from_lines(LISTED)
WITH_AUTH = Capabilities.from_lines([*LISTED, "AUTH PLAIN"])


def without(*keywords: str) -> Capabilities:
    return Capabilities.from_lines(line for line in LISTED if line.split()[0] not in keywords)


def sender(argument: str) -> Sender:
    return read_sender(f"FROM:{argument}", OFFERED, ())


def recipient(argument: str) -> Recipient:
    return read_recipient(f"TO:{argument}", OFFERED, (), smtputf8=True)


@pytest.mark.parametrize(
    ("argument", "relay", "line"),
    [
        pytest.param("<>", NOTHING, "FROM:<>", id="CMD-6 null path"),
        pytest.param("<Alice@Example.ORG>", NOTHING, "FROM:<Alice@Example.ORG>", id="CMD-2 case is kept"),
        pytest.param("<@r.example:a@x>", NOTHING, "FROM:<a@x>", id="TV-CMD-11"),
        pytest.param('<"a b"@x>', NOTHING, 'FROM:<"a b"@x>', id="TV-CMD-12"),
        pytest.param('<"abc"@x>', NOTHING, "FROM:<abc@x>", id="CMD-11"),
        pytest.param("<a@x>", EVERYTHING, "FROM:<a@x> BODY=8BITMIME", id="EBM-2 the content may be 8-bit unsaid"),
        pytest.param("<>", without("BINARYMIME"), "FROM:<> BODY=8BITMIME", id="EBM-2 of reports too"),
        pytest.param("<a@x>", without("8BITMIME"), "FROM:<a@x>", id="EBM-5 where it is listed"),
        pytest.param("<a@x> SIZE=10", EVERYTHING, "FROM:<a@x> SIZE=1034 BODY=8BITMIME", id="SIZ-7 with what we add"),
        pytest.param("<a@x> SIZE=10", NOTHING, "FROM:<a@x>", id="SIZ-7 not listed"),
        pytest.param(
            "<a@x> SIZE=99999999999999999999",
            EVERYTHING,
            "FROM:<a@x> SIZE=99999999999999999999 BODY=8BITMIME",
            id="SIZ-2 never more than 20 digits",
        ),
        pytest.param("<a@x> BODY=8BITMIME", EVERYTHING, "FROM:<a@x> BODY=8BITMIME", id="BODY"),
        pytest.param("<a@x> BODY=BINARYMIME", EVERYTHING, "FROM:<a@x> BODY=BINARYMIME", id="BDT-18"),
        pytest.param(
            "<a@x> BODY=BINARYMIME", without("BINARYMIME"), "FROM:<a@x> BODY=8BITMIME", id="BDT-18 converted to 8-bit"
        ),
        pytest.param(
            "<a@x> BODY=BINARYMIME", without("CHUNKING"), "FROM:<a@x> BODY=8BITMIME", id="BDT-17 not without CHUNKING"
        ),
        pytest.param("<a@x> BODY=BINARYMIME", without("8BITMIME"), "FROM:<a@x>", id="BDT-18 converted to 7-bit"),
        pytest.param("<a@x> BODY=8BITMIME", without("8BITMIME"), "FROM:<a@x>", id="EBM-4 converted to 7-bit"),
        pytest.param("<a@x> BODY=7BIT", EVERYTHING, "FROM:<a@x> BODY=7BIT", id="BODY=7BIT"),
        pytest.param("<a@x> BODY=7BIT", NOTHING, "FROM:<a@x>", id="BODY=7BIT is the default"),
        pytest.param("<a@x> AUTH=a@x", WITH_AUTH, "FROM:<a@x> BODY=8BITMIME AUTH=<>", id="AUT-21"),
        pytest.param("<a@x> AUTH=a@x", EVERYTHING, "FROM:<a@x> BODY=8BITMIME", id="AUT-21 not listed"),
        pytest.param("<a@x> RET=HDRS ENVID=e", without("DSN"), "FROM:<a@x> BODY=8BITMIME", id="DSN-17 ours to answer"),
        pytest.param("<a@x> SMTPUTF8", without("SMTPUTF8"), "FROM:<a@x> BODY=8BITMIME", id="EAI-13 not needed so far"),
        pytest.param(
            "<Alice@Example.ORG> RET=HDRS ENVID=QQ31415+39",
            EVERYTHING,
            "FROM:<Alice@Example.ORG> BODY=8BITMIME RET=HDRS ENVID=QQ31415+39",
            id="TV-DSN-1 DSN-13",
        ),
        pytest.param("<é@x> SMTPUTF8", EVERYTHING, "FROM:<é@x> BODY=8BITMIME SMTPUTF8", id="EAI-8"),
        pytest.param(
            "<a@x> SMTPUTF8 ENVID=e RET=full AUTH=<> BODY=8bitmime SIZE=0",
            WITH_AUTH,
            "FROM:<a@x> SIZE=1024 BODY=8BITMIME RET=FULL ENVID=e SMTPUTF8 AUTH=<>",
            id="all of them",
        ),
    ],
)
def test_mail(argument: str, relay: Capabilities, line: str) -> None:
    assert mail_line(sender(argument), relay) == f"MAIL {line}\r\n".encode()


@pytest.mark.parametrize(
    ("argument", "login", "said"),
    [
        pytest.param("<a@x>", "user@example.org", "user@example.org", id="AUT-21 the login"),
        pytest.param("<a@x> AUTH=b@y", "user@example.org", "<>", id="AUT-21 not what the client says"),
        pytest.param("<a@x> AUTH=<>", "user@example.org", "<>", id="AUT-21 the client's own doubt"),
        pytest.param("<a@x>", "user+tag@example.org", "user+2Btag@example.org", id="AUT-22 xtext"),
        pytest.param("<a@x>", "", "<>", id="nobody logged in"),
        pytest.param("<a@x>", "user", "<>", id="a login that is no mailbox"),
        pytest.param("<a@x>", "us er@example.org", "<>", id="a login that is no mailbox, either"),
        pytest.param("<a@x>", "user@example.org\r\nQUIT", "<>", id="no second line"),
    ],
)
def test_mail_auth(argument: str, login: str, said: str) -> None:
    line = mail_line(sender(argument), Capabilities.from_lines(["AUTH PLAIN"]), login)
    assert line == f"MAIL FROM:<a@x> AUTH={said}\r\n".encode()


def test_mail_auth_beyond_ascii() -> None:
    """AUT-22, EAI-8: xtext of UTF-8 would be 8-bit; whatever goes out is one line that the relay can take."""
    for relay in (without("SMTPUTF8"), EVERYTHING):
        with_auth = Capabilities({**relay.keywords, "AUTH": "PLAIN"})
        line = mail_line(sender("<a@x>"), with_auth, "jürgen@example.org")
        assert line.isascii()


def test_no_login_is_told_where_auth_is_unknown() -> None:
    assert mail_line(sender("<a@x>"), EVERYTHING, "user@example.org") == b"MAIL FROM:<a@x> BODY=8BITMIME\r\n"


@pytest.mark.parametrize("argument", ["<é@x> SMTPUTF8", "<a@é.example> SMTPUTF8"])
def test_sender_that_the_relay_cannot_take(argument: str) -> None:
    """EAI-13: before any data."""
    with pytest.raises(Refused) as refused:
        mail_line(sender(argument), without("SMTPUTF8"))
    assert refused.value.reply == NO_UTF8_SENDER


@pytest.mark.parametrize(
    ("argument", "relay", "line"),
    [
        pytest.param("<b@x>", NOTHING, "TO:<b@x>", id="plain"),
        pytest.param("<PostMaster>", NOTHING, "TO:<PostMaster>", id="TV-CMD-23"),
        pytest.param("<é@x>", EVERYTHING, "TO:<é@x>", id="EAI-8"),
        pytest.param(
            "<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            EVERYTHING,
            "TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            id="TV-DSN-2",
        ),
        pytest.param("<b@x> ORCPT=Rfc822;a+2bB@x", EVERYTHING, "TO:<b@x> ORCPT=Rfc822;a+2bB@x", id="DSN-15"),
        pytest.param("<b@x> ORCPT=utf-8;é@x", EVERYTHING, "TO:<b@x> ORCPT=utf-8;é@x", id="EAI-12"),
        pytest.param(
            "<b@x> ORCPT=utf-8;é@x", without("SMTPUTF8"), r"TO:<b@x> ORCPT=utf-8;\x{E9}@x", id="EAI-12 in ASCII"
        ),
    ],
)
def test_rcpt(argument: str, relay: Capabilities, line: str) -> None:
    assert rcpt_line(recipient(argument), relay) == f"RCPT {line}\r\n".encode()


@pytest.mark.parametrize("argument", ["<b@x> NOTIFY=NEVER", "<b@x> ORCPT=rfc822;b@x", "<b@x> ORCPT=utf-8;é@x"])
def test_rcpt_without_dsn(argument: str) -> None:
    """DSN-17: ours to answer, so the relay need not know."""
    assert rcpt_line(recipient(argument), NOTHING) == b"RCPT TO:<b@x>\r\n"


@pytest.mark.parametrize("argument", ["<é@x>", "<a@é.example>"])
def test_recipient_that_the_relay_cannot_take(argument: str) -> None:
    """EAI-13: before any data."""
    with pytest.raises(Refused) as refused:
        rcpt_line(recipient(argument), without("SMTPUTF8"))
    assert refused.value.reply == NO_UTF8_RECIPIENT
