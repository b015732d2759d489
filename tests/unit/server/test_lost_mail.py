"""Where is my mail: each way in which a message is refused or lost is found by its recipient's address."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gsubmit.server import listener
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import CLOSE, Answer, Server, ehlo, served

LOGIN = ["EHLO c.example.org", f"AUTH PLAIN {b64encode(bytes(1) + b'user' + bytes(1) + b'secret').decode()}"]
MAIL, JO, ANN = "MAIL FROM:<me@example.org>", "RCPT TO:<jo@example.net>", "RCPT TO:<ann@example.net>"
ENVELOPE = [MAIL, JO]
TEXT = "Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\n"
MESSAGE = [*ENVELOPE, "DATA", f"{TEXT}text\r\n."]
FAILED = r"submission\(user\)<\S+>: Info: Failed to relay message: id=\S+, from=<me@example\.org>, nrcpt=1, to=<jo@example\.net>, "
MSGID = r"size=\d+, msgid=<1@example\.org>, "
REFUSED = r"submission\(user\)<\S+>: Info: Refused RCPT: from=<me@example\.org>, to=<jo@example\.net>, "
RELAY = r"relay=127\.0\.0\.1:\d+"
NO_TERMS = "451 4.3.5 The relay server does not accept our connection, try again later"


@dataclass
class Case:
    """What the client says, one reply awaited after each, and what the log must have about jo@example.net."""

    says: Sequence[str]
    log: str
    answers: Mapping[str, Answer] = field(default_factory=dict)  # the relay's
    settings: str = ""
    last: str = ""  # without waiting for a reply
    ends: str = "client"  # who ends the session


CASES = {
    "client leaves within DATA": Case(
        [*ENVELOPE, "DATA"], FAILED + r".*state=DATA, reason=`Connection closed: closed by the client'", last=TEXT
    ),
    "client leaves before DATA": Case(ENVELOPE, FAILED + ".*state=RCPT TO, reason=`Connection closed: "),
    "client gives up because of another recipient": Case(
        [*ENVELOPE, ANN, "RSET"], FAILED + r".*state=RCPT TO, reason=`RSET'", {ANN: "550 5.1.1 Unknown"}
    ),
    "client says QUIT instead of DATA": Case([*ENVELOPE, "QUIT"], FAILED + r".*state=RCPT TO, reason=`QUIT'"),
    "client is silent": Case([*ENVELOPE, "DATA"], FAILED + r".*state=DATA, reason=`Disconnected for inactivity'", ends="time"),
    "client does not wait for the go-ahead": Case(
        ENVELOPE, FAILED + ".*reason=`Data sent before the go-ahead'", last=f"DATA\r\n{TEXT}", ends="server"
    ),
    "server stops": Case([*ENVELOPE, "DATA"], FAILED + r".*state=DATA, reason=`Server shutting down'", ends="stop"),
    "too large": Case(
        [*ENVELOPE, "DATA", f"{TEXT}{'text' * 500}\r\n."],
        FAILED + r".*by=gsubmit, reply=`552 5\.3\.4 Message size exceeds the fixed maximum'",
        settings="submission_max_mail_size = 1k",
    ),
    "too large in a chunk": Case(
        [*ENVELOPE, f"BDAT 2000\r\n{'x' * 1998}\r\n", "RSET"],
        FAILED + r".*by=gsubmit, reply=`552 5\.3\.4 ",
        settings="submission_max_mail_size = 1k",
    ),
    "bare LF": Case(
        [*ENVELOPE, "DATA", f"{TEXT}a\nb\r\n."], FAILED + MSGID + r"by=gsubmit, reply=`550 5\.6\.11 Message contains a bare CR or LF'"
    ),
    "looping": Case(
        [*ENVELOPE, "DATA", "Received: x\r\n" * 200 + f"{TEXT}\r\n."], FAILED + MSGID + "by=gsubmit, reply=`554 5\\.4\\.6 Too many Received"
    ),
    "cannot be converted": Case(
        ["MAIL FROM:<me@example.org> BODY=8BITMIME", JO, "DATA", f"Content-Type: multipart/signed; boundary=b\r\n{TEXT}--b\r\n\r\n\xe4\r\n--b--\r\n."],
        FAILED + MSGID + r"by=gsubmit, reply=`554 5\.6\.3 Message cannot be converted .*: .*part",
        {"EHLO": ehlo("PIPELINING", "ENHANCEDSTATUSCODES")},
    ),
    "unknown parameter": Case([MAIL, f"{JO} X=Y"], REFUSED + r"by=gsubmit, reply=`555 5\.5\.4 "),
    "no address": Case([MAIL, "RCPT TO:<jo@example.net"], REFUSED + r"by=gsubmit, reply=`501 5\.1\.3 Invalid recipient address'"),
    "too many recipients": Case(
        [MAIL, ANN, JO], REFUSED + r"by=gsubmit, reply=`452 4\.5\.3 Too many", settings="submission_max_recipients = 1"
    ),
    "without a login": Case(
        ["EHLO c.example.org", JO],
        r"submission-login: Info: Refused RCPT: to=<jo@example\.net>, by=gsubmit, reply=`530 5\.7\.0 Authentication "
        r"required': user=<>, rip=127\.0\.0\.1, lip=127\.0\.0\.1, secured, session=<",
    ),
    "relay refuses the recipient": Case(
        ENVELOPE, REFUSED + rf"by=relay, {RELAY}, reply=`550 5\.1\.1 Unknown'", {"RCPT": "550 5.1.1 Unknown"}
    ),
    "relay refuses the sender, and RCPT was sent along": Case(
        [f"{MAIL}\r\n{JO}"], REFUSED + rf"by=relay, {RELAY}, reply=`503 5\.5\.1 No sender'", {"MAIL": "550 5.7.1 No", "RCPT": "503 5.5.1 No sender"}
    ),
    "relay refuses the sender, and RCPT came after that": Case(
        ENVELOPE, REFUSED + r"by=gsubmit, reply=`503 5\.5\.1 MAIL needed first'", {"MAIL": "550 5.7.1 No"}
    ),
    "relay refuses the message": Case(
        MESSAGE, FAILED + MSGID + rf"{RELAY}, reused=no, by=relay, reply=`554 5\.7\.1 Spam'", {"content": "554 5.7.1 Spam", "chunk": "554 5.7.1 Spam"}
    ),
    "relay is lost at RCPT": Case(ENVELOPE, REFUSED + r"by=gsubmit, reply=`451 4\.4\.2 Lost connection", {"RCPT": CLOSE}),
    "relay is lost between RCPT and DATA": Case(
        [*ENVELOPE, ANN, "DATA"], FAILED + r".*by=gsubmit, reply=`503 5\.5\.1 MAIL needed first'", {ANN: CLOSE}
    ),
    "relay is lost after the message": Case(
        MESSAGE, FAILED + MSGID + r"by=gsubmit, reply=`451 4\.4\.2 Lost connection", {"content": CLOSE, "chunk": CLOSE}
    ),
    "relay says 421": Case(MESSAGE, REFUSED + r"by=relay, reply=`451 4\.3\.2 Tired'", {"RCPT": "421 4.3.2 Tired"}),
    "relay wants us to log in for each recipient": Case(
        ENVELOPE, REFUSED + rf"by=relay, {RELAY}, reply=`530 5\.7\.0 Log in'", {"RCPT": "530 5.7.0 Log in"}
    ),
}  # fmt: skip


def _play(case: Case, server: Serving) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock, sock.makefile("rb") as replies:

        def hear() -> None:
            while replies.readline()[3:4] == b"-":
                pass

        hear()
        for words in [*([] if case.says[0].startswith("EHLO") else LOGIN), *case.says]:
            sock.sendall(words.encode("latin-1") + b"\r\n")
            for _ in range(1 + words.count("\r\nRCPT")):
                hear()
        sock.sendall(case.last.encode())
        if case.ends == "stop":
            server.server.stop(seconds=0.2)
        if case.ends != "client":
            replies.read()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_lost_mail_is_found_by_its_recipient(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.ends == "time":
        monkeypatch.setattr(listener, "INACTIVITY", 0.3)
    relay = Server(answers=case.answers)
    with served(relay), serving(case.settings, relay.port) as server:
        _play(case, server)
    found = [line for line in server.log_text.splitlines() if "<jo@example.net>" in line]
    assert any(re.search(case.log, line) for line in found), server.log_text
    assert len(found) == 1, server.log_text


def test_a_relay_that_does_not_take_our_mail_is_an_error_once() -> None:
    relay = Server(answers={"MAIL": "530 5.7.0 Must issue a STARTTLS command first"})
    with served(relay), serving("", relay.port) as server:
        _play(Case([MAIL, MAIL, MAIL], ""), server)
    lines = [line[16:] for line in server.log_text.splitlines()]
    errors = [line for line in lines if " Error: " in line]
    assert len(errors) == 1
    assert re.fullmatch(
        rf"gsubmit: Error: relay: 127\.0\.0\.1:{relay.port} does not take our mail: 530 5\.7\.0 Must issue .*",
        errors[0],
    )
    refusals = [line for line in lines if re.search(rf"Info: Refused MAIL: .*by=relay, {RELAY}, reply=`530 ", line)]
    assert len(refusals) == 3


def test_the_same_for_each_message() -> None:
    relay = Server(answers={"content": "530 5.7.0 Log in", "chunk": "530 5.7.0 Log in"})
    with served(relay), serving("", relay.port) as server:
        _play(Case([*MESSAGE, *MESSAGE], ""), server)
    lines = [line[16:] for line in server.log_text.splitlines()]
    assert [line for line in lines if " Error: " in line] == [
        f"gsubmit: Error: relay: 127.0.0.1:{relay.port} does not take our mail: 530 5.7.0 Log in"
    ]
    assert len([line for line in lines if re.search(rf"{FAILED}.*by=relay, reply=`{NO_TERMS}'", line)]) == 2


def test_rawlogs_are_found_by_the_session(tmp_path: Path) -> None:
    """That of a relay's connection is named after the session it was made for, and with each message."""
    settings = f"rawlog_dir = {tmp_path}\nsubmission_relay_rawlog_dir = {tmp_path}\n"
    settings += "login_trusted_networks = 127.0.0.1/32\nsubmission_relay_trusted = yes"
    relay = Server(answers={"EHLO": ehlo("XCLIENT ADDR LOGIN SESSION", "LIMITS MAILMAX=1")})
    with served(relay), serving(settings, relay.port) as server:
        for id in ("one/1", "one/2"):
            _play(Case(["EHLO x", f"XCLIENT SESSION={id}", *LOGIN, *MESSAGE], ""), server)
    log = server.log_text
    names = {path.stem for path in tmp_path.iterdir()}
    assert all(
        len(set(re.findall(rf"rawlog of session=<{id}>: (\S+\.client)$", log, re.M)) & names) == 1
        for id in ("one/1", "one/2")
    )
    (first, second) = re.findall(r"Relayed message: id=one/[12], .*, reused=no, rawlog=(\S+), reply=", log)
    assert {first, second} <= names
    assert re.fullmatch(r"\d+-\d+\.\d+\.\d+\.relay", first)  # of the connection that the start makes
    assert re.fullmatch(r"\d+-\d+\.\d+\.\d+\.one_2\.relay", second)
    client = next(name for name in names if name.endswith(".client"))
    (ours,) = re.findall(rf"rawlog of session=<([\w-]{{16}})>: {re.escape(client)}$", log, re.M)
    assert f".{ours}.client" in client
