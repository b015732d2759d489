"""Dovecot's own submission service beside ours: the same dialog gets the same replies, but for the differences listed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.peer_dialog import dialog
from tests.harness.peer_dovecot import Configured, dovecot
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_postfix import Postfix

LOGIN = ["EHLO client.example.org", "AUTH PLAIN AHVzZXIAc2VjcmV0"]
ENVELOPE = [*LOGIN, "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>"]
MESSAGE = "Subject: x\r\n\r\n..x\r\n."
_LONG = "x" * 600

# What is said; one reply is read after each line. A line may hold CRLF of its own.
DIALOGS = {
    "noop, rset, help and quit before a login": ["NOOP", "NOOP x", "RSET", "HELP", "VRFY x", "QUIT"],
    "unknown and empty commands": ["", "FOO", "FOO bar", "EXPN x", "ETRN x", "TURN", "QUIT"],
    "hello": ["EHLO", "HELO", "EHLO client.example.org", "HELO client.example.org", "EHLO [127.0.0.1]", "EHLO a b"],
    "content before a login": ["EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "BDAT 0 LAST"],
    "login with an initial response": [*LOGIN, "QUIT"],
    "login in two steps": ["EHLO x", "AUTH PLAIN", "AHVzZXIAc2VjcmV0", "NOOP", "QUIT"],
    "login with LOGIN": ["EHLO x", "AUTH LOGIN", "dXNlcg==", "c2VjcmV0", "QUIT"],
    "LOGIN with the name at once": ["EHLO x", "AUTH LOGIN dXNlcg==", "c2VjcmV0", "QUIT"],
    "a login given up": ["EHLO x", "AUTH PLAIN", "*", "AUTH LOGIN", "dXNlcg==", "*", "QUIT"],
    "a login without hello": ["AUTH PLAIN AHVzZXIAc2VjcmV0", "MAIL FROM:<a@example.org>"],
    "a second login": [*LOGIN, "AUTH PLAIN AHVzZXIAc2VjcmV0", "NOOP"],
    "a login in a transaction": [*ENVELOPE, "AUTH PLAIN AHVzZXIAc2VjcmV0", "NOOP"],
    "a message by DATA": [*ENVELOPE, "DATA", MESSAGE, "QUIT"],
    "two messages": [*ENVELOPE, "DATA", MESSAGE, *ENVELOPE[2:], "DATA", MESSAGE, "QUIT"],
    "a message by BDAT": [*ENVELOPE, "BDAT 4\r\n\r\nx\r", "BDAT 4 LAST\r\n\ny\r\n", "NOOP"],
    "a bare LF in BDAT": [*ENVELOPE, "BDAT 6 LAST\r\n\r\nx\ny\n", "NOOP"],
    "an empty last chunk": [*ENVELOPE, "BDAT 5\r\n\r\nx\r\n", "BDAT 0 LAST", "NOOP"],
    "BDAT before RCPT": [*LOGIN, "MAIL FROM:<a@example.org>", "BDAT 3\r\nabc", "NOOP"],
    "BDAT without MAIL": [*LOGIN, "BDAT 3\r\nabc", "NOOP"],
    "RCPT, DATA and MAIL after BDAT": [
        *(*ENVELOPE, "BDAT 5\r\n\r\nx\r\n", "RCPT TO:<c@example.org>", "DATA", "MAIL FROM:<a@example.org>", "RSET"),
    ],
    "BDAT with a bad marker": [*ENVELOPE, "BDAT 3 FIRST\r\nabc", "BDAT 0 LAST", "RSET", "NOOP"],
    "commands out of order": [*LOGIN, "RCPT TO:<b@example.org>", "DATA", "MAIL FROM:<a@example.org>", "DATA", "RSET"],
    "nested MAIL": [*LOGIN, "MAIL FROM:<a@example.org>", "MAIL FROM:<c@example.org>", "RSET"],
    "RSET and EHLO end a transaction": [*ENVELOPE, "RSET", "DATA", *ENVELOPE[2:], "EHLO x", "DATA"],
    "the null path": [*LOGIN, "MAIL FROM:<>", "RCPT TO:<b@example.org>", "RSET"],
    "malformed paths": [
        *(
            *LOGIN,
            "MAIL",
            "MAIL FROM:",
            "MAIL FROM:a@example.org",
            "MAIL FROM: <a@example.org>",
            "MAIL TO:<a@example.org>",
        ),
        *("MAIL FROM:<a@example.org", "MAIL FROM:<a b@example.org>", "MAIL FROM:<@x:a@example.org>", "RSET"),
    ],
    "malformed recipients": [
        *(
            *LOGIN,
            "MAIL FROM:<a@example.org>",
            "RCPT",
            "RCPT TO:",
            "RCPT TO:<>",
            "RCPT TO:b@example.org",
            "RCPT TO: <b@example.org>",
        ),
        *("RCPT TO:<b@>", "RCPT TO:<@example.org>", "RCPT TO:<postmaster>", "RCPT TO:<b@example.org> FOO=1", "RSET"),
    ],
    "parameters of MAIL": [
        *(
            *LOGIN,
            "MAIL FROM:<a@example.org> FOO=1",
            "MAIL FROM:<a@example.org> SIZE=x",
            "MAIL FROM:<a@example.org> SIZE=100",
        ),
        *("RSET", "MAIL FROM:<a@example.org> SIZE=9999999999", "MAIL FROM:<a@example.org> BODY=8BITMIME", "RSET"),
        *("MAIL FROM:<a@example.org> BODY=9BIT", "MAIL FROM:<a@example.org> RET=HDRS ENVID=x", "RSET"),
        *("MAIL FROM:<a@example.org> RET=FOO", "MAIL FROM:<a@example.org> AUTH=<>", "RSET"),
    ],
    "parameters of RCPT": [
        *(
            *LOGIN,
            "MAIL FROM:<a@example.org>",
            "RCPT TO:<b@example.org> NOTIFY=NEVER",
            "RCPT TO:<b@example.org> NOTIFY=NEVER,DELAY",
        ),
        *("RCPT TO:<b@example.org> ORCPT=rfc822;x@y.example", "RCPT TO:<b@example.org> ORCPT=x", "RSET"),
    ],
    "arguments where none belong": [*LOGIN, "RSET x", "QUIT x", "NOOP"],
    "DATA with an argument": [*ENVELOPE, "DATA x", "RSET"],
    "a recipient that the relay refuses": [
        *LOGIN,
        "MAIL FROM:<a@example.org>",
        "RCPT TO:<b@elsewhere.example>",
        "DATA",
        "RSET",
    ],
    "VRFY after a login": [*LOGIN, "VRFY b@example.org", "VRFY", "EXPN x", "HELP", "QUIT"],
    "lower case": [
        "ehlo x",
        "auth plain AHVzZXIAc2VjcmV0",
        "mail from:<a@example.org>",
        "rcpt to:<b@example.org>",
        "data",
        MESSAGE,
    ],
    "many bad commands": [*["FOO"] * 25],
    "a long line": [f"NOOP {_LONG}", f"EHLO {_LONG}", "NOOP"],
    # Last, because Dovecot makes an address that guesses wait.
    "a wrong password": ["EHLO x", "AUTH PLAIN AHVzZXIAd3Jvbmc=", "NOOP"],
    "malformed logins": ["EHLO x", "AUTH", "AUTH NONE", "AUTH PLAIN !!", "AUTH PLAIN =", "AUTH PLAIN", "!!"],
}

# What was said, Dovecot's reply, ours, and why they differ: on purpose.
_WRONG_DETAIL = "X.5.0 says nothing; this is an invalid command for the state (RFC 3463 3.6)"
_SYNTAX = "a parameter that is known but malformed is 501, 555 is for unknown ones (RFC 5321 4.2.2)"
_ADDRESS = "tells which address is wrong (RFC 3463 3.2)"
DIFFERENCES = {
    ("HELP", "500 5.5.1", "214 2.0.0"): "a server should have HELP (RFC 5321 4.1.1.8)",
    ("", "500 5.5.1", "500 5.5.2"): "an empty line is bad syntax",
    ("EXPN", "500 5.5.1", "502 5.5.1"): "known, not implemented (RFC 5321 4.2.4)",
    ("ETRN", "500 5.5.1", "502 5.5.1"): "known, not implemented (RFC 5321 4.2.4)",
    ("TURN", "500 5.5.1", "502 5.5.1"): "known, not implemented (RFC 5321 4.2.4)",
    ("EHLO", "250", "501"): "a name with a space in it, or of 600 octets, is none",
    ("*", "501 5.5.2", "501 5.7.0"): "the client gave up, its syntax was good",
    ("AUTH", "535 5.7.8", "501 5.5.2"): "malformed, so no password was wrong (RFC 4954 4)",
    ("!!", "535 5.7.8", "501 5.5.2"): "not base64 (RFC 4954 4)",
    ("AUTH", "503 5.5.0", "503 5.5.1"): _WRONG_DETAIL,
    ("BDAT", "503 5.5.0", "503 5.5.1"): _WRONG_DETAIL,
    ("BDAT", "554 5.5.0", "554 5.5.1"): _WRONG_DETAIL,
    ("DATA", "503 5.5.0", "503 5.5.1"): _WRONG_DETAIL,
    ("DATA", "554 5.5.0", "554 5.5.1"): _WRONG_DETAIL,
    ("MAIL", "503 5.5.0", "503 5.5.1"): _WRONG_DETAIL,
    ("RCPT", "503 5.5.0", "503 5.5.1"): _WRONG_DETAIL,
    ("MAIL", "250 2.1.0", "503 5.5.1"): "EHLO comes first (RFC 5321 4.1.4)",
    ("RCPT", "250 2.1.5", "503 5.5.1"): "no RCPT after BDAT (RFC 3030 2)",
    ("BDAT", "250 2.0.0", "550 5.6.11"): "a bare LF goes to no relay",
    ("MAIL", "501 5.5.4", "501 5.1.7"): _ADDRESS,
    ("RCPT", "501 5.5.4", "501 5.1.3"): _ADDRESS,
    ("MAIL", "555 5.5.4", "501 5.5.4"): _SYNTAX,
    ("MAIL", "552 5.2.3", "552 5.3.4"): "the system's limit, not a mailbox's (RFC 1870 6.1)",
    ("VRFY", "501 5.5.4", "252 2.0.0"): "an address is what VRFY is for (RFC 5321 4.1.1.6)",
}


@pytest.fixture(scope="module")
def theirs(relay_postfix: Postfix) -> Iterator[Configured]:
    with dovecot(relay_postfix.port) as running:
        yield running


@pytest.fixture(scope="module")
def ours(relay_postfix: Postfix) -> Iterator[Gsubmit]:
    with gsubmit(relay_postfix.port) as running:
        yield running


@pytest.mark.parametrize("name", DIALOGS)
def test_the_replies_are_the_same(theirs: Configured, ours: Gsubmit, name: str) -> None:
    with dialog(theirs.port) as their, dialog(ours.port) as our:
        differences = []
        for line in DIALOGS[name]:
            replies = their.say(line), our.say(line)
            if replies[0] != replies[1] and (line.partition(" ")[0], *replies) not in DIFFERENCES:
                differences.append((line, *replies))
        assert not differences
