"""MAIL and RCPT parameters (RFC 5321 4.1.2, 1870, 3030, 3461, 4954, 6531)."""

from __future__ import annotations

import pytest

from gsubmit.smtp.params import (
    NO_MAIL_PARAMS,
    NO_RCPT_PARAMS,
    MailParams,
    RcptParams,
    read_mail_params,
    read_rcpt_params,
)
from gsubmit.smtp.reply import Refused

ALL = frozenset({"SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "AUTH", "DSN", "SMTPUTF8"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", NO_MAIL_PARAMS, id="none"),
        pytest.param("SIZE=10", MailParams(size=10), id="SIZ-2"),
        pytest.param("size=0", MailParams(size=0), id="CMD-2 keyword in any case"),
        pytest.param("SIZE=18446744073709551616", MailParams(size=1 << 64), id="TV-SIZ-3"),
        pytest.param("SIZE=00000000000000000010", MailParams(size=10), id="SIZ-2 20 digits"),
        pytest.param("BODY=8bitMime", MailParams(body="8BITMIME"), id="CMD-2 value in any case"),
        pytest.param("BODY=7BIT", MailParams(body="7BIT"), id="BODY=7BIT"),
        pytest.param("BODY=BINARYMIME", MailParams(body="BINARYMIME"), id="BDT-17"),
        pytest.param("AUTH=<>", MailParams(auth="<>"), id="AUTH of nobody"),
        pytest.param("AUTH=e+3Dmc2@example.com", MailParams(auth="e+3Dmc2@example.com"), id="TV-XTX-1"),
        pytest.param('AUTH="a+20b"@example.com', MailParams(auth='"a+20b"@example.com'), id="TV-XTX-4"),
        pytest.param("RET=HDRS ENVID=QQ314159", MailParams(ret="HDRS", envid="QQ314159"), id="TV-DSN-1"),
        pytest.param("ENVID=QQ31415+39", MailParams(envid="QQ31415+39"), id="TV-XTX-7 kept as received"),
        pytest.param("RET=hdrs", MailParams(ret="HDRS"), id="TV-DSN-3"),
        pytest.param("RET=Full", MailParams(ret="FULL"), id="DSN-4"),
        pytest.param(f"ENVID={'x' * 100}", MailParams(envid="x" * 100), id="TV-DSN-8"),
        pytest.param(f"ENVID={'+2B' * 100}", MailParams(envid="+2B" * 100), id="DSN-5 100 decoded"),
        pytest.param("ENVID=a+20b+09c", MailParams(envid="a+20b+09c"), id="DSN-5 white space"),
        pytest.param("SMTPUTF8 BODY=8BITMIME", MailParams(body="8BITMIME", smtputf8=True), id="TV-EAI-7"),
        pytest.param("smtputf8", MailParams(smtputf8=True), id="EAI-2 any case"),
    ],
)
def test_mail(text: str, expected: MailParams) -> None:
    assert read_mail_params(text, ALL) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", NO_RCPT_PARAMS, id="none"),
        pytest.param(
            "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            RcptParams("SUCCESS,FAILURE", "rfc822;Dana@Ivory.EDU"),
            id="TV-DSN-2",
        ),
        pytest.param("notify=never", RcptParams("NEVER"), id="TV-DSN-3"),
        pytest.param("NOTIFY=delay,delay", RcptParams("DELAY,DELAY"), id="DSN-6 doubled word"),
        pytest.param("ORCPT=x400;/C+3Dno/", RcptParams(orcpt="x400;/C+3Dno/"), id="DSN-7 any type"),
        pytest.param("ORCPT=RFC822;a+2Bb@x", RcptParams(orcpt="RFC822;a+2Bb@x"), id="DSN-15 kept as received"),
        pytest.param(f"ORCPT=rfc822;{'x' * 493}", RcptParams(orcpt=f"rfc822;{'x' * 493}"), id="TV-DSN-8"),
        pytest.param(
            r"ORCPT=utf-8;Pel\x{E9}@example.com", RcptParams(orcpt=r"utf-8;Pel\x{E9}@example.com"), id="TV-EAI-10"
        ),
        pytest.param("ORCPT=UTF-8;Pelé@example.com", RcptParams(orcpt="UTF-8;Pelé@example.com"), id="EAI-12 raw"),
    ],
)
def test_rcpt(text: str, expected: RcptParams) -> None:
    assert read_rcpt_params(text, ALL) == expected


