"""The copy in Sent at real IMAP servers: after the last look there is one, whatever clients, servers and we have done."""

from __future__ import annotations

import os
import signal
import smtplib
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gevent
import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.oauth import authorization_server, reply
from tests.harness.peer_burl import MASTER, BurlClient
from tests.harness.peer_copies import (
    HAS_SENT,
    USER,
    Store,
    quick_program,
    quick_server,
    settings,
    settled,
    stored,
    submit,
    uploaded,
)
from tests.harness.peer_cyrus import ADMIN, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_process import HOST, children, eventually, public_folder
from tests.harness.peer_sent import SIZE, STEPS, cutter, message
from tests.harness.serving import serving

pytestmark = pytest.mark.usefixtures("quick_copies")

# What clients do: the Message-IDs of what they upload, when, and how many there are in the end
CLIENTS: dict[str, tuple[str | None, str | None, float | None, int, int]] = {
    "never": (None, None, None, 0, 1),
    "before": (None, None, -1, 1, 1),
    "at-once": (None, None, 0, 1, 1),
    "later": (None, None, 0.4, 1, 1),
    "between-looks": (None, None, 1.1, 1, 1),
    "another-id": (None, "another", 0.4, 1, 1),
    "no-id": ("", "", 0.4, 1, 1),
    "no-id-never": ("", None, None, 0, 1),
    "twice": (None, None, 0.4, 2, 2),
}


def test_clients(store: Store, fake_relay: FakeRelay, tmp_path: Path) -> None:
    """Must show 1: the number of copies after the last look, for each way in which clients upload."""
    with serving(settings(store.port, str(tmp_path)), fake_relay.port) as server:
        clients = [gevent.spawn(play, store, server.port, name, *case[:4]) for name, case in CLIENTS.items()]
        gevent.joinall(clients, raise_error=True)
        settled(tmp_path)
        counts = {name: len(stored(store, name)) for name in CLIENTS}
    print("\n".join(f"{type(store).__name__:12} {name:16} {count}" for name, count in counts.items()))
    assert counts == {name: case[4] for name, case in CLIENTS.items()}
    assert all(
        b"\r\nX-Client: yes\r\n" in one for name, case in CLIENTS.items() if case[3] for one in stored(store, name)
    )


def play(
    store: Store, port: int, name: str, own_id: str | None, id_uploaded: str | None, when: float | None, times: int
) -> None:
    sent = message(name, message_id=own_id)
    copy = message(name, message_id=id_uploaded).replace(b"Date:", b"X-Client: yes\r\nDate:")
    if when == -1:
        uploaded(store, copy)
    submit(port, sent)
    if when is not None and when >= 0:
        gevent.sleep(when)
        for _ in range(times):
            uploaded(store, copy)


@pytest.mark.parametrize("step", STEPS)
def test_the_imap_server_is_lost(store: Store, fake_relay: FakeRelay, tmp_path: Path, step: str) -> None:
    name = f"lost {step.replace(' ', '-')} at {type(store).__name__}"
    ours, theirs = message(name, size=SIZE, bcc=True), message(name, size=SIZE)
    with cutter(step, store.port) as way, serving(settings(way.port, str(tmp_path)), fake_relay.port) as server:
        submit(server.port, ours)
        if step == "before UID EXPUNGE":
            eventually("ours", partial(stored, store, name))
            uploaded(store, theirs)
        eventually("the cut", lambda: way.has_cut)
        settled(tmp_path)
    assert stored(store, name) == [theirs if step == "before UID EXPUNGE" else ours]


@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_the_imap_server_is_killed(fake_relay: FakeRelay, kind: str) -> None:
    """SIGKILL to all of its processes at each step, one after the other, and it is there again after a while."""
    for step in STEPS:
        name = f"killed {step.replace(' ', '-')}"
        ours, theirs = message(name, size=SIZE, bcc=True), message(name, size=SIZE)
        server = dovecot_imap((USER,), settings=HAS_SENT) if kind == "dovecot" else cyrus((USER,))
        with server as store, public_folder("copies") as folder:
            if kind == "cyrus":
                with store.login(USER) as user:
                    user.command("CREATE", b"Gesendet", "(USE (\\Sent))")
            with cutter(step, store.port) as way, serving(settings(way.port, str(folder)), fake_relay.port) as msa:
                way.then = store.runs.kill
                submit(msa.port, ours)
                if step == "before UID EXPUNGE":
                    eventually("ours", partial(stored, store, name))
                    uploaded(store, theirs)
                eventually("the cut", lambda way=way: way.has_cut)  # type: ignore[misc]
                gevent.sleep(0.3)  # in which it is not there
                with store.runs.again():
                    settled(folder)
                    assert stored(store, name) == [theirs if step == "before UID EXPUNGE" else ours], step


