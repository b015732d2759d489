"""The fate of each parameter on the way to the relay (RLY-4)."""

from __future__ import annotations

import pytest

from gsubmit.relay.lines import mail_line, rcpt_line
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.envelope import Recipient, Sender, read_recipient, read_sender
from gsubmit.smtp.reply import Refused

LISTED = ("SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "AUTH PLAIN", "DSN", "SMTPUTF8")
OFFERED = {"SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "AUTH", "DSN", "SMTPUTF8"}
EVERYTHING = Capabilities.from_lines(LISTED)


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
        pytest.param("<a@x> SIZE=10", EVERYTHING, "FROM:<a@x> SIZE=1034", id="SIZ-7 with what we add"),
        pytest.param("<a@x> SIZE=10", NOTHING, "FROM:<a@x>", id="SIZ-7 not listed"),
        pytest.param(
            "<a@x> SIZE=99999999999999999999",
            EVERYTHING,
            "FROM:<a@x> SIZE=99999999999999999999",
            id="SIZ-2 never more than 20 digits",
        ),
        pytest.param("<a@x> BODY=8BITMIME", EVERYTHING, "FROM:<a@x> BODY=8BITMIME", id="BODY"),
        pytest.param("<a@x> BODY=BINARYMIME", EVERYTHING, "FROM:<a@x> BODY=BINARYMIME", id="BDT-18"),
        pytest.param(
            "<a@x> BODY=BINARYMIME", without("8BITMIME"), "FROM:<a@x> BODY=BINARYMIME", id="BDT-18 without 8BITMIME"
        ),
        pytest.param("<a@x> BODY=7BIT", EVERYTHING, "FROM:<a@x> BODY=7BIT", id="BODY=7BIT"),
        pytest.param("<a@x> BODY=7BIT", NOTHING, "FROM:<a@x>", id="BODY=7BIT is the default"),
        pytest.param("<a@x> AUTH=a@x", EVERYTHING, "FROM:<a@x> AUTH=<>", id="AUT-21"),
        pytest.param("<a@x> AUTH=a@x", NOTHING, "FROM:<a@x>", id="AUT-21 not listed"),
        pytest.param(
            "<Alice@Example.ORG> RET=HDRS ENVID=QQ31415+39",
            EVERYTHING,
            "FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ31415+39",
            id="TV-DSN-1 DSN-13",
        ),
        pytest.param("<é@x> SMTPUTF8", EVERYTHING, "FROM:<é@x> SMTPUTF8", id="EAI-8"),
        pytest.param(
            "<a@x> SMTPUTF8 ENVID=e RET=full AUTH=<> BODY=8bitmime SIZE=0",
            EVERYTHING,
            "FROM:<a@x> SIZE=1024 BODY=8BITMIME AUTH=<> RET=FULL ENVID=e SMTPUTF8",
            id="all of them",
        ),
    ],
)
def test_mail(argument: str, relay: Capabilities, line: str) -> None:
    assert mail_line(sender(argument), relay) == f"MAIL {line}\r\n".encode()


@pytest.mark.parametrize(
    ("argument", "missing"),
    [
        pytest.param("<a@x> BODY=8BITMIME", "8BITMIME", id="8BITMIME"),
        pytest.param("<a@x> BODY=BINARYMIME", "BINARYMIME", id="BINARYMIME"),
        pytest.param("<a@x> BODY=BINARYMIME", "CHUNKING", id="BDT-18 BINARYMIME needs CHUNKING"),
        pytest.param("<a@x> RET=FULL", "DSN", id="RET"),
        pytest.param("<a@x> ENVID=e", "DSN", id="ENVID"),
        pytest.param("<a@x> SMTPUTF8", "SMTPUTF8", id="SMTPUTF8"),
    ],
)
def test_mail_when_an_extension_is_gone(argument: str, missing: str) -> None:
    """RLY-17: never a silent drop."""
    with pytest.raises(Refused) as refused:
        mail_line(sender(argument), without(missing))
    assert (refused.value.reply.code, refused.value.reply.status) == (451, "4.3.5")


@pytest.mark.parametrize(
    ("argument", "relay", "line"),
    [
        pytest.param("<b@x>", NOTHING, "TO:<b@x>", id="plain"),
        pytest.param("<PostMaster>", NOTHING, "TO:<PostMaster>", id="TV-CMD-23"),
        pytest.param("<é@x>", NOTHING, "TO:<é@x>", id="EAI-8"),
        pytest.param(
            "<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            EVERYTHING,
            "TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            id="TV-DSN-2",
        ),
        pytest.param("<b@x> ORCPT=Rfc822;a+2bB@x", EVERYTHING, "TO:<b@x> ORCPT=Rfc822;a+2bB@x", id="DSN-15"),
        pytest.param("<b@x> ORCPT=utf-8;é@x", EVERYTHING, "TO:<b@x> ORCPT=utf-8;é@x", id="EAI-12"),
    ],
)
def test_rcpt(argument: str, relay: Capabilities, line: str) -> None:
    assert rcpt_line(recipient(argument), relay) == f"RCPT {line}\r\n".encode()


@pytest.mark.parametrize("argument", ["<b@x> NOTIFY=NEVER", "<b@x> ORCPT=rfc822;b@x"])
def test_rcpt_when_dsn_is_gone(argument: str) -> None:
    """RLY-17, DSN-17."""
    with pytest.raises(Refused) as refused:
        rcpt_line(recipient(argument), without("DSN"))
    assert refused.value.reply.code == 451