def status(text: str, offered: frozenset[str], *, rcpt: bool = False) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        (read_rcpt_params if rcpt else read_mail_params)(text, offered)
    return refused.value.reply.code, refused.value.reply.status


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text, id=f"TV-CMD-20 {text}") for text in ("SIZE=", "SIZE=12a", "SIZE=1 SIZE=2")),
        pytest.param("SIZE=" + "1" * 21, id="TV-CMD-20 21 digits"),
        pytest.param("SIZE", id="CMD-14 no value"),
        pytest.param("SIZE=-1", id="SIZ-2 minus"),
        pytest.param("SIZE=+1", id="SIZ-2 plus"),
        pytest.param("SIZE=1_0", id="SIZ-2 underscore"),
        pytest.param("SIZE=\u0661", id="SIZ-2 digit outside ASCII"),
        pytest.param("SIZE=1=2", id="CMD-14 two ="),
        pytest.param(" SIZE=1", id="CMD-14 two spaces before"),
        pytest.param("SIZE=1  BODY=7BIT", id="CMD-14 two spaces between"),
        pytest.param("SIZE=1 ", id="CMD-14 space at the end"),
        pytest.param("SIZE=1\tBODY=7BIT", id="CMD-14 HT between"),
        pytest.param("=1", id="CMD-14 no keyword"),
        pytest.param("-SIZE=1", id="CMD-14 keyword with a leading hyphen"),
        pytest.param("FOO=", id="CMD-14 empty value of an unknown keyword"),
        pytest.param("BODY=9BIT", id="EBM-1 BODY of no kind"),
        pytest.param("BODY=BINARY", id="BDT-17 ERR-3"),
        pytest.param("BODY=8B\u0131TMIME", id="CMD-14 8-bit octets fold to no letter"),
        *(pytest.param(text, id=f"TV-DSN-4 {text}") for text in ("RET=BODY", "RET", "RET=", "RET=FULL RET=HDRS")),
        pytest.param("ENVID=a+0Ab", id="TV-DSN-7"),
        pytest.param("ENVID=a+7Fb", id="DSN-5 DEL"),
        pytest.param("ENVID=+C3+A9", id="DSN-5 8-bit"),
        pytest.param("ENVID=a+2", id="DSN-3 bad xtext"),
        pytest.param(f"ENVID={'x' * 101}", id="DSN-5 too long"),
        pytest.param("ENVID=a envid=b", id="DSN-9 doubled in another case"),
        pytest.param("AUTH=a", id="AUTH of no mailbox"),
        pytest.param("AUTH=a@x+0D+0Ab", id="CMD-24 AUTH with CR LF"),
        pytest.param("AUTH=<a@x>", id="AUTH in brackets"),
        pytest.param("SMTPUTF8=1", id="TV-EAI-7 value"),
        pytest.param("SMTPUTF8=", id="EAI-2 empty value"),
        pytest.param("SMTPUTF8 SMTPUTF8", id="TV-EAI-7 doubled"),
    ],
)
def test_mail_malformed(text: str) -> None:
    assert status(text, ALL) == (501, "5.5.4")


@pytest.mark.parametrize(
    "text",
    [
        *(
            pytest.param(f"NOTIFY={words}", id=f"TV-DSN-5 NOTIFY={words}")
            for words in ("NEVER,SUCCESS", "", "SUCCESS,,DELAY", "success;delay", "SUCCESS NOTIFY=DELAY")
        ),
        pytest.param("NOTIFY=SUCCESS,", id="DSN-6 comma at the end"),
        pytest.param("NOTIFY=FAILURE,NEVER", id="DSN-6 NEVER in the list"),
        pytest.param("NOTIFY=NEVER,NEVER", id="DSN-6 NEVER stands alone"),
        pytest.param("NOTIFY", id="DSN-6 no value"),
        pytest.param("NOTIFY=\u017fuccess", id="CMD-14 8-bit octets fold to no letter"),
        *(
            pytest.param(f"ORCPT={value}", id=f"TV-DSN-6 {value}")
            for value in ("rfc822;", "bob@example.com", "rfc822;a=b", "rfc822;a+2", "rfc822;a+ZZ")
        ),
        pytest.param("ORCPT=;a@x", id="DSN-7 no type"),
        pytest.param("ORCPT=a.b;a@x", id="DSN-7 type is an atom"),
        pytest.param("ORCPT=rfc822;a+0D+0Ab", id="CMD-24 CR LF"),
        pytest.param("ORCPT=rfc822;é@x", id="DSN-3 8-bit"),
        pytest.param(f"ORCPT=rfc822;{'x' * 494}", id="DSN-7 too long"),
        pytest.param(f"ORCPT=utf-8;{'é' * 248}", id="DSN-7 too long in octets"),
        pytest.param("ORCPT=rfc822;a ORCPT=rfc822;a", id="DSN-9 doubled"),
    ],
)
def test_rcpt_malformed(text: str) -> None:
    assert status(text, ALL, rcpt=True) == (501, "5.5.4")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        pytest.param("FOO=1", "", id="TV-CMD-19"),
        pytest.param("FOO", "", id="CMD-15 without value"),
        pytest.param("NOTIFY=NEVER", "", id="a parameter of RCPT"),
        pytest.param("XVERP", "", id="a private one"),
        pytest.param("RET=FULL", "DSN", id="TV-DSN-10"),
        pytest.param("ENVID=a", "DSN", id="CMD-16 ENVID"),
        pytest.param("SIZE=1", "SIZE", id="CMD-16 SIZE after HELO"),
        pytest.param("AUTH=<>", "AUTH", id="CMD-16 AUTH"),
        pytest.param("BODY=8BITMIME", "8BITMIME", id="CMD-16 BODY"),
        pytest.param("BODY=BINARYMIME", "BINARYMIME", id="TV-BDT-12"),
        pytest.param("SMTPUTF8", "SMTPUTF8", id="CMD-16 SMTPUTF8"),
    ],
)
def test_mail_unsupported(text: str, missing: str) -> None:
    assert status(text, ALL - {missing}) == (555, "5.5.4")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        pytest.param("SIZE=1", "", id="a parameter of MAIL"),
        pytest.param("NOTIFY=NEVER", "DSN", id="CMD-16 NOTIFY"),
        pytest.param("ORCPT=rfc822;a", "DSN", id="CMD-16 ORCPT"),
    ],
)
def test_rcpt_unsupported(text: str, missing: str) -> None:
    assert status(text, ALL - {missing}, rcpt=True) == (555, "5.5.4")
