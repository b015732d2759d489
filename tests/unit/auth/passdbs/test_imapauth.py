"""The driver imap, against a server that says what a test wants it to say."""

from __future__ import annotations

import logging
import random
import re
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Origin, Unavailable
from gsubmit.auth.passdbs import imap
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Proven
from tests.harness import relaytls
from tests.harness.ports import free_port
from tests.harness.scriptedpeer import ScriptedPeer
from tests.harness.serving import certificate_folder

RIGHT = Cleartext("tim@example.org", "tanstaaftanstaaf")
NOWHERE = Means(VerifiedCache(0, 0))
GREETING = b"* OK ready\r\n"
PLAIN = [b"+ \r\n", b"TAG OK done\r\n"]
LOGIN = [b"+ \r\n", b"+ \r\n", b"TAG OK done\r\n"]
HANG = b"HANG"
CLOSE = b"CLOSE"


@pytest.fixture(autouse=True)
def less_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "LOGIN_TIME", 5.0)


def capabilities(words: str) -> list[bytes]:
    return [f"* CAPABILITY IMAP4rev1 {words}\r\nTAG OK done\r\n".encode()]


@dataclass
class FakeImap(ScriptedPeer):
    """Answers each verb with its list of answers; after one that begins with `+` it reads on."""

    answers: Mapping[str, list[bytes]]
    greeting: bytes
    tls: str
    lines: list[bytes] = field(default_factory=list)
    count: int = 0

    def conversation(self, sock: socket.socket) -> _Talk:
        self.count += 1
        return _Talk(sock, self)


@dataclass
class _Talk:
    sock: socket.socket
    server: FakeImap

    def converse(self) -> None:
        if self.server.tls == "imaps":
            self.sock = relaytls.wrapped(self.sock)
        self.sock.sendall(self.server.greeting)
        if self._commands(self.sock):
            self.sock = relaytls.wrapped(self.sock)
            self._commands(self.sock)

    def _commands(self, sock: socket.socket) -> bool:
        """Whether TLS begins now."""
        with sock.makefile("rb") as file:
            while line := file.readline():
                self.server.lines.append(line)
                tag, verb = line.split()[:2]
                for answer in self.server.answers.get(verb.decode(), [b"TAG BAD unknown\r\n"]):
                    if answer == HANG:
                        file.read()
                    if answer == CLOSE:
                        return False
                    sock.sendall(answer.replace(b"TAG", tag))
                    if answer.startswith(b"+"):
                        if size := re.search(rb"{([0-9]+)}\r\n$", line):
                            self.server.lines.append(file.read(int(size[1])))
                        line = file.readline()
                        self.server.lines.append(line)
                if verb == b"STARTTLS" and self.server.tls == "starttls":
                    return True
                if verb == b"LOGOUT":
                    break
        return False


@contextmanager
def fake(
    answers: Mapping[str, list[bytes]] | None = None, greeting: bytes = GREETING, tls: str = ""
) -> Iterator[FakeImap]:
    usual = {"CAPABILITY": capabilities("AUTH=PLAIN"), "AUTHENTICATE": PLAIN}
    server = FakeImap(usual | dict(answers or {}), greeting, tls)
    server.listen_on("127.0.0.1")
    try:
        yield server
    finally:
        server.stop()


def passdb(server: FakeImap, args: str = "", means: Means = NOWHERE) -> ImapServer:
    return ImapServer.from_args(f"host=127.0.0.1 port={server.port} {args}", means)


def outcome(there: ImapServer, claim: Claim = RIGHT) -> str:
    """What comes of it, in words that never hold the password."""
    try:
        assert there.verify(claim, Origin()) == Answer({})
    except (Denied, Unavailable) as refusal:
        assert RIGHT.password not in repr(refusal) + repr(refusal.__cause__)
        return f"{type(refusal).__name__}: {refusal.reason.replace(str(there.port), 'PORT')}"
    return "yes"


def test_plain() -> None:
    with fake() as server:
        assert outcome(passdb(server)) == "yes"
        time.sleep(0.05)
    assert [line.split()[1] for line in server.lines if line.count(b" ")] == [b"CAPABILITY", b"AUTHENTICATE", b"LOGOUT"]
    assert b64decode(server.lines[2]) == b"\0tim@example.org\0tanstaaftanstaaf"


