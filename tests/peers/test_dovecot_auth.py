"""The drivers dovecot and imap ask a real Dovecot."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Origin, Passdb, Unavailable
from gsubmit.auth.passdbs import dovecot as driver
from gsubmit.auth.passdbs.dovecot import DovecotAuth
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Token
from tests.harness.peer_process import answers, eventually, missing, need_root, program, public_folder, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

NOWHERE = Means(VerifiedCache(0, 0))
HERE = Origin(remote_ip="127.0.0.1", remote_port=4711, local_ip="127.0.0.1", local_port=587, tls=True, session="a\tb")
PASSWORD = 'Pässe "Pfade" \\ {5} = Pein'

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificates}/cert.pem
ssl_key = <{certificates}/key.pem
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
auth_mechanisms = plain oauthbearer
auth_failure_delay = 0
auth_username_chars =
auth_username_format = %u{format}
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer
  args = {folder}/oauth2
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
  inet_listener {{
    address = 127.0.0.1
    port = {auth_port}
  }}
}}
service imap-login {{
  process_min_avail = 0
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """A Dovecot that can be started more than once on the same sockets."""

    def __init__(self, folder: Path) -> None:
        need_root()
        self._program = program("dovecot")
        if not Path("/usr/lib/dovecot/imap").exists():
            missing("dovecot-imapd is not installed")
        self.folder = folder
        self.auth_port, self.imap_port, self.imaps_port = free_ports(3)
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
        (folder / "mail").chmod(0o777)
        (folder / "users").write_text(
            f"tim:{PASSWORD}\n"
            "extra:secret::::::user=other@example.org colour=deep_blue allow_nets=127.0.0.0/8\n"
            "closed:secret::::::nologin reason=gone\n"
        )
        (folder / "oauth2").write_text("introspection_mode = auth\nintrospection_url = http://127.0.0.1:9/\n")
        self.configure()

    def configure(self, format: str = "") -> None:
        (self.folder / "dovecot.conf").write_text(
            _CONFIGURATION.format(
                folder=self.folder,
                certificates=certificate_folder(),
                format=format,
                auth_port=self.auth_port,
                imap_port=self.imap_port,
                imaps_port=self.imaps_port,
            )
        )

    @contextmanager
    def up(self) -> Iterator[int]:
        """Its process id."""
        with running(
            [self._program, "-F", "-c", self.folder / "dovecot.conf"],
            self.folder / "log",
            [self.imap_port, self.auth_port],
        ) as process:
            eventually("Dovecot's socket", self._listens)
            yield process.pid
            os.killpg(process.pid, signal.SIGKILL)  # SIGTERM takes 6 s at times, when its children are still starting
        eventually("the end", lambda: not self._listens())

    def _listens(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.folder / "auth"))
        except OSError:
            return False
        return True

    def passdb(self) -> DovecotAuth:
        return DovecotAuth.from_args(f"unix:{self.folder}/auth", NOWHERE)

    @property
    def log(self) -> str:
        return (self.folder / "dovecot.log").read_text()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with public_folder("logins") as folder:
        server = Dovecot(folder)
        with server.up():
            yield server
        assert "BUG" not in server.log  # what Dovecot calls a request that it does not understand


def ask(passdb: Passdb, claim: Claim, origin: Origin = HERE) -> object:
    """The extra fields, or the kind of refusal."""
    try:
        return dict(passdb.verify(claim, origin).fields)
    except (Denied, Unavailable) as refusal:
        return type(refusal)


# The auth client protocol


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_passwords(dovecot: Dovecot, kind: str) -> None:
    address = f"unix:{dovecot.folder}/auth" if kind == "unix" else f"inet:127.0.0.1:{dovecot.auth_port}"
    passdb = DovecotAuth.from_args(address, NOWHERE)
    assert ask(passdb, Cleartext("tim", PASSWORD)) == {"user": "tim"}
    assert ask(passdb, Cleartext("tim", "wrong")) is Denied
    assert ask(passdb, Cleartext("tim", PASSWORD + "x")) is Denied
    assert ask(passdb, Cleartext("nobody", PASSWORD)) is Denied
    assert ask(passdb, Cleartext("tim", PASSWORD)) == {"user": "tim"}


def test_what_a_nul_would_do(dovecot: Dovecot) -> None:
    """Dovecot would take what stands before it for the password."""
    assert ask(dovecot.passdb(), Cleartext("tim", f"{PASSWORD}\0x")) is Denied


def test_extra_fields(dovecot: Dovecot) -> None:
    passdb = dovecot.passdb()
    assert ask(passdb, Cleartext("extra", "secret")) == {
        "user": "other@example.org",
        "colour": "deep_blue",
        "original_user": "extra",
    }
    assert ask(passdb, Cleartext("extra", "secret"), Origin(remote_ip="192.0.2.1")) is Denied
    assert ask(passdb, Cleartext("closed", "secret")) == {"user": "closed", "nologin": "yes", "reason": "gone"}
    assert ask(passdb, Cleartext("closed", "wrong")) is Denied


def test_tokens(dovecot: Dovecot) -> None:
    """The authorization server is down, which is no fault of the user's."""
    assert ask(dovecot.passdb(), Token("tim", "abc.def")) is Unavailable


