"""The driver dovecot, against an auth service that says what a test wants it to say."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Origin, Unavailable
from gsubmit.auth.passdbs import dovecot, dovecotconnection, dovecotprotocol
from gsubmit.auth.passdbs.dovecot import DovecotAuth
from gsubmit.auth.restrictions import Disabled
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Proven, Token

HANDSHAKE = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tOAUTHBEARER\nSPID\t1\nCUID\t1\nCOOKIE\tabc\nDONE\n"
RIGHT = Cleartext("tim", "tanstaaftanstaaf")
NOWHERE = Means(VerifiedCache(0, 0))
HANG = b""


class FakeDovecot:
    """Each connection has a list of answers, `ID` in them stands for the request's; after the last one it closes."""

    def __init__(self, listener: socket.socket, connections: Sequence[Sequence[bytes]], handshake: bytes) -> None:
        self.lines: list[str] = []
        self.count = 0
        self._listener = listener
        self._connections = connections
        self._handshake = handshake
        self._talks: list[threading.Thread] = []
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def open_now(self) -> int:
        return sum(sock.fileno() >= 0 for sock in self.open)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            answers = self._connections[min(self.count, len(self._connections) - 1)]
            self.count += 1
            self.open.append(sock)
            talk = threading.Thread(target=self._talk, args=(sock, answers), daemon=True)
            talk.start()
            self._talks.append(talk)

    def _talk(self, sock: socket.socket, answers: Sequence[bytes]) -> None:
        try:
            with sock, sock.makefile("rb") as file:
                sock.sendall(self._handshake)
                assert file.readline() == b"VERSION\t1\t1\n"
                assert file.readline().startswith(b"CPID\t")
                for answer in answers:
                    line = file.readline()
                    if not line:
                        return
                    self.lines.append(line.decode().rstrip("\n"))
                    if answer == HANG:
                        file.read()
                    sock.sendall(answer.replace(b"ID", line.split(b"\t")[1]))
        except OSError:
            pass  # the client has gone

    def close(self) -> None:
        self._listener.close()
        for sock in self.open:
            sock.close()