def test_initial_response() -> None:
    with fake(
        {"CAPABILITY": capabilities("AUTH=PLAIN SASL-IR"), "AUTHENTICATE": [b"TAG OK [CAPABILITY x] in\r\n"]}
    ) as server:
        assert outcome(passdb(server), Cleartext("tüm", 'sécret\r\n"\\')) == "yes"
    command = server.lines[1].split()
    assert command[1:3] == [b"AUTHENTICATE", b"PLAIN"]
    assert b64decode(command[3]).decode() == '\0tüm\0sécret\r\n"\\'


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("tim", "secret"),
        ("tim", 'a"b\\c d\te'),
        ("tim", "x\r\nZ LOGOUT\r\nZ1 LOGIN tim tanstaaf\r\n"),
        ("tüm {3}", "sécret"),
        ("tim", " {3}"),
    ],
)
def test_login(user: str, password: str) -> None:
    """Two literals: nothing in them can be taken for anything else."""
    with fake({"CAPABILITY": capabilities(""), "LOGIN": LOGIN}) as server:
        assert outcome(passdb(server), Cleartext(user, password)) == "yes"
    octets = b"".join(server.lines[1:]).partition(b" ")[2]
    name, word = user.encode(), password.encode()
    assert octets.startswith(b"LOGIN {%d}\r\n%b {%d}\r\n%b\r\n" % (len(name), name, len(word), word))


@pytest.mark.parametrize("claim", [Cleartext("tim", "a\0b"), Cleartext("t\r\nim", "a"), Cleartext("t\udc80m", "a")])
def test_claims_that_are_no_text(claim: Cleartext) -> None:
    with fake() as server:
        assert outcome(passdb(server), claim) == "Denied: control character in user name or password"
    assert server.count == 0


@pytest.mark.parametrize(
    ("words", "answers", "expected"),
    [
        pytest.param("", LOGIN, "yes", id="LOGIN"),
        pytest.param("AUTH=PLAIN SASL-IR", LOGIN, "yes", id="LOGIN, although there is PLAIN"),
        pytest.param("", [*LOGIN[:2], b"TAG NO x\r\n"], "Denied: refused by the IMAP server", id="NO"),
        pytest.param("", [*LOGIN[:2], b"TAG BAD x\r\n"], "Denied: refused by the IMAP server", id="BAD"),
        pytest.param("", [b"TAG BAD x\r\n"], "Unavailable: 127.0.0.1:PORT: ", id="BAD before it had the password"),
    ],
)
def test_password_that_is_not_utf8(words: str, answers: list[bytes], expected: str) -> None:
    """A literal holds any octets (RFC 3501 4.3), while PLAIN is UTF-8 (RFC 4616 2)."""
    with fake({"CAPABILITY": capabilities(words), "LOGIN": answers}) as server:
        assert outcome(passdb(server), Cleartext("tim", "caf\udce9")).startswith(expected)
    assert any(line.startswith(b"caf\xe9") for line in server.lines) is (len(answers) == 3)


@pytest.mark.parametrize(
    ("end", "expected"), [(b"OK", "yes"), (b"NO", "Denied: "), (b"BAD", "Denied: refused by the IMAP server")]
)
def test_password_that_is_not_utf8_where_login_is_disabled(end: bytes, expected: str) -> None:
    authenticate = [b"+ \r\n", b"TAG " + end + b" x\r\n"]
    answers = {"CAPABILITY": capabilities("AUTH=PLAIN LOGINDISABLED"), "AUTHENTICATE": authenticate}
    with fake(answers) as server:
        assert outcome(passdb(server), Cleartext("tim", "caf\udce9")).startswith(expected)
    assert b64encode(b"\0tim\0caf\xe9") + b"\r\n" in server.lines


def test_claims_of_other_kinds() -> None:
    with fake() as server:
        assert outcome(passdb(server), Proven("tim")).startswith("Unavailable")


