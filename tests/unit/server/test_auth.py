"""AUTH beside its exchange: how long a refusal takes, and what failures and other connections lead to."""

from __future__ import annotations

import gc
import logging
import weakref
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from gsubmit.app.build import build_service
from gsubmit.auth import hashing
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import hash_password
from gsubmit.auth.state.local import LocalState
from gsubmit.sasl.claims import Account, Admitted, Denied, Identity, Keys, KeysWanted, LateKeys
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.server.authority import SessionAuthority
from gsubmit.server.commands import auth
from gsubmit.server.conversation import converse
from gsubmit.server.logins import Logins
from gsubmit.server.session import Login, Session
from gsubmit.settings.load import load_text
from gsubmit.smtp import replies
from gsubmit.smtp.reply import Disconnected, Reply
from tests.harness.serving import certificate_folder
from tests.unit.server.logins import ELSEWHERE, GOOD, HERE, PLAIN, STATIC, SleepingClock, attempt, connections
from tests.unit.server.sessions import Client, connected


def passwd_file(folder: Path, *lines: str) -> str:
    (folder / "users").write_text("\n".join(lines))
    return f"{PLAIN}passdb {{\ndriver = passwd-file\nargs = {folder}/users\n}}\n"


def test_nothing_of_a_login_waits_for_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the password, and the session with its sockets."""
    made: list[weakref.ref[SessionAuthority]] = []

    class Watched(SessionAuthority):
        def __init__(self, session: Session, mechanism: Mechanism) -> None:
            super().__init__(session, mechanism)
            made.append(weakref.ref(self))

    monkeypatch.setattr(auth, "SessionAuthority", Watched)
    gc.disable()
    try:
        with connected(STATIC) as client:
            assert client.reply(GOOD) == replies.LOGGED_IN
        assert [authority() for authority in made] == [None]
    finally:
        gc.enable()


class TestDelay:
    """A refusal comes at a fixed time after the passdbs were asked (AUT-24)."""

    @pytest.mark.parametrize(
        ("setting", "took", "slept"),
        [
            pytest.param("", 0.0, [2.0], id="default"),
            pytest.param("", 1.5, [0.5], id="AUT-24 less what the check took"),
            pytest.param("", 2.0, [], id="AUT-24 the check took as long"),
            pytest.param("", 3.0, [], id="AUT-24 the check took longer"),
            pytest.param("auth_failure_delay = 5 secs\n", 1.0, [4.0], id="set"),
            pytest.param("auth_failure_delay = 0\n", 0.0, [], id="none"),
        ],
    )
    def test_failure(
        self, clock: SleepingClock, monkeypatch: pytest.MonkeyPatch, setting: str, took: float, slept: list[float]
    ) -> None:
        def compare(*_: object) -> bool:
            clock.now += took
            return False

        monkeypatch.setattr(hashing, "compare", compare)
        with connected(STATIC + setting) as client:
            assert client.reply(attempt()) == replies.AUTH_FAILED
        assert clock.slept == slept

    def test_success(self, clock: SleepingClock) -> None:
        with connected(STATIC) as client:
            assert client.reply(GOOD) == replies.LOGGED_IN
        assert clock.slept == []

    def test_refused_before_any_passdb(self, clock: SleepingClock) -> None:
        with connected(STATIC) as client:
            assert client.reply(attempt(user="no name")) == replies.AUTH_FAILED
        assert clock.slept == [2.0]

    @pytest.mark.parametrize("user", ["known", "unknown", "locked", "empty"])
    def test_is_the_same_for_all(self, clock: SleepingClock, tmp_path: Path, user: str) -> None:
        with connected(passwd_file(tmp_path, "known:{PLAIN}x", "locked:!", "empty:")) as client:
            assert client.reply(attempt(user=user)) == replies.AUTH_FAILED
        assert clock.slept == [2.0]

    @pytest.mark.parametrize(
        ("fields", "password", "code"),
        [
            pytest.param("nodelay", "wrong", 535, id="password"),
            pytest.param("nodelay nologin", "secret", 525, id="nologin"),
            pytest.param("nodelay allow_nets=203.0.113.0/24", "secret", 535, id="allow_nets"),
        ],
    )
    def test_nodelay(self, clock: SleepingClock, tmp_path: Path, fields: str, password: str, code: int) -> None:
        with connected(passwd_file(tmp_path, f"tim:{{PLAIN}}secret::::::{fields}")) as client:
            assert client.reply(attempt(password)).code == code
        assert clock.slept == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("nologin", replies.AUTH_DISABLED, id="AUT-10 nologin"),
        pytest.param("nologin reason=Moved", Reply(525, "5.7.13", "Moved"), id="reason"),
        pytest.param("nologin reason=a\x07b", Reply(525, "5.7.13", "a?b"), id="reason is one line"),
        pytest.param("allow_nets=203.0.113.0/24 nologin", replies.AUTH_FAILED, id="allow_nets first"),
        pytest.param("fail", replies.AUTH_FAILED, id="fail"),
        pytest.param("proxy", replies.ACCOUNT_UNAVAILABLE, id="proxy without a host"),
        pytest.param("nologin host=mx", replies.REFERRAL.with_text("<tim@mx:587> Referral"), id="referral"),
        pytest.param("allow_nets=192.0.2.0/24", replies.LOGGED_IN, id="allow_nets"),
    ],
)
def test_fields(clock: SleepingClock, tmp_path: Path, fields: str, expected: Reply) -> None:
    with connected(passwd_file(tmp_path, f"tim:{{PLAIN}}secret::::::{fields}")) as client:
        assert client.reply(attempt("secret")) == expected
        assert (client.session.login is not None) is (expected == replies.LOGGED_IN)
        assert client.reply(attempt()) == (
            replies.ALREADY_AUTHENTICATED if expected == replies.LOGGED_IN else replies.AUTH_FAILED
        )


class TestFailures:
    """auth_max_failures_per_connection (AUT-12)."""

    LIMIT = STATIC + "auth_max_failures_per_connection = 2\nauth_failure_delay = 0\nauth_penalty = no\n"

    def test_the_next_one_ends_the_connection(self) -> None:
        with connected(self.LIMIT) as client:
            for _ in range(2):
                assert client.reply(attempt()) == replies.AUTH_FAILED
            with pytest.raises(Disconnected) as disconnected:
                client.reply(GOOD)
        assert disconnected.value.reply == replies.TOO_MANY_FAILED_LOGINS
        assert disconnected.value.reply.code == 421

    def test_other_commands_are_still_answered(self) -> None:
        with connected(self.LIMIT) as client:
            client.reply(attempt())
            client.reply(attempt())
            client.say("NOOP", "EHLO client.example")

    def test_default_and_unlimited(self) -> None:
        with connected(STATIC + "auth_failure_delay = 0\nauth_penalty = no\n") as client:
            for _ in range(5):
                assert client.reply(attempt()) == replies.AUTH_FAILED
            with pytest.raises(Disconnected):
                client.reply(attempt())
        with connected(self.LIMIT.replace("connection = 2", "connection = 0")) as client:
            for _ in range(20):
                assert client.reply(attempt()) == replies.AUTH_FAILED

    def test_starttls_forgives_nothing(self) -> None:
        with connected(self.LIMIT) as client:
            client.reply(attempt())
            client.reply(attempt())
            client.start_tls()
            client.session.restart()
            with pytest.raises(Disconnected):
                client.reply(GOOD)

    @pytest.mark.parametrize(
        ("line", "content", "expected"),
        [
            pytest.param("AUTH PLAIN", b"*\r\n", replies.AUTH_ABORTED, id="AUT-7 cancelled"),
            pytest.param("AUTH LOGIN", b"dGlt\r\n*\r\n", replies.AUTH_ABORTED, id="AUT-7 cancelled later"),
            pytest.param("AUTH PLAIN =", b"", replies.AUTH_MALFORMED, id="AUT-4 empty"),
            pytest.param("AUTH PLAIN AAA", b"", replies.AUTH_MALFORMED, id="AUT-3 no base64"),
            pytest.param("AUTH PLAIN dGlt", b"", replies.AUTH_MALFORMED, id="no message of PLAIN"),
            pytest.param("AUTH PLAIN", b"=\r\n", replies.AUTH_MALFORMED, id="AUT-4 = as a response"),
            pytest.param(attempt(user="t\nm"), b"", replies.AUTH_MALFORMED, id="AUT-25 control character"),
            pytest.param("AUTH FOO", b"", replies.UNKNOWN_MECHANISM, id="AUT-9"),
            pytest.param("AUTH PLAIN a b", b"", replies.BAD_AUTH_SYNTAX, id="AUT-1"),
        ],
    )
    def test_what_does_not_count(self, clock: SleepingClock, line: str, content: bytes, expected: Reply) -> None:
        with connected(self.LIMIT + "auth_penalty = yes\n") as client:
            for _ in range(3):
                assert client.reply(line, content) == expected
            assert client.session.attempts.failed == 0
            assert client.session.service.logins.state.level(HERE) == 0
        assert clock.slept == []

    def test_failures_of_ours_do_not_count(self, clock: SleepingClock, tmp_path: Path) -> None:
        """AUT-10: never 535 for what is not the user's fault."""
        settings = passwd_file(tmp_path) + "auth_max_failures_per_connection = 1\n"
        (tmp_path / "users").unlink()
        with connected(settings) as client:
            for _ in range(3):
                assert client.reply(attempt()) == replies.AUTH_UNAVAILABLE
            assert client.session.attempts.failed == 0
            assert client.session.service.logins.state.level(HERE) == 0