@contextmanager
def fake(tmp_path: Path, *connections: Sequence[bytes], handshake: bytes = HANDSHAKE) -> Iterator[FakeDovecot]:
    """Listening on tmp_path/auth."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "auth"))
    listener.listen()
    server = FakeDovecot(listener, connections, handshake)
    try:
        yield server
    finally:
        server.close()


def passdb(tmp_path: Path, means: Means = NOWHERE) -> DovecotAuth:
    return DovecotAuth.from_args(f"unix:{tmp_path}/auth", means)


def ask(tmp_path: Path, *answers: bytes, claim: Claim = RIGHT, handshake: bytes = HANDSHAKE) -> Answer:
    with fake(tmp_path, answers, handshake=handshake):
        return passdb(tmp_path).verify(claim, Origin())


def test_yes(tmp_path: Path) -> None:
    answer = ask(
        tmp_path, b"OK\tID\tuser=Tim@example.org\tallow=a\x01tb\tnologin\treason=go \x01n\x011\x01x\tresp=Zm9v\n"
    )
    assert answer == Answer(
        {"user": "Tim@example.org", "allow": "a\tb", "nologin": "yes", "reason": "go \n\x01x"},
    )


def test_password_that_dovecot_echoes(tmp_path: Path) -> None:
    assert ask(tmp_path, f"OK\tID\tuser=tim\tproxy\tpass={RIGHT.password}\n".encode()).fields == {
        "user": "tim",
        "proxy": "yes",
    }


@pytest.mark.parametrize("verdict", ["OK", "FAIL"])
def test_password_that_is_not_utf8(tmp_path: Path, verdict: str) -> None:
    """It goes to Dovecot, and comes back, as the octets that it is."""
    claim = Cleartext("tim", "caf\udce9")
    answer = f"{verdict}\tID\tuser=tim\treason=caf\udce9\tpass=caf\udce9\n".encode("utf-8", "surrogateescape")
    with fake(tmp_path, [answer]) as server:
        if verdict == "OK":
            assert "pass" not in passdb(tmp_path).verify(claim, Origin()).fields
        else:
            with pytest.raises(Denied, match=r"refused by Dovecot: caf $"):
                passdb(tmp_path).verify(claim, Origin())
    assert b64decode(server.lines[0].rpartition("resp=")[2]) == b"\0tim\0caf\xe9"


def test_password_of_the_next_hop(tmp_path: Path) -> None:
    assert ask(tmp_path, b"OK\tID\tuser=tim\tproxy\tpass=other\n").fields["pass"] == "other"


def test_inet() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = FakeDovecot(listener, [[b"OK\tID\tuser=tim\n"]], HANDSHAKE)
    try:
        there = DovecotAuth.from_args(f"inet:127.0.0.1:{listener.getsockname()[1]}", NOWHERE)
        assert there.verify(RIGHT, Origin()).fields == {"user": "tim"}
    finally:
        server.close()


def test_request(tmp_path: Path) -> None:
    """Nothing that a client chooses begins another parameter or line."""
    origin = Origin(
        mechanism="PLAIN", remote_ip="::1", remote_port=4711, local_ip="127.0.0.1", local_port=587, tls=True,
        secured=True, session="a\tvalid-client-cert\nAUTH\r\0\x01",
    )  # fmt: skip
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"] * 4) as server:
        there = passdb(tmp_path)
        there.verify(RIGHT, origin)
        there.verify(RIGHT, Origin(secured=True))
        there.verify(RIGHT, Origin(remote_ip="192.0.2.1", real_ip="192.0.2.9"))
        there.verify(RIGHT, Origin(remote_ip="192.0.2.1", real_ip="192.0.2.1"))
    first, second, third, fourth = (line.split("\t") for line in server.lines)
    assert first[:-1] == [
        "AUTH", "1", "PLAIN", "service=submission", "nologin", "session=a\x01tvalid-client-cert\x01nAUTH\x01r\x010\x011",
        "lip=127.0.0.1", "rip=::1", "lport=587", "rport=4711", "secured=tls",
    ]  # fmt: skip
    assert first[-1].startswith("resp=") and b64decode(first[-1][5:]) == b"\0tim\0tanstaaftanstaaf"
    assert second[1:-1] == ["2", "PLAIN", "service=submission", "nologin", "secured"]
    assert third[3:-1] == ["service=submission", "nologin", "rip=192.0.2.1", "real_rip=192.0.2.9"]
    assert fourth[3:-1] == ["service=submission", "nologin", "rip=192.0.2.1"]
    assert server.count == 1


def test_names_of_any_kind(tmp_path: Path) -> None:
    with fake(tmp_path, [b"OK\tID\tuser=x\n"]) as server:
        passdb(tmp_path).verify(Cleartext("t=im,ö\u2028", "tab\there"), Origin())
    assert b64decode(server.lines[0].partition("resp=")[2]).decode() == "\0t=im,ö\u2028\0tab\there"


@pytest.mark.parametrize(
    "claim",
    [
        Cleartext("tim", "tanstaaftanstaaf\0x"),
        Cleartext("jim\0tanstaaf", "x"),
        Cleartext("jim\nAUTH", "x"),
        Cleartext("jim\x85", "x"),
        Cleartext("tim", "x" * 20000),
        Token("tim", "a\x01auth=Bearer b"),
        Token("tim", "a b"),
        Token("tim", ""),
        Token("tim\x01auth=Bearer b", "a"),
        Token("tim", "a" * 20000),
    ],
    ids=range(10),
)
def test_claims_that_dovecot_would_misread(tmp_path: Path, claim: Claim) -> None:
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"]) as server, pytest.raises(Denied):
        passdb(tmp_path).verify(claim, Origin())
    assert server.lines == []


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        pytest.param("user=tim", Denied, "refused by Dovecot", id="no"),
        pytest.param("", Denied, "refused by Dovecot", id="nothing"),
        pytest.param("reason=a\x01nb\x1b", Denied, "refused by Dovecot: a b ", id="reason"),
        pytest.param("user=tim\tauthz", Denied, "authorization failed", id="authz"),
        pytest.param("code=authz_fail", Denied, "authorization failed", id="authz_fail"),
        pytest.param("user=tim\tpass_expired", Denied, "password expired", id="pass_expired"),
        pytest.param("code=pass_expired\treason=old", Denied, "password expired: old", id="code=pass_expired"),
        pytest.param("user_disabled\treason=pay first", Disabled, "login disabled", id="user_disabled"),
        pytest.param("code=user_disabled", Disabled, "login disabled", id="code=user_disabled"),
        pytest.param("user=tim\ttemp", Unavailable, "temporary failure", id="temp"),
        pytest.param("code=temp_fail\treason=later", Unavailable, "temporary failure: later", id="temp_fail"),
        pytest.param("temp\tauthz", Unavailable, "temporary failure", id="temp and authz"),
        pytest.param("code=auth_mech_ssl_required", Unavailable, "the mechanism is not allowed without TLS", id="ssl"),
        pytest.param("code=whatever", Denied, "refused by Dovecot", id="unknown code"),
    ],
)
def test_no(tmp_path: Path, fields: str, error: type[Exception], reason: str) -> None:
    with pytest.raises((Denied, Unavailable)) as caught:
        ask(tmp_path, f"FAIL\tID\t{fields}\n".encode())
    refused = caught.value
    assert isinstance(refused, Denied | Unavailable)
    assert (type(refused), refused.reason) == (error, reason)
    if isinstance(refused, Disabled):
        assert refused.text == ("pay first" if "pay" in fields else "")


@pytest.mark.parametrize("nodelay", [True, False])
def test_nodelay(tmp_path: Path, nodelay: bool) -> None:
    with pytest.raises(Denied) as caught:
        ask(tmp_path, b"FAIL\tID\tuser=tim%b\n" % (b"\tnodelay" if nodelay else b""))
    assert caught.value.nodelay == nodelay


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"OK\t2\tuser=tim\n", "a reply to request 2 instead of 1", id="another id"),
        pytest.param(b"OK\t-1\tuser=tim\n", "a reply without a number", id="negative id"),
        pytest.param("OK\t\u0661\tuser=tim\n".encode(), "a reply without a number", id="digit of another kind"),
        pytest.param(b"OK\n", "a line that is no reply", id="no id"),
        pytest.param(b"NOTFOUND\tID\n", "a line that is no reply", id="another verdict"),
        pytest.param(b"\n", "a line that is no reply", id="empty"),
        pytest.param(b"220 smtp.example ESMTP\n", "a line that is no reply", id="another protocol"),
        pytest.param(b"OK\tID\tuser=\xff\n", "not in UTF-8", id="not UTF-8"),
        pytest.param(b"OK\tID\tuser=a\x01nb\n", "a user name with control characters", id="line end in the name"),
        pytest.param(b"x" * 70000, "endless line", id="endless line"),
        pytest.param(b"OK\tID\tuser=tim\nOK\tID\tuser=jim\n", "more than one reply", id="two replies"),
        pytest.param(b"CONT\tID\tZm9v\n", "PLAIN does not end", id="CONT"),
        pytest.param(b"OK\tID", "closed the connection", id="closed in the middle"),
    ],
)
def test_nonsense(tmp_path: Path, answer: bytes, reason: str) -> None:
    with fake(tmp_path, [answer], [b"OK\tID\tuser=tim\n"]) as server:
        there = passdb(tmp_path)
        with pytest.raises(Unavailable) as caught:
            there.verify(RIGHT, Origin())
        assert reason in caught.value.reason and f"{tmp_path}/auth" in caught.value.reason
        assert RIGHT.password not in repr(caught.value)
        assert there.verify(RIGHT, Origin()).fields == {"user": "tim"}  # on another connection
    assert server.count == 2


@pytest.mark.parametrize(
    ("handshake", "reason"),
    [
        pytest.param(HANDSHAKE.replace(b"1\t2", b"2\t0"), "does not speak version 1", id="version 2"),
        pytest.param(b"MECH\tPLAIN\nDONE\n", "does not speak version 1", id="no version"),
        pytest.param(b"* OK imap ready\r\n", "does not speak version 1", id="another protocol"),
        pytest.param(HANDSHAKE.replace(b"PLAIN", b"SCRAM-SHA-1"), "does not offer PLAIN", id="no PLAIN"),
        pytest.param(b"VERSION\t1\t1\n" + b"MECH\tPLAIN\n" * 5000, "endless handshake", id="endless"),
        pytest.param(b"VERSION\t1\t1\nMECH\t" + b"x" * 70000, "endless line", id="endless line"),
        pytest.param(HANDSHAKE.replace(b"PLAIN", b"\xff"), "does not offer PLAIN", id="not UTF-8"),
        pytest.param(b"VERSION\t1\t1\nMECH\tPLAIN\n", "no answer", id="unfinished"),
    ],
)
def test_handshake(tmp_path: Path, handshake: bytes, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecotconnection, "CONNECT_TIME", 0.2)
    with pytest.raises(Unavailable, match=reason):
        ask(tmp_path, HANG, handshake=handshake)


def test_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecotconnection, "ANSWER_TIME", 0.2)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer from .* in time"):
        ask(tmp_path, HANG)
    assert time.monotonic() - began < 2


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"cannot connect to {tmp_path}/auth: No such file or directory"):
        passdb(tmp_path).verify(RIGHT, Origin())


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "auth"))
        with pytest.raises(Unavailable, match="Connection refused"):
            passdb(tmp_path).verify(RIGHT, Origin())


@pytest.mark.parametrize("kind", [Proven("tim"), Claim("tim")])
def test_claims_of_other_kinds(tmp_path: Path, kind: Claim) -> None:
    with pytest.raises(Unavailable):
        passdb(tmp_path).verify(kind, Origin())


# Tokens


def test_oauthbearer(tmp_path: Path) -> None:
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"]) as server:
        assert passdb(tmp_path).verify(Token("t=i,m", "abc.def=="), Origin()).fields == {"user": "tim"}
    mechanism, response = server.lines[0].split("\t")[2], server.lines[0].partition("resp=")[2]
    assert (mechanism, b64decode(response)) == ("OAUTHBEARER", b"n,a=t=3Di=2Cm,\x01auth=Bearer abc.def==\x01\x01")


def test_token_without_user(tmp_path: Path) -> None:
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"]) as server:
        passdb(tmp_path).verify(Token("", "abc"), Origin())
    assert b64decode(server.lines[0].partition("resp=")[2]) == b"n,,\x01auth=Bearer abc\x01\x01"


def test_xoauth2(tmp_path: Path) -> None:
    handshake = HANDSHAKE.replace(b"OAUTHBEARER", b"XOAUTH2")
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"], handshake=handshake) as server:
        passdb(tmp_path).verify(Token("tim", "abc"), Origin())
    mechanism, response = server.lines[0].split("\t")[2], server.lines[0].partition("resp=")[2]
    assert (mechanism, b64decode(response)) == ("XOAUTH2", b"user=tim\x01auth=Bearer abc\x01\x01")


def test_no_mechanism_for_tokens(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not offer OAUTHBEARER or XOAUTH2"):
        ask(tmp_path, HANG, claim=Token("tim", "abc"), handshake=HANDSHAKE.replace(b"OAUTHBEARER", b"LOGIN"))


def test_error_in_a_challenge(tmp_path: Path) -> None:
    with (
        fake(tmp_path, [b"CONT\tID\teyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\n", b"FAIL\tID\tuser=tim\n"]) as server,
        pytest.raises(Denied),
    ):
        passdb(tmp_path).verify(Token("tim", "abc"), Origin())
    assert server.lines[1] == "CONT\t1\tAQ=="


def test_endless_challenges(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="OAUTHBEARER does not end"):
        ask(tmp_path, *[b"CONT\tID\t\n"] * 9, claim=Token("tim", "abc"))


# Connections


def test_kept_connection_that_died(tmp_path: Path) -> None:
    yes = b"OK\tID\tuser=tim\n"
    with fake(tmp_path, [yes], [yes, b""], [yes]) as server:
        there = passdb(tmp_path)
        there.verify(RIGHT, Origin())
        time.sleep(0.05)
        there.verify(RIGHT, Origin())
        assert server.count == 2


def test_closed_instead_of_an_answer(tmp_path: Path) -> None:
    """The request is asked once more, on a connection of its own, and not a third time."""
    yes, bye = b"OK\tID\tuser=tim\n", b"OK"
    with fake(tmp_path, [yes, bye], [yes, bye], [bye], [bye]) as server:
        there = passdb(tmp_path)
        assert [there.verify(RIGHT, Origin()).fields for _ in range(2)] == [{"user": "tim"}] * 2
        with pytest.raises(Unavailable, match="closed the connection"):
            there.verify(RIGHT, Origin())
    assert server.count == 3


def test_words_nobody_asked_for(tmp_path: Path) -> None:
    """An answer that comes too early is no answer."""
    with fake(tmp_path, [b"FAIL\tID\n"] * 2, [b"FAIL\tID\n"]) as server:
        there = passdb(tmp_path)
        with pytest.raises(Denied):
            there.verify(RIGHT, Origin())
        server.open[0].sendall(b"OK\t2\tuser=tim\n")
        with pytest.raises(Denied):
            there.verify(RIGHT, Origin())
    assert server.count == 2


def test_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old connection may lead to a process with old settings."""
    with fake(tmp_path, [b"OK\tID\tuser=tim\n"] * 9) as server:
        there = passdb(tmp_path)
        there.verify(RIGHT, Origin())
        there.verify(RIGHT, Origin())
        assert server.count == 1
        monkeypatch.setattr(dovecot, "MAX_AGE", 0.0)
        there.verify(RIGHT, Origin())
        assert server.count == 2
        there.verify(RIGHT, Origin())
        assert server.count == 3


