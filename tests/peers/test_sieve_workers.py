"""Sieve scripts in a server as it is installed: a master that is root, and workers that are not."""

from __future__ import annotations

import smtplib

import gevent

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_dovecot_imap import dovecot_imap
from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually, hanging, need_root
from tests.peers.test_workers import TWO, all_serve, reload

SCRIPTS = "submission_sieve = {folder}/%u.sieve\nsubmission_sieve_before = {folder}/before\n"
IMAP = """
imap_host = 127.0.0.1
imap_port = {port}
imap_master_user = proxy
imap_master_password = secret
"""
OWN = f"{USER}.sieve"
FILES = {
    "before/": "",
    "before/1.sieve": 'require "editheader"; addheader "X-Before" "yes";\n',
    OWN: 'require "reject"; if header "Subject" "no" { reject "No"; }\n',
}


def answer(server: Gsubmit, subject: str = "it") -> str:
    """What is said to a message over a connection of its own."""
    with smtplib.SMTP(HOST, server.port, "client.example.org", 60.0) as client:
        client.login(USER, PASSWORD)
        try:
            client.sendmail(USER, ["rcpt@example.net"], f"Subject: {subject}\r\n\r\nText\r\n")
        except smtplib.SMTPDataError as refused:
            assert isinstance(refused.smtp_error, bytes)
            return f"{refused.smtp_code} {refused.smtp_error.decode()}"
        return "250"


def test_scripts_change_while_workers_serve(fake_relay: FakeRelay) -> None:
    with gsubmit(fake_relay.port, SCRIPTS + TWO, FILES) as server:
        all_serve(server)
        assert [answer(server, "no") for _ in range(6)] == ["550 5.7.1 No"] * 6
        (server.folder / OWN).write_text('require "reject"; reject "Another";\n')
        assert [answer(server) for _ in range(6)] == ["550 5.7.1 Another"] * 6
        (server.folder / OWN).unlink()
        assert [answer(server) for _ in range(6)] == ["250"] * 6
        assert all(b"X-Before: yes\r\n" in mail.content for mail in fake_relay.accepted[-6:])


def test_a_reload_with_a_script_that_is_wrong(fake_relay: FakeRelay) -> None:
    """The old settings stay, and the script is what it is: wrong for all, until it is mended."""
    with gsubmit(fake_relay.port, SCRIPTS + TWO, FILES) as server:
        all_serve(server)
        script = server.folder / "before" / "1.sieve"
        script.write_text("keep;\nnonsense;\n")
        reload(server, said="Error: reload: ")
        assert "1.sieve:2: unknown command 'nonsense'" in server.log
        assert answer(server) == "451 4.3.0 A filter failed, try again later"
        script.write_text("keep;\n")
        assert answer(server) == "250"
        reload(server)
        eventually("an answer", lambda: answer(server) == "250")


def test_a_reload_while_a_script_asks(fake_relay: FakeRelay) -> None:
    """The worker of old settings goes on with its message until the IMAP server has answered."""
    script = 'require ["editheader", "mailbox"]; if mailboxexists "INBOX" { addheader "X-There" "yes"; }\n'
    with (
        dovecot_imap((USER,)) as store,
        gsubmit(
            fake_relay.port, SCRIPTS + TWO + IMAP.format(port=store.port), {**FILES, "before/1.sieve": script}
        ) as server,
    ):
        all_serve(server)
        with hanging(store.runs.process):
            message = gevent.spawn(answer, server)
            eventually("the message", lambda: "Login: " in server.log_so_far)
            gevent.sleep(0.3)
            reload(server)
            assert not message.ready()
        assert message.get() == "250"
        assert b"X-There: yes\r\n" in fake_relay.accepted[-1].content


def test_a_script_that_may_be_read_later(fake_relay: FakeRelay) -> None:
    """It was put there with a umask of its owner's, and chmod changes neither its time nor its size."""
    need_root()
    settings = SCRIPTS + TWO + "default_internal_user = nobody\n"
    with gsubmit(fake_relay.port, settings, FILES, passdb=f"driver = static\n  args = password={PASSWORD}") as server:
        all_serve(server)
        script = server.folder / OWN
        script.chmod(0o600)
        assert [answer(server, "no") for _ in range(6)] == ["250"] * 6
        assert f"{script}: cannot be read: Permission denied" in server.log
        script.chmod(0o644)
        assert [answer(server, "no") for _ in range(6)] == ["550 5.7.1 No"] * 6
