"""neomutt, which sends by SMTP and stores by IMAP: in the end there is one copy in Sent, with Bcc, which nobody else gets."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_process import eventually, program
from tests.harness.serving import certificate_folder, serving

LOOKS = (1.5, 5.0)  # seconds; in between neomutt stores its own
TERMINAL_TIME = 30.0  # seconds for neomutt
TEXT = "The first line.\n.\nFrom the last one: gr\u00fc\u00dfe\n"
SETTINGS = """
submission_drop_headers = Bcc
submission_sent_copy = yes
imap_host = 127.0.0.1
imap_port = {imap_port}
imap_master_user = proxy
imap_master_password = secret
submission_sent_retry_dir = {folder}
"""
CONFIGURATION = """
set from = "user@example.org"
set realname = "A User"
set imap_user = "user"
set imap_pass = "secret"
set smtp_pass = "secret"
set smtp_authenticators = "plain"
set ssl_starttls = no
set ssl_force_tls = no
set write_bcc = yes
set folder = "imap://127.0.0.1:{imap_port}/"
set record = "imap://127.0.0.1:{imap_port}/Sent"
set send_charset = "utf-8"
set editor = "true"
set abort_unmodified = no
set autoedit = yes
set fast_reply = yes
set wait_key = no
set move = no
"""
BY_SMTP = 'set smtp_url = "smtp://user@127.0.0.1:{port}/"\n'
# msmtp leaves Bcc in where it is told so, as many clients do.
BY_MSMTP = 'set sendmail = "msmtp -C {home}/msmtprc"\n'
MSMTP = """
account default
host 127.0.0.1
port {port}
auth plain
user user
password secret
tls on
tls_trust_file {ca}
from user@example.org
remove_bcc_headers off
"""


@pytest.fixture(scope="module")
def store() -> Iterator[DovecotImap]:
    sent = "namespace inbox {\n mailbox Sent {\n  special_use = \\Sent\n  auto = create\n }\n}\n"
    with dovecot_imap(("user",), settings=sent) as server:
        yield server


def sent_by_hand(home: Path, subject: str) -> str:
    """What neomutt shows, in a terminal in which somebody presses `y` when the message is there to be sent."""
    words = ["-n", "-F", str(home / "neomuttrc"), "-s", subject, "-b", "blind@example.net", "-i", str(home / "text")]
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environ = {**os.environ, "TERM": "vt100", "LANG": "C.UTF-8", "HOME": str(home)}
    process = subprocess.Popen(
        [program("neomutt"), *words, "--", "to@example.net"],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, env=environ,
    )  # fmt: skip
    os.close(terminal)
    shown, is_sent = b"", False
    limit = time.monotonic() + TERMINAL_TIME
    try:
        while process.poll() is None and time.monotonic() < limit:
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
            elif b"Security:" in shown and not is_sent:
                is_sent = bool(os.write(ours, b"y"))
    except OSError:
        process.wait(TERMINAL_TIME)  # it has left its terminal
    finally:
        process.kill()
        os.close(ours)
    assert process.wait(TERMINAL_TIME) == 0, shown.decode("utf-8", "replace")
    return shown.decode("utf-8", "replace")


def stored(store: DovecotImap, subject: str) -> list[bytes]:
    with store.login("user") as user:
        user.command("EXAMINE", b"Sent")
        (uids,) = user.command("UID", "SEARCH", "UNDELETED", "SUBJECT", subject.encode()).of("SEARCH")
        user.command("UNSELECT")
        return [user.fetch("Sent", int(uid)) for uid in uids if isinstance(uid, bytes)]


@pytest.mark.parametrize(
    ("way", "uploads", "shows_bcc"),
    [
        pytest.param(BY_SMTP, "yes", True, id="stores"),
        pytest.param(BY_SMTP, "no", False, id="stores-nothing"),  # who never gets to know of Bcc cannot keep it
        pytest.param(BY_MSMTP, "no", True, id="leaves-Bcc-in"),
        pytest.param(BY_MSMTP, "yes", True, id="leaves-Bcc-in-and-stores"),
    ],
)
def test_one_copy(
    fake_relay: FakeRelay, store: DovecotImap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
    way: str, uploads: str, shows_bcc: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("gsubmit.sent.steps.LOOKS", LOOKS)
    monkeypatch.setattr("gsubmit.sent.keeper.TICK", 0.05)
    subject, waiting = request.node.callspec.id, tmp_path / "waiting"
    waiting.mkdir()
    (tmp_path / "text").write_text(TEXT)
    before = len(fake_relay.mails)
    with serving(SETTINGS.format(imap_port=store.port, folder=waiting), fake_relay.port) as server:
        words = {"imap_port": store.port, "port": server.port, "ca": certificate_folder() / "ca.pem", "home": tmp_path}
        (tmp_path / "msmtprc").write_text(MSMTP.format(**words))
        (tmp_path / "msmtprc").chmod(0o600)
        (tmp_path / "neomuttrc").write_text((CONFIGURATION + way).format(**words) + f"set copy = {uploads}\n")
        sent_by_hand(tmp_path, subject)
        eventually("the last look", lambda: not [*waiting.glob("*.copy"), *waiting.glob("*.eml")])
    (copy,) = stored(store, subject)
    (mail,) = fake_relay.mails[before:]
    assert (b"\r\nBcc: blind@example.net\r\n" in copy) is shows_bcc
    assert b"\r\nBcc:" not in mail.content
    assert "RCPT TO:<blind@example.net>" in mail.recipients
    assert (
        copy.partition(b"\r\n\r\n")[2] == mail.content.partition(b"\r\n\r\n")[2] == TEXT.replace("\n", "\r\n").encode()
    )
