"""imaplib's dialog with its bounds: whatever a server does, what comes of it is an ImapFault, and no secret is kept."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest

from gsubmit.net import imap
from gsubmit.net.imap import ImapClient, ImapFault, LoginRefused, Lost, Slow, response_code
from tests.harness.fakeimap import FakeImap
from tests.harness.relaytls import server_context
from tests.unit.burl.imapserver import SECONDS, eventually, has_ended, imap_server

SECRET = "s3cret"
RESPONSE = base64.b64encode(f"\0user\0{SECRET}".encode()).decode()


@contextmanager
def client(server: FakeImap, seconds: float = SECONDS) -> Iterator[ImapClient]:
    made = ImapClient("127.0.0.1", server.port, None, seconds)
    try:
        yield made
    finally:
        made.shutdown()


def test_nothing_of_the_dialog_is_kept() -> None:
    with imap_server() as server, client(server) as there:
        with there.begun(SECONDS):
            there.log_in("user", SECRET)
        assert there.literal is None
        kept = str(vars(there))
        assert not any(secret in kept for secret in (SECRET, RESPONSE, "AUTHENTICATE"))


@pytest.mark.parametrize("words", ["AUTH=PLAIN SASL-IR", "AUTH=PLAIN", ""])
@pytest.mark.parametrize(
    "answer",
    [
        "TAG NO s3cret",
        "TAG BAD s3cret",
        "s3cret",
        "* BYE s3cret",
        "* s3cret",
        "TAG1 OK s3cret",
        r"* OK {99999999}\r\ns3cret",
        r"\xff s3cret",
    ],
)
def test_a_server_that_repeats_the_password(words: str, answer: str) -> None:
    """PLN: neither in reasons nor in what is raised with them."""
    lines = ("> TAG CAPABILITY", f"< * CAPABILITY IMAP4rev1 {words}", "< TAG OK done")
    asked = ("> *AHVzZXIAczNjcmV0",) if "AUTH" in words else ("> s3cret",)
    script = (*lines, *asked, f"< {answer}", "CLOSES")
    caught = pytest.raises(ImapFault)
    with imap_server(*script) as server, client(server) as there, caught as found, there.begun(SECONDS):
        there.log_in("user", SECRET)
    assert SECRET not in found.value.reason + repr(found.value) + str(found.value.__cause__)
    assert found.value.__suppress_context__ or found.value.__context__ is None


@pytest.mark.parametrize("line", ["TAG NO s3cret", "* BYE s3cret", "TAG BAD s3cret", "s3cret"])
def test_a_server_that_repeats_the_password_later(line: str) -> None:
    lines = ("> TAG AUTHENTICATE *", "< TAG OK in", "> TAG NOOP", f"< {line}", "CLOSES")
    with imap_server(*lines) as server, client(server) as there:
        with there.begun(SECONDS):
            there.log_in("user", SECRET)
        reason = ""
        try:
            with there.begun(SECONDS):
                there.noop()
        except ImapFault as fault:
            reason = fault.reason
        assert SECRET not in reason


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("user", "s3cret"),
        ("üser", "sécret"),
        ("", ""),
        ('a"b\\c', '"\\ {3} '),
        ("a b", "+ x"),
        ("a" * 1000, "b" * 5000),
    ],
)
def test_login_without_authenticate(user: str, password: str) -> None:
    lines = ("> TAG CAPABILITY", "< * CAPABILITY IMAP4rev1", "< TAG OK done")
    with imap_server(*lines) as server, client(server) as there:
        with there.begun(SECONDS):
            there.log_in(user, password)
        name, word = user.encode(), password.encode()
        said = server.talks[0].heard[1:]
        assert said == [b"TAG LOGIN {%d}" % len(name), name + b" {%d}" % len(word), word]


@pytest.mark.parametrize(
    ("lines", "fault", "reason"),
    [
        pytest.param(["SILENT"], Slow, "no answer in time", id="silence"),
        pytest.param(["DRIPS 30 MS * OK ready and willing"], Slow, "no answer in time", id="an octet at a time"),
        pytest.param(["< * OK", "CLOSES"], Lost, "", id="greeting and the end"),
        pytest.param(["CLOSES"], Lost, "", id="the end"),
        pytest.param(["< * NO"], ImapFault, "", id="NO"),
        pytest.param(["< 220 x", "SILENT"], ImapFault, "unexpected response", id="SMTP"),
        pytest.param([r"< \xff", "SILENT"], ImapFault, "", id="octets"),
        pytest.param(["ENDLESS x"], ImapFault, "endless line", id="a line"),
        pytest.param([r"< * OK", "> TAG CAPABILITY", r"ENDLESS * X\r\n"], ImapFault, "endless answers", id="answers"),
        pytest.param([r"< * OK {70000}", "SILENT"], ImapFault, "endless literal", id="a literal"),
        pytest.param(
            ["> TAG CAPABILITY", "< * CAPABILITY IMAP2", "< TAG OK done", "SILENT"], ImapFault, "not IMAP4", id="IMAP2"
        ),
        pytest.param(
            ["> TAG CAPABILITY", r"< * CAPABILITY {3}\r\nabc", "< TAG OK done", "SILENT"],
            ImapFault,
            "",
            id="a literal there",
        ),
        pytest.param(
            ["> TAG CAPABILITY", r"< * CAPABILITY \xff", "< TAG OK done", "SILENT"], ImapFault, "", id="8-bit"
        ),
        pytest.param(["> TAG CAPABILITY", "< TAG NO no", "SILENT"], ImapFault, "", id="no capabilities"),
    ],
)
def test_opening(lines: list[str], fault: type[ImapFault], reason: str) -> None:
    with imap_server(*lines) as server:
        with pytest.raises(ImapFault) as caught, client(server, seconds=0.3 if fault is Slow else SECONDS):
            raise AssertionError("nobody is there")
        assert has_ended(server, 1)
    assert isinstance(caught.value, fault)
    assert reason in caught.value.reason
    assert len(caught.value.reason) <= imap.MAX_SHOWN
    assert caught.value.reason.isascii()


def test_nobody_listens() -> None:
    with pytest.raises(Lost, match="refused"):
        ImapClient("127.0.0.1", 9, None, 1.0)
    with pytest.raises(ImapFault):
        ImapClient("no such host.invalid", 143, None, 1.0)


def test_no_time_is_left_to_ask() -> None:
    with imap_server() as server, client(server) as there, pytest.raises(Slow), there.begun(-1.0):
        there.noop()


def test_silence() -> None:
    """RLY: a connection on which anything has come is out of step."""
    with imap_server("> TAG NOOP", "< TAG OK done") as server, client(server) as there:
        assert there.is_silent()
        with there.begun(SECONDS):
            there.noop()
        assert there.is_silent()
        server.talks[0].sock.sendall(b"* 1 EXISTS\r\n")
        assert eventually(lambda: not there.is_silent())
        there.shutdown()
        assert not there.is_silent()


def test_more_than_was_asked_for() -> None:
    with imap_server("> TAG NOOP", r"< TAG OK done\r\n* BYE") as server, client(server) as there:
        with there.begun(SECONDS):
            assert there.noop()[0] == "OK"
        assert eventually(lambda: not there.is_silent())


def test_leaving() -> None:
    with imap_server() as server, client(server) as there:
        there.leave()
        there.leave()
        there.shutdown()
        assert has_ended(server, 1)
        assert server.talks[0].heard[-1] == b"TAG LOGOUT"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([b"[AUTHENTICATIONFAILED] no"], "AUTHENTICATIONFAILED"),
        ([b"[Expired x y] no"], "EXPIRED"),
        ([b"no [EXPIRED]"], ""),
        ([b"[" + b"A" * 31 + b"]"], ""),
        ([b"[EX\xff] no"], ""),
        ([b"["], ""),
        ([b""], ""),
        ([], ""),
        ([None], ""),
        ([(b"x", b"y")], ""),
    ],
)
def test_response_code(data: list[object], code: str) -> None:
    assert response_code(data) == code


def test_login_refused_has_only_the_code() -> None:
    assert LoginRefused("EXPIRED").reason == "login refused: EXPIRED"
    assert LoginRefused("").reason == "login refused: no response code"


def test_nothing_piles_up_on_a_kept_connection() -> None:
    lines = [line for _ in range(3) for line in ("> TAG NOOP", r"< * X 1\r\n* Y 2\r\nTAG OK done")]
    with imap_server(*lines) as server, client(server) as there:
        for _ in range(3):
            with there.begun(SECONDS):
                there.noop()
            assert there.untagged_responses == {"X": [b"1"], "Y": [b"2"]}


class DrippingTls:
    """A server that does TLS as it should, but sends it an octet at a time."""

    def __init__(self, pause: float, drips_handshake: bool) -> None:
        self._pause, self._drips_handshake = pause, drips_handshake
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._greenlet = gevent.spawn(self._serve)

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        came, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server_context().wrap_bio(came, leaving, server_side=True)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._send(sock, leaving.read(), drips=self._drips_handshake)
                    came.write(sock.recv(65536))
            self._send(sock, leaving.read(), drips=self._drips_handshake)
            tls.write(b"* OK " + 1000 * b"x" + b"\r\n")
            self._send(sock, leaving.read(), drips=True)
        except OSError:
            pass  # the client has gone
        finally:
            sock.close()

    def _send(self, sock: socket.socket, octets: bytes, *, drips: bool) -> None:
        for start in range(0, len(octets), 1 if drips else 65536):
            sock.sendall(octets[start : start + (1 if drips else 65536)])
            if drips:
                gevent.sleep(self._pause)

    def stop(self) -> None:
        self._greenlet.kill()
        self._listener.close()


@pytest.mark.parametrize("drips_handshake", [True, False], ids=["handshake", "record"])
def test_tls_an_octet_at_a_time(drips_handshake: bool) -> None:
    """BURL-23: timeouts of a socket begin anew with each octet of a TLS record."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    server = DrippingTls(0.02, drips_handshake)
    try:
        with pytest.raises(Slow), gevent.Timeout(3):
            ImapClient("127.0.0.1", server.port, context, 0.4)
    finally:
        server.stop()