@pytest.mark.parametrize("step", STEPS)
def test_gsubmit_is_killed(store: Store, fake_relay: FakeRelay, step: str) -> None:
    """SIGKILL at that step, and another one with the same configuration goes on.

    Where nobody knows whether APPEND was done, the client stores its copy meanwhile, so that ours has to be known again.
    """
    name = f"killed {step.replace(' ', '-')} at {type(store).__name__}"
    ours, theirs = message(name, size=SIZE, bcc=True), message(name, size=SIZE)
    places = cutter(step, store.port), quick_program(), public_folder("copies")
    with places[0] as way, places[1] as program, places[2] as folder:
        with quick_server(fake_relay, way, program, folder) as server:
            way.then = lambda: os.killpg(server.process.pid, signal.SIGKILL)
            submit(server.port, ours)
            if step == "before UID EXPUNGE":
                eventually("ours", partial(stored, store, name))
                uploaded(store, theirs)
            eventually("the cut", lambda: way.has_cut)
            eventually("the end", lambda: server.process.poll() is not None)
        assert list(folder.glob("*.copy"))
        if step == "before the tagged OK":
            uploaded(store, theirs)
        with quick_server(fake_relay, way, program, folder):
            settled(folder)
    has_uploaded = step in ("before the tagged OK", "before UID EXPUNGE")
    assert stored(store, name) == [theirs if has_uploaded else ours]


def test_a_gentle_stop(dovecot: DovecotImap, fake_relay: FakeRelay) -> None:
    """What is under way comes to its end, and the rest is done by the next process."""
    name = "stopped"
    with quick_program() as program, public_folder("copies") as folder:
        for _ in range(2):
            with gsubmit(fake_relay.port, settings(dovecot.port, str(folder)), program=program) as server:
                if not list(folder.glob("*.copy")):
                    submit(server.port, message(name, size=SIZE))
                    continue
                settled(folder)
    assert len(stored(dovecot, name)) == 1


def test_workers_are_killed(dovecot: DovecotImap, fake_relay: FakeRelay) -> None:
    """The master makes others, and these go on."""
    name = "all workers killed"
    places = cutter("before the tagged OK", dovecot.port), quick_program(), public_folder("copies")
    with (
        places[0] as way,
        places[1] as program,
        places[2] as folder,
        quick_server(fake_relay, way, program, folder) as server,
    ):
        way.then = lambda: kill_all(children(server.process.pid))
        submit(server.port, message(name, size=SIZE))
        eventually("the cut", lambda: way.has_cut)
        settled(folder)
        assert server.process.poll() is None
    assert len(stored(dovecot, name)) == 1


def test_a_message_from_sent_by_burl(store: Store, fake_relay: FakeRelay, tmp_path: Path) -> None:
    """It has neither Message-ID nor Date, by which it could be found again."""
    name = f"burl at {type(store).__name__}"
    octets = f"From: <user@example.org>\r\nSubject: {name}\r\n\r\nText\r\n".encode()
    host, port = store.authority.split(":")
    burl = f"imap_urlauth_host = {host}\nimap_urlauth_port = {port}\n{MASTER}"
    there = f"submission_sent_copy = yes\nsubmission_sent_retry_dir = {tmp_path}\n{burl}"
    with store.login(USER) as user, serving(there, fake_relay.port) as server:
        url = store.url(USER, "Gesendet", *user.append("Gesendet", octets))
        with BurlClient(server.port, USER) as client:
            assert client.submit(url).startswith("250")
        settled(tmp_path)
        assert "Copy is in Sent already" in server.log_text
    assert len(stored(store, name)) == 1