REFUSED = "Denied: refused by the IMAP server"
WHERE = "Unavailable: 127.0.0.1:PORT: "


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("TAG NO no", REFUSED),
        ("TAG NO", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("TAG NO [AUTHENTICATIONFAILED] no", REFUSED + ": AUTHENTICATIONFAILED"),
        ("TAG NO [authorizationfailed] no", REFUSED + ": AUTHORIZATIONFAILED"),
        ("TAG NO [EXPIRED] old", "Denied: password expired"),
        ("TAG NO [ALERT] Invalid credentials (Failure)", REFUSED + ": ALERT"),
        ("TAG NO [WEBALERT https://x] Web login required.", REFUSED + ": WEBALERT"),
        ("TAG NO [UNAVAILABLE] later", WHERE + "the server refused the login: UNAVAILABLE"),
        ("TAG NO [CONTACTADMIN] x", WHERE + "the server refused the login: CONTACTADMIN"),
        ("TAG NO [SERVERBUG] x", WHERE + "the server refused the login: SERVERBUG"),
        ("TAG NO [LIMIT] x", WHERE + "the server refused the login: LIMIT"),
        ("TAG NO [INUSE] x", WHERE + "the server refused the login: INUSE"),
        ("TAG NO [tanstaaftanstaaf] x", WHERE + "the server refused the login: unknown response code"),
        ("TAG NO tanstaaftanstaaf", REFUSED),
        ("TAG BAD tanstaaftanstaaf", WHERE + "the server answered AUTHENTICATE with BAD"),
        ("* BYE tanstaaftanstaaf", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* BYE x\r\nTAG OK in", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("tanstaaftanstaaf", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("XX1 OK in", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("+ bW9yZQ==", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* OK [x] {99999999999}", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* OK " + "x" * 90000, WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* OK x\r\n" * 20000 + "TAG OK in", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* OK {" + "9" * 5000 + "}", WHERE + "the server answered AUTHENTICATE with nonsense, or the end"),
        ("* 1 EXISTS\r\n* OK [ALERT] x\r\nTAG OK in", "yes"),
    ],
)
def test_answers(answer: str, expected: str) -> None:
    with fake({"AUTHENTICATE": [b"+ \r\n", answer.encode() + b"\r\n", CLOSE]}) as server:
        assert outcome(passdb(server)) == expected


@pytest.mark.parametrize(
    ("answers", "greeting", "expected"),
    [
        pytest.param({}, b"* PREAUTH hello\r\n", "greets with PREAUTH, which proves nothing", id="PREAUTH"),
        pytest.param({}, b"* BYE full\r\n", "BYE full", id="BYE"),
        pytest.param({}, b"220 smtp\r\n", "unexpected response", id="SMTP"),
        pytest.param({}, b"x" * 90000, "endless line", id="endless greeting"),
        pytest.param({}, b"* OK\r\n" * 90000, "endless answers", id="endless greetings"),
        pytest.param({"CAPABILITY": [b"TAG OK\r\n"]}, GREETING, "", id="no capabilities"),
        pytest.param({"CAPABILITY": [b"* CAPABILITY {3}\r\nabc\r\nTAG OK x\r\n"]}, GREETING, "", id="literal"),
        pytest.param({"CAPABILITY": [b"* CAPABILITY \xff\r\nTAG OK x\r\n"]}, GREETING, "", id="not ASCII"),
        pytest.param({"CAPABILITY": capabilities("LOGINDISABLED")}, GREETING, "no login without TLS", id="disabled"),
        pytest.param({"AUTHENTICATE": [b"TAG OK in\r\n"]}, GREETING, "before it had the password", id="too early"),
        pytest.param(
            {"AUTHENTICATE": [b"+ \r\n", b"TAG OK in", CLOSE]}, GREETING, "nonsense, or the end", id="the end"
        ),
    ],
)
def test_no_login(answers: dict[str, list[bytes]], greeting: bytes, expected: str) -> None:
    with fake(answers, greeting) as server:
        said = outcome(passdb(server))
    assert said.startswith(WHERE) and expected in said


def test_nonsense_of_any_kind() -> None:
    """Whatever comes, it is no yes and nothing but Denied or Unavailable."""
    chance = random.Random(4711)
    pieces = [
        b"TAG ",
        b"* ",
        b"+ ",
        b"NO ",
        b"OK",
        b"[",
        b"]",
        b"{5}",
        b"\r\n",
        b"\0",
        b"\xff",
        b"BYE",
        b"CAPABILITY ",
        b"x",
    ]
    for _ in range(60):
        noise = [b"".join(chance.choices(pieces, k=chance.randrange(9))) + b"\r\n" for _ in range(4)]
        answers = {
            "CAPABILITY": noise[:1] if chance.random() < 0.5 else capabilities("AUTH=PLAIN"),
            "AUTHENTICATE": noise,
        }
        with fake(answers, GREETING if chance.random() < 0.9 else noise[0]) as server:
            there = passdb(server)
            threading.Timer(0.02, server.stop).start()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(imap, "LOGIN_TIME", 0.05)
                outcome(there)


@pytest.mark.parametrize("verb", ["CAPABILITY", "AUTHENTICATE"])
def test_silence(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "LOGIN_TIME", 0.2)
    began = time.monotonic()
    with fake({verb: [HANG]}) as server:
        assert outcome(passdb(server)).endswith(("no answer in time", "timed out"))
    assert time.monotonic() - began < 2