class TestQueue:
    """Passwords that wait for their slot to be compared."""

    @pytest.fixture
    def computed(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """Of what a thread was asked for."""
        computed: list[object] = []

        def run(function: object, password: str, user: str) -> bool:
            computed.append(user)
            return False

        monkeypatch.setattr(hashing, "run", run)
        return computed

    def waiting(self, client: Client) -> gevent.Greenlet[..., Reply]:
        """A login that waits, for the user has another computation."""
        login = gevent.spawn(client.reply, attempt())
        gevent.sleep(0)
        assert not login.ready()
        return login

    @pytest.mark.parametrize("end", ["", "leaves", "stops"])
    def test_end(self, clock: SleepingClock, tmp_path: Path, computed: list[object], end: str) -> None:
        with connected(passwd_file(tmp_path, f"tim:{hash_password('SHA512-CRYPT', 'secret')}", "")) as client:
            with hashing.users.slot("tim", 1, 1):
                login = self.waiting(client)
                if end == "leaves":
                    client.sock.close()
                client.session.is_stopping = end == "stops"
            reply = login.get(timeout=5)
        assert reply == (replies.AUTH_UNAVAILABLE if end == "stops" else replies.AUTH_FAILED)
        assert computed == ([] if end else ["tim"])


class TestPenalty:
    """An address with failures waits before the next login is looked at."""

    def guess(self, client: Client, times: int) -> None:
        for number in range(times):
            assert client.reply(attempt(f"guess{number}")) == replies.AUTH_FAILED

    def test_waits(self, clock: SleepingClock) -> None:
        with connected(STATIC) as client:
            self.guess(client, 5)
        assert clock.slept == [2, 4, 2, 8, 2, 15, 2, 15, 2]

    def test_success_waits_too_and_clears(self, clock: SleepingClock) -> None:
        with connected(STATIC) as client:
            self.guess(client, 2)
            clock.slept.clear()
            assert client.reply(GOOD) == replies.LOGGED_IN
            assert client.session.service.logins.state.level(HERE) == 0
        assert clock.slept == [8]

    def test_same_password_again(self, clock: SleepingClock) -> None:
        with connected(STATIC) as client:
            for _ in range(3):
                client.reply(attempt("old"))
        assert clock.slept == [2, 4, 2, 2]  # the level fades meanwhile

    def test_mechanism_without_passwords(self, clock: SleepingClock) -> None:
        """Nobody can tell whether it was the same password."""
        response = b64encode(b"tim " + b"0" * 32) + b"\r\n"
        with connected(STATIC + "auth_mechanisms = plain cram-md5\n") as client:
            for _ in range(3):
                assert client.reply("AUTH CRAM-MD5", response) == replies.AUTH_FAILED
        assert clock.slept == [2, 4, 2, 8, 2]

    @pytest.mark.parametrize("order", [("ldap", "static"), ("static", "ldap")])
    def test_guessing_is_not_free_because_a_passdb_is_missing(
        self, clock: SleepingClock, order: tuple[str, str]
    ) -> None:
        """The client hears of a temporary failure, for the missing one may know the password."""
        passdbs = "".join(f"passdb {{\ndriver = {driver}\nargs = password=secret\n}}\n" for driver in order)
        with connected(PLAIN + passdbs) as client:
            for number in range(3):
                assert client.reply(attempt(f"guess{number}")) == replies.AUTH_UNAVAILABLE
            assert client.session.attempts.failed == 3
        assert clock.slept == [2, 4, 2, 8, 2]

    def test_a_fault_of_late_keys_is_a_guess_as_any(
        self, clock: SleepingClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Made when the client has sent its proof: it hears what unknown users hear, and the log has the fault."""

        def make() -> Keys:
            raise SchemeError("malformed")

        with connected(STATIC) as client:
            logins = client.session.service.logins
            authority = SessionAuthority(client.session, MECHANISMS["SCRAM-SHA-256"])
            authority.claim = KeysWanted("tim", scheme="SCRAM-SHA-256")
            with pytest.raises(Denied, match="stored password: malformed"):
                authority.settle(Account(LateKeys(make), lambda: Admitted(Identity("tim"))), lambda _: True)
            assert caplog.messages == ["user tim: stored password: malformed"]
            assert logins.state.level(HERE) == 1

    def test_disabled_user_is_no_guesser(self, clock: SleepingClock, tmp_path: Path) -> None:
        with connected(passwd_file(tmp_path, "tim:{PLAIN}secret::::::nologin")) as client:
            assert client.reply(GOOD).code == 525
            assert client.session.service.logins.state.level(HERE) == 0

    @pytest.mark.parametrize(
        "off",
        [
            pytest.param("auth_penalty = no\n", id="auth_penalty"),
            pytest.param(
                "service anvil {\nunix_listener anvil-auth-penalty {\nmode = 0\n}\n}\n", id="anvil-auth-penalty"
            ),
            pytest.param(f"login_trusted_networks = 203.0.113.1 {HERE}/31\n", id="login_trusted_networks"),
        ],
    )
    def test_off(self, clock: SleepingClock, off: str) -> None:
        with connected(STATIC + off) as client:
            self.guess(client, 3)
            assert client.session.service.logins.state.level(HERE) == 0
        assert clock.slept == [2, 2, 2]

    def test_reload_forgives_nothing(self) -> None:
        settings = load_text(f"ssl = no\n{STATIC}").settings
        first = build_service(settings)
        first.logins.state.failed(HERE, 0, "tim", "x")
        first.logins.state.enter("tim", HERE, 1)
        second = build_service(settings, first.logins)
        assert second is not first
        assert second.logins.state.level(HERE) == 1
        assert not second.logins.state.enter("tim", HERE, 1)


@pytest.mark.parametrize(
    ("network", "address", "trusted"),
    [
        ("192.0.2.0/24", HERE, True),
        ("192.0.2.0/24", ELSEWHERE, False),
        ("192.0.2.10", HERE, True),
        ("192.0.2.77/24", HERE, True),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", HERE, False),
        ("", HERE, False),
    ],
)
def test_trusted_networks(network: str, address: str, trusted: bool) -> None:
    """Their passwords are taken without TLS."""
    settings = STATIC.removeprefix(PLAIN) + f"login_trusted_networks = {network}\n"
    with connected(settings, remote_ip=address) as client:
        assert client.session.is_secured is trusted
        assert client.reply(GOOD) == (replies.LOGGED_IN if trusted else replies.MECHANISM_NEEDS_TLS)


class TestConnections:
    """mail_max_userip_connections."""

    TWO = STATIC + "mail_max_userip_connections = 2\n"

    def test_one_too_many(self, caplog: pytest.LogCaptureFixture) -> None:
        with connected(self.TWO) as client:
            logins = client.session.service.logins
            for _ in range(2):
                logins.state.enter("tim", HERE, 2)
            with pytest.raises(Disconnected) as disconnected:
                client.reply(GOOD)
            assert (disconnected.value.reply.code, disconnected.value.reply.status) == (454, "4.7.0")
            assert "mail_max_userip_connections=2" in disconnected.value.reply.text
            assert client.session.login is None
            assert client.session.attempts.user == "tim"
            logins.state.leave("tim", HERE)
            assert client.reply(GOOD) == replies.LOGGED_IN

    @pytest.mark.parametrize(("user", "address"), [("tom", HERE), ("tim", ELSEWHERE)])
    def test_others_do_not_count(self, user: str, address: str) -> None:
        with connected(self.TWO) as client:
            for _ in range(5):
                client.session.service.logins.state.enter(user, address, 0)
            assert client.reply(GOOD) == replies.LOGGED_IN

    def test_names_of_one_user(self) -> None:
        with connected(self.TWO) as client:
            for _ in range(2):
                client.session.service.logins.state.enter("tim", HERE, 2)
            with pytest.raises(Disconnected):
                client.reply(attempt("secret", "TIM"))

    def test_unlimited(self) -> None:
        with connected(self.TWO.replace("= 2", "= 0")) as client:
            for _ in range(50):
                client.session.service.logins.state.enter("tim", HERE, 0)
            assert client.reply(GOOD) == replies.LOGGED_IN

    def test_what_is_unlimited_is_not_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With workers each question is one to a file or a server that they share."""
        asked: list[str] = []
        for name in ("knows", "enter", "leave"):
            monkeypatch.setattr(LocalState, name, lambda *_, name=name: asked.append(name))
        with connected(self.TWO.replace("= 2", "= 0")) as client:
            assert client.reply(GOOD) == replies.LOGGED_IN
            client.session.leave()
        assert asked == []

    @pytest.mark.parametrize("last", [b"QUIT\r\n", b""])
    def test_given_back_at_the_end(self, last: bytes) -> None:
        with connected(self.TWO) as client:
            running = gevent.spawn(converse, client.session)
            client.sock.sendall(f"EHLO x\r\n{GOOD}\r\n".encode())
            heard = b""
            while b"235 " not in heard:
                heard += client.sock.recv(1000)
            assert connections(client.session.service.logins) == {("tim", HERE): 1}
            client.sock.sendall(last) if last else client.sock.close()
            running.get(timeout=10)
            assert connections(client.session.service.logins) == {}

    def test_a_refused_one_gives_nothing_back(self) -> None:
        with connected(self.TWO) as client:
            logins = client.session.service.logins
            logins.state.enter("tim", HERE, 2)
            logins.state.enter("tim", HERE, 2)
            running = gevent.spawn(converse, client.session)
            client.sock.sendall(f"EHLO x\r\n{GOOD}\r\n".encode())
            heard = b""
            while b"454 " not in heard:
                heard += client.sock.recv(1000)
            client.sock.close()
            running.get(timeout=10)
            assert connections(logins) == {("tim", HERE): 2}

    def test_given_back_at_starttls(self) -> None:
        with connected(self.TWO) as client:
            client.say(GOOD)
            client.start_tls()
            client.session.restart()
            assert connections(client.session.service.logins) == {}
            client.say(GOOD)
            assert connections(client.session.service.logins) == {("tim", HERE): 1}


class TestCertificates:
    """auth_ssl_require_client_cert, for clients that show none."""

    @staticmethod
    def settings() -> str:
        ca = f"ssl_ca = <{certificate_folder()}/ca.pem\nssl_require_crl = no\nssl_verify_client_cert = yes\n"
        return STATIC + ca + "auth_ssl_require_client_cert = yes\n"

    @pytest.mark.parametrize(
        ("arrange", "why"),
        [
            pytest.param(lambda _: None, "cert required, client didn't start TLS", id="no TLS"),
            pytest.param(Client.start_tls, "client didn't send a cert", id="no certificate"),
        ],
    )
    def test_refused(self, clock: SleepingClock, arrange: Callable[[Client], None], why: str) -> None:
        with connected(self.settings()) as client:
            arrange(client)
            assert client.reply(GOOD) == replies.AUTH_FAILED
            assert client.session.attempts.reason == why
            assert client.session.login is None
            assert client.session.service.logins.state.level(HERE) == 0
        assert clock.slept == []


@pytest.mark.parametrize("user", ["known", "plain", "hashed", "unknown", "no name"])
def test_scram_tells_nothing_of_who_exists(clock: SleepingClock, tmp_path: Path, user: str) -> None:
    """AUT-24, SCR-11: up to the refusal the exchange is the same for all."""
    known = hash_password("SCRAM-SHA-256", "secret", 4096)
    hashed = hash_password("SSHA256", "secret")
    settings = passwd_file(tmp_path, f"known:{known}", "plain:{PLAIN}secret", f"hashed:{hashed}")
    with connected(settings + "auth_mechanisms = plain scram-sha-256\n") as client:
        asked = gevent.spawn(client.reply, "AUTH SCRAM-SHA-256 " + b64encode(f"n,,n={user},r=abc".encode()).decode())
        code, _, challenge = client.sock.recv(1000).decode().partition(" ")
        nonce, salt, iterations = b64decode(challenge).decode().split(",")
        assert (code, iterations, len(b64decode(salt[2:]))) == ("334", "i=4096", 16)
        final = f"c=biws,{nonce},p={b64encode(bytes(32)).decode()}".encode()
        client.sock.sendall(b64encode(final) + b"\r\n")
        assert asked.get(timeout=10) == replies.AUTH_FAILED
        assert client.session.service.logins.state.level(HERE) == 1
    assert clock.slept == [2.0]


def test_initial_response_for_a_mechanism_that_speaks_first() -> None:
    """AUT-5."""
    with connected(STATIC + "auth_mechanisms = cram-md5\n") as client:
        assert client.reply("AUTH CRAM-MD5 dGlt") == replies.NO_INITIAL_RESPONSE


def test_passwords_are_not_asked_for_in_clear_text(caplog: pytest.LogCaptureFixture) -> None:
    """AUT-14: the passdbs are not asked, so nothing is told of the password."""
    caplog.set_level(logging.DEBUG)
    with connected(STATIC.removeprefix(PLAIN)) as client:
        assert client.reply(GOOD) == client.reply(attempt()) == replies.MECHANISM_NEEDS_TLS
        assert client.session.attempts.failed == 0


def test_master_user() -> None:
    master = "passdb {\ndriver = static\nargs = password=master\nmaster = yes\n}\nauth_master_user_separator = *\n"
    with connected(STATIC + master) as client:
        assert client.reply(attempt("master", "Tim*Root")) == replies.LOGGED_IN
        assert client.session.login == Login(Identity("tim", master_user="root"), "PLAIN")
        assert client.session.client.login == "tim"


def test_one_address_has_few_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.logins.SLOT_TIMEOUT", 0.0)
    with connected(STATIC + "auth_failure_delay = 0\n") as client:
        logins: Logins = client.session.service.logins
        with logins.slot(HERE), logins.slot(HERE):
            assert client.reply(GOOD) == replies.AUTH_UNAVAILABLE
        assert client.reply(GOOD) == replies.LOGGED_IN


def test_a_trusted_address_has_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webmail server logs in for many; one user's wrong passwords must not keep the others out."""
    monkeypatch.setattr("gsubmit.server.logins.SLOT_TIMEOUT", 0.0)
    with connected(STATIC + f"login_trusted_networks = {HERE}\n") as client:
        logins: Logins = client.session.service.logins
        with logins.slot(HERE), logins.slot(HERE):
            assert client.reply(GOOD) == replies.LOGGED_IN