TOKEN_RESPONSE = "n,a=user,\1auth=Bearer t0ken\1\1"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param(("< TAG OK done",), None, id="taken"),
        pytest.param(("< + e30=", "> ", "< TAG NO [AUTHENTICATIONFAILED] no"), "AUTHENTICATIONFAILED", id="told-why"),
        pytest.param(("< TAG NO no",), "no response code", id="refused"),
    ],
)
def test_a_login_by_a_token(answers: tuple[str, ...], reason: str | None) -> None:
    """RFC 7628 3.2.3: a server may say why it takes no token, and is answered before it says no."""
    encoded = base64.b64encode(TOKEN_RESPONSE.encode()).decode()
    words = ("> TAG CAPABILITY", "< * CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER", "< TAG OK done")
    login = ("> TAG AUTHENTICATE OAUTHBEARER", "< +", f"> {encoded}")
    with imap_server("< * OK ready", *words, *login, *answers) as server, client(server) as there, there.begun(SECONDS):
        if reason is None:
            there.log_in_by_token("OAUTHBEARER", TOKEN_RESPONSE)
            assert there.state == "AUTH"
        else:
            with pytest.raises(LoginRefused, match=reason):
                there.log_in_by_token("OAUTHBEARER", TOKEN_RESPONSE)
    assert not server.faults()


def test_no_token_is_sent_where_none_is_taken() -> None:
    refused = pytest.raises(ImapFault, match="does not offer")
    with imap_server() as server, client(server) as there, refused, there.begun(SECONDS):
        there.log_in_by_token("OAUTHBEARER", TOKEN_RESPONSE)
    assert not any(b"AUTHENTICATE" in line for talk in server.talks for line in talk.heard)