def test_a_login_that_is_lent(dovecot: DovecotImap, fake_relay: FakeRelay) -> None:
    """The client's password: one look, when its session ends."""
    name = "lent"
    lent = f"imap_host = 127.0.0.1\nimap_port = {dovecot.port}\nimap_forward_credentials = yes\n"
    with serving(f"submission_sent_copy = yes\n{lent}", fake_relay.port) as server:
        with smtplib.SMTP(HOST, server.port, "client.example.org", 60.0) as client:
            client.login(USER, "secret")
            client.sendmail("user@example.org", ["rcpt@example.net"], message(name))
            eventually("the copy", lambda: len(stored(dovecot, name)) == 1)
            uploaded(dovecot, message(name))
        eventually("the look", lambda: len(stored(dovecot, name)) == 1)


BY_TOKEN = """
auth_mechanisms = plain xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {file}
}}
"""
TOKENS = "introspection_mode = auth\nintrospection_url = {url}\nusername_attribute = email\nactive_attribute = active\nactive_value = true\n"


PROOFS = {
    "XOAUTH2": f"user={USER}\1auth=Bearer t0ken\1\1".encode(),
    "OAUTHBEARER": f"n,a={USER},\1auth=Bearer t0ken\1\1".encode(),
}


@pytest.mark.parametrize("mechanism", sorted(PROOFS))
def test_a_token_that_is_lent(fake_relay: FakeRelay, mechanism: str) -> None:
    """gsubmit and the IMAP server ask the same authorization server."""
    with authorization_server() as issuer, public_folder("tokens") as folder:
        issuer.scripts["/ask"] = reply({"active": True, "email": USER})
        (folder / "oauth2").write_text(TOKENS.format(url=issuer.url("/ask")))
        by_token = BY_TOKEN.format(file=folder / "oauth2")
        with dovecot_imap((USER,), settings=HAS_SENT + by_token) as store:
            lent = f"imap_host = 127.0.0.1\nimap_port = {store.port}\nimap_forward_credentials = yes\n"
            with serving(f"submission_sent_copy = yes\n{lent}{by_token}", fake_relay.port) as server:
                with smtplib.SMTP(HOST, server.port, "client.example.org", 60.0) as client:
                    assert client.docmd("AUTH", f"{mechanism} {b64encode(PROOFS[mechanism]).decode()}")[0] == 235
                    client.sendmail("user@example.org", ["rcpt@example.net"], message("token"))
                eventually("the copy", lambda: len(stored(store, "token")) == 1)
            assert f"user=<{USER}>, method={mechanism}, " in store.log
    assert {asked.headers["Authorization"] for asked in issuer.asked} == {"Bearer t0ken"}


def test_a_mailbox_that_is_made(fake_relay: FakeRelay, tmp_path: Path) -> None:
    with cyrus((USER,)) as store:
        more = "submission_sent_create = yes\nsubmission_sent_mailbox = Gesendet\n"
        with serving(settings(store.port, str(tmp_path)) + more, fake_relay.port) as server:
            submit(server.port, message("made"))
            settled(tmp_path)
        assert len(stored(store, "made")) == 1
        with store.login(USER) as user:
            (line,) = user.command("LIST", "(SPECIAL-USE)", b"", b"*").of("LIST")
        assert b"Gesendet" in line


def test_a_mailbox_that_is_full(fake_relay: FakeRelay, tmp_path: Path) -> None:
    """The client has its 250 all the same; the log says why there is no copy, and the next one that fits is stored."""
    with cyrus((USER,)) as store:
        with store.login(USER) as user:
            user.command("CREATE", b"Gesendet", "(USE (\\Sent))")
        with serving(settings(store.port, str(tmp_path)), fake_relay.port) as server:
            for name, kilobytes in (("full", 1), ("roomy", 1000)):
                with store.login(ADMIN) as admin:
                    admin.command("SETQUOTA", f"user/{USER}".encode(), f"(STORAGE {kilobytes})")
                submit(server.port, message(name, size=SIZE))
                settled(tmp_path)
        assert [len(stored(store, name)) for name in ("full", "roomy")] == [0, 1]
        assert "the server says no to APPEND: OVERQUOTA" in server.log_text


def kill_all(processes: Sequence[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)