def test_one_request_at_a_time_on_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecot, "MAX_KEPT", 2)
    outcomes = []

    def login() -> None:
        outcomes.append(there.verify(RIGHT, Origin()).fields)

    with fake(tmp_path, [b"OK\tID\tuser=tim\n"] * 20) as server:
        there = passdb(tmp_path)
        threads = [threading.Thread(target=login) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert outcomes == [{"user": "tim"}] * 20
        assert server.count > 2
        end = time.monotonic() + 5
        while server.open_now > 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert server.open_now == 2


def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecot, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(dovecot, "SLOT_TIMEOUT", 0.1)
    monkeypatch.setattr(dovecotconnection, "ANSWER_TIME", 0.5)

    def login() -> None:
        with pytest.raises(Unavailable):
            there.verify(RIGHT, Origin())

    with fake(tmp_path, [HANG]):
        there = passdb(tmp_path)
        first = threading.Thread(target=login)
        first.start()
        time.sleep(0.05)
        with pytest.raises(Unavailable, match=r"all 1 connections to .* are busy"):
            there.verify(RIGHT, Origin())
        first.join(5)


# The cache


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(Origin(remote_ip="192.0.2.1"), id="another client"),
        pytest.param(Origin(remote_ip="10.0.0.1", real_ip="192.0.2.1"), id="the same by a front end"),
    ],
)
def test_yes_is_remembered_for_this_client(tmp_path: Path, elsewhere: Origin) -> None:
    """Dovecot does not show `allow_nets`: its yes says nothing about other addresses."""
    means = Means(VerifiedCache(100_000, 60, 60))
    with fake(tmp_path, [b"OK\tID\tuser=tim\tx=y\n", b"FAIL\tID\n"]) as server:
        there = passdb(tmp_path, means)
        here = Origin(remote_ip="10.0.0.1")
        assert [there.verify(RIGHT, here).fields for _ in range(3)] == [{"user": "tim", "x": "y"}] * 3
        assert len(server.lines) == 1
        for _ in range(2):
            with pytest.raises(Denied):
                there.verify(RIGHT, elsewhere)
        assert len(server.lines) == 2
        assert there.verify(RIGHT, here).fields