def test_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that always says something is no reason to wait longer."""
    monkeypatch.setattr(imap, "LOGIN_TIME", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        sock, _ = listener.accept()
        with sock:
            try:
                for _ in range(100):
                    sock.sendall(b"*")
                    time.sleep(0.02)
            except OSError:
                pass

    dripping = threading.Thread(target=drip)
    dripping.start()
    there = ImapServer.from_args(f"host=127.0.0.1 port={listener.getsockname()[1]}", NOWHERE)
    assert outcome(there).endswith("no answer in time")
    dripping.join(5)
    listener.close()


def test_nobody_listens() -> None:
    there = ImapServer.from_args(f"host=127.0.0.1 port={free_port()}", NOWHERE)
    assert outcome(there) == WHERE + "Connection refused"


# TLS


def ca(tls: str) -> str:
    return f"ssl={tls} ssl_ca_file={certificate_folder()}/ca.pem"


@pytest.mark.parametrize("tls", ["imaps", "starttls"])
def test_tls(tls: str) -> None:
    answers = {"CAPABILITY": capabilities("STARTTLS AUTH=PLAIN"), "STARTTLS": [b"TAG OK go\r\n"]}
    with fake(answers, tls=tls) as server:
        assert outcome(passdb(server, ca(tls))) == "yes"
        assert "certificate verify failed" in outcome(passdb(server, f"ssl={tls}"))
        assert outcome(passdb(server, f"ssl={tls} allow_invalid_cert=yes")) == "yes"


@pytest.mark.parametrize("tls", ["imaps", "starttls"])
def test_certificate_of_another_name(tls: str) -> None:
    answers = {"CAPABILITY": capabilities("STARTTLS AUTH=PLAIN"), "STARTTLS": [b"TAG OK go\r\n"]}
    with fake(answers, tls=tls) as server:
        there = ImapServer.from_args(f"host=127.0.0.2 port={server.port} {ca(tls)}", NOWHERE)
        server.listen_on("127.0.0.2")
        assert "certificate verify failed" in outcome(there)
    assert not [line for line in server.lines if b"AUTHENTICATE" in line]


@pytest.mark.parametrize(
    ("answers", "greeting", "expected"),
    [
        pytest.param({}, GREETING, "does not offer STARTTLS", id="not offered"),
        pytest.param({"STARTTLS": [b"TAG NO no\r\n"]}, GREETING, "refused STARTTLS", id="refused"),
        pytest.param({"STARTTLS": [b"TAG BAD no\r\n"]}, GREETING, "STARTTLS command error", id="BAD"),
        pytest.param({"STARTTLS": [b"TAG OK go\r\n* OK x\r\n"]}, GREETING, "clear text after STARTTLS", id="injection"),
        pytest.param({"STARTTLS": [b"TAG OK go\r\n"]}, b"* PREAUTH hello\r\n", "", id="PREAUTH"),
    ],
)
def test_starttls(answers: dict[str, list[bytes]], greeting: bytes, expected: str) -> None:
    words = capabilities("STARTTLS AUTH=PLAIN") if answers else capabilities("AUTH=PLAIN")
    with fake({"CAPABILITY": words, **answers}, greeting, tls="starttls") as server:
        said = outcome(passdb(server, ca("starttls")))
        assert said.startswith(WHERE) and expected in said
        assert not [line for line in server.lines if b"AUTHENTICATE" in line]


def test_clear_text_before_tls_is_forgotten() -> None:
    """A capability that somebody in between has added."""
    answers = {
        "CAPABILITY": capabilities("STARTTLS LOGINDISABLED"),
        "STARTTLS": [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK go\r\n"],
    }
    with fake(answers, tls="starttls") as server:
        assert "allows no login" in outcome(passdb(server, ca("starttls")))


# The cache


def test_remembered() -> None:
    with fake() as server:
        there = passdb(server, means=Means(VerifiedCache(100_000, 60, 60)))
        assert [outcome(there) for _ in range(3)] == ["yes"] * 3
    assert server.count == 1


def test_no_is_remembered() -> None:
    with fake({"AUTHENTICATE": [b"+ \r\n", b"TAG NO no\r\n"]}) as server:
        there = passdb(server, means=Means(VerifiedCache(100_000, 60, 60)))
        assert [outcome(there) for _ in range(2)] == [REFUSED, REFUSED + " a short while ago"]
    assert server.count == 1


def test_failure_is_not_remembered() -> None:
    with fake({"AUTHENTICATE": [b"+ \r\n", b"TAG NO [UNAVAILABLE] no\r\n"]}) as server:
        there = passdb(server, means=Means(VerifiedCache(100_000, 60, 60)))
        assert outcome(there) == outcome(there)
    assert server.count == 2


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(imap, "SLOT_TIMEOUT", 0.1)
    monkeypatch.setattr(imap, "LOGIN_TIME", 0.4)
    with fake({"AUTHENTICATE": [HANG]}) as server:
        there = passdb(server)
        first = threading.Thread(target=outcome, args=(there,))
        first.start()
        time.sleep(0.05)
        assert outcome(there) == "Unavailable: all 1 connections are busy"
        first.join(5)


# Settings


def test_defaults() -> None:
    there = ImapServer.from_args("host=localhost", NOWHERE)
    assert (there.port, there.username, str(there)) == (143, "%u", "imap localhost:143")
    assert ImapServer.from_args("host=imap.example.org ssl=imaps", NOWHERE).port == 993
    assert ImapServer.from_args("port=1143 host=imap.example.org ssl=starttls", NOWHERE).port == 1143
    assert ImapServer.from_args("host=imap.example.org cleartext=yes", NOWHERE).port == 143


def test_username() -> None:
    with fake() as server:
        assert outcome(passdb(server, "username=%n+%d@backend")) == "yes"
    assert b64decode(server.lines[2]).split(b"\0")[1] == b"tim+example.org@backend"


@pytest.mark.parametrize("host", ["::1", "[::1]", "[0:0::1]"])
def test_ipv6_address_as_a_host(host: str) -> None:
    """Nothing listens there: it is tried, and is no name that DNS would have to know."""
    there = ImapServer.from_args(f"host={host} port=1", NOWHERE)
    assert outcome(there, Cleartext("tim", "x")).startswith("Unavailable: ")
    assert not there.host.startswith("[")


def test_host_that_the_user_chooses(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), fake() as server:
        there = ImapServer.from_args(f"host=%d port={server.port} cleartext=yes", NOWHERE)
        assert outcome(there, Cleartext("tim@127.0.0.1", "x")) == "yes"
        for name in ("tim", "tim@", "tim@a/b", "tim@-x", "tim@a b"):
            assert outcome(there, Cleartext(name, "x")) == "Denied: no host name comes of this user name"
    assert "whoever owns a domain is a user" in caplog.text


def test_rawlog(caplog: pytest.LogCaptureFixture) -> None:
    ImapServer.from_args("host=localhost rawlog_dir=/tmp", NOWHERE)
    assert "rawlog_dir is ignored" in caplog.text


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ("", "host is missing"),
        ("host=", "host is missing"),
        ("localhost", "localhost: unknown option"),
        ("host=localhost prot=1", "prot: unknown option"),
        ("host=localhost port=0", "no port"),
        ("host=localhost port=x", "no port"),
        ("host=localhost ssl=yes", "must be imaps or starttls"),
        ("host=localhost ssl=imaps ssl_ca_file=/nowhere", "cannot use the CA certificates in /nowhere"),
        ("host=localhost allow_invalid_cert=1", "must be yes or no"),
        ("host=localhost username=", "username: unknown option, or no value"),
        ("host=localhost username=%x", "unknown variable"),
        ("host=%r ssl=imaps", "unknown variable"),
        ("host=a/b ssl=imaps", "no host name"),
        ("host=imap.example.org", "in clear text"),
        ("host=192.0.2.1 allow_invalid_cert=yes", "in clear text"),
        ("host=%d", "in clear text"),
    ],
)
def test_bad_args(args: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ImapServer.from_args(args, NOWHERE)


def test_another_passdb_of_the_same_server_remembers_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them may be for master users: whoever has logged in for himself is none of those."""
    asked = []

    def log_in(self: ImapServer, host: str, name: str, password: str) -> None:
        asked.append(name)
        if name != "tim":
            raise Denied("refused")

    monkeypatch.setattr(ImapServer, "_log_in", log_in)
    means = Means(VerifiedCache(100_000, 3600.0, 3600.0))
    users = ImapServer.from_args("host=localhost", means)
    masters = ImapServer.from_args("host=localhost username=%u-master", means)
    claim, origin = Cleartext("tim", "secret"), Origin()
    users.verify(claim, origin)
    with pytest.raises(Denied):
        masters.verify(claim, origin)
    users.verify(claim, origin)
    assert asked == ["tim", "tim-master"]