def test_the_longest_request(dovecot: Dovecot) -> None:
    assert ask(dovecot.passdb(), Cleartext("tim", "x" * 11_000)) is Denied
    assert ask(dovecot.passdb(), Cleartext("tim", "x" * 12_000)) is Denied


def test_many_at_a_time(dovecot: Dovecot) -> None:
    passdb = dovecot.passdb()
    outcomes = []

    def login(number: int) -> None:
        right = number % 2 == 0
        outcome = ask(passdb, Cleartext("tim", PASSWORD if right else str(number)))
        outcomes.append(outcome == ({"user": "tim"} if right else Denied))

    threads = [threading.Thread(target=login, args=(number,)) for number in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert outcomes == [True] * 150


def test_restart() -> None:
    right = Cleartext("tim", PASSWORD)
    with public_folder("logins") as folder:
        server = Dovecot(folder)
        passdb = server.passdb()
        with server.up():
            assert ask(passdb, right) == {"user": "tim"}
        with server.up():
            assert ask(passdb, right) == {"user": "tim"}
        with pytest.raises(Unavailable, match=f"cannot connect to {folder}/auth"):
            passdb.verify(right, HERE)
        with server.up():
            assert ask(passdb, right) == {"user": "tim"}


def test_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dovecot's old auth process goes on with the old settings for as long as we stay connected."""
    right = Cleartext("tim", PASSWORD)
    monkeypatch.setattr(driver, "MAX_AGE", 1.0)
    with public_folder("logins") as folder:
        server = Dovecot(folder)
        with server.up() as process:
            passdb = server.passdb()
            assert ask(passdb, right) == {"user": "tim"}
            server.configure("@example.org")
            os.kill(process, signal.SIGHUP)
            new = {"user": "tim@example.org", "original_user": "tim"}
            eventually("the new settings", lambda: ask(passdb, right) == new, 5)


# IMAP


def _imap(server: Dovecot, tls: str, more: str = "") -> ImapServer:
    port = server.imaps_port if tls == "imaps" else server.imap_port
    words = f"ssl={tls} ssl_ca_file={certificate_folder()}/ca.pem" if tls else ""
    return ImapServer.from_args(f"host=localhost port={port} {words} {more}", NOWHERE)


@pytest.mark.parametrize("tls", ["imaps", "starttls", ""])
def test_imap(dovecot: Dovecot, tls: str) -> None:
    passdb = _imap(dovecot, tls)
    assert ask(passdb, Cleartext("tim", PASSWORD)) == {}
    assert ask(passdb, Cleartext("tim", "wrong")) is Denied
    assert ask(passdb, Cleartext("nobody", PASSWORD)) is Denied
    assert ask(_imap(dovecot, tls, "username=%n"), Cleartext("tim@example.org", PASSWORD)) == {}
    assert "Logged out" in eventually("the end", lambda: dovecot.log if "Logged out" in dovecot.log else "")


def test_imap_login_command(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOGIN with literals, as if PLAIN were not offered."""
    monkeypatch.setattr("gsubmit.net.imap._words", lambda _: ("IMAP4REV1",))
    passdb = _imap(dovecot, "starttls")
    assert ask(passdb, Cleartext("tim", PASSWORD)) == {}
    assert ask(passdb, Cleartext("tim", "wrong")) is Denied
    assert ask(passdb, Cleartext("tim", "x\r\nZ1 LOGIN extra secret\r\n")) is Denied


def test_imap_certificate(dovecot: Dovecot) -> None:
    """Signed by nobody that the system knows."""
    passdb = ImapServer.from_args(f"host=localhost port={dovecot.imaps_port} ssl=imaps", NOWHERE)
    with pytest.raises(Unavailable, match="certificate verify failed"):
        passdb.verify(Cleartext("tim", PASSWORD), HERE)


def test_imap_down() -> None:
    (port,) = free_ports(1)
    assert not answers(port)
    passdb = ImapServer.from_args(f"host=127.0.0.1 port={port}", NOWHERE)
    with pytest.raises(Unavailable, match="Connection refused"):
        passdb.verify(Cleartext("tim", PASSWORD), HERE)