@pytest.mark.parametrize("answer", [b"FAIL\tID\ttemp\n", b"FAIL\tID\tuser_disabled\n", b"FAIL\tID\treason=x\n", b"x\n"])
def test_not_remembered(tmp_path: Path, answer: bytes) -> None:
    means = Means(VerifiedCache(100_000, 60, 60))
    with fake(tmp_path, [answer], [b"OK\tID\tuser=tim\n"]):
        there = passdb(tmp_path, means)
        with pytest.raises((Denied, Unavailable)):
            there.verify(RIGHT, Origin())
        time.sleep(0.02)
        assert there.verify(RIGHT, Origin()).fields == {"user": "tim"}


# Settings


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ("unix:/run/dovecot/auth-client", "dovecot /run/dovecot/auth-client"),
        (" /run/dovecot/auth-client ", "dovecot /run/dovecot/auth-client"),
        ("inet:127.0.0.1:12345", "dovecot 127.0.0.1:12345"),
        ("inet:localhost:12345", "dovecot localhost:12345"),
        ("inet:[::1]:12345", "dovecot [::1]:12345"),
        ("inet:dovecot.internal:12345 cleartext=yes", "dovecot dovecot.internal:12345"),
    ],
)
def test_args(args: str, name: str) -> None:
    assert str(DovecotAuth.from_args(args, NOWHERE)) == name


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ("", "args must be"),
        ("run/dovecot", "args must be"),
        ("unix:auth", "args must be"),
        ("inet:localhost", "args must be"),
        ("inet:::1:12345", "args must be"),
        ("inet:localhost:12345 tls=yes", "tls: unknown option, or no value; known: cleartext"),
        ("inet:localhost:12345 cleartext=1", "cleartext=1: must be yes or no"),
        ("inet:localhost:0", "0 is no port"),
        ("inet:localhost:70000", "70000 is no port"),
        ("inet:192.0.2.1:12345", "passwords would go to 192.0.2.1 in clear text"),
        ("inet:localhost.example.org:12345", "in clear text"),
        ("inet:192.0.2.1:12345 cleartext=no", "in clear text"),
    ],
)
def test_bad_args(args: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        DovecotAuth.from_args(args, NOWHERE)


def test_escapes() -> None:
    for text in ("", "tim", "a\tb\nc\rd\0e\x01f", "\x01t", "\x01"):
        escaped = dovecotprotocol.escape(text)
        assert not {"\t", "\n", "\r", "\0"} & set(escaped)
        assert dovecotprotocol.unescape(escaped) == text
