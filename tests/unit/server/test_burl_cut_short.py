"""A server that stops, or takes new settings, while BURL fetches a message."""

from __future__ import annotations

import pytest

from gsubmit.auth.refusals import MOST_REFUSALS
from gsubmit.settings.load import load_text
from tests.harness.fakeimap import MESSAGE, FakeImap
from tests.harness.imapscript import MASTER_PASSWORD, SUBMIT_PASSWORD
from tests.harness.serving import configuration, serving
from tests.harness.smtpserver import Server, served
from tests.unit.burl.imapserver import eventually, has_ended, imap_server, submit_url
from tests.unit.server.clients import ENVELOPE, client

WAYS = {
    "urlfetch": f"imap_urlauth_submit_password = {SUBMIT_PASSWORD}",
    "owner": f"imap_urlauth_master_user = proxy\nimap_urlauth_master_password = {MASTER_PASSWORD}",
    "forward": "imap_urlauth_forward_credentials = yes",
}


def content(way: str, what: str, *rest: str) -> tuple[str, ...]:
    """Lines of a script that say this when the message is asked for."""
    if way == "urlfetch":
        return ("> TAG URLFETCH *", f'< * URLFETCH "{{url}}" {what}', *rest)
    return ("> TAG UID FETCH *", f"< * 1 FETCH (UID 1 BODY[] {what}", *rest)


def settings(server: FakeImap, way: str) -> str:
    return f"imap_urlauth_host = 127.0.0.1\nimap_urlauth_port = {server.port}\n{WAYS[way]}\n"


def has_heard(server: FakeImap, verb: bytes) -> bool:
    return eventually(lambda: any(verb in line for talk in server.talks for line in talk.heard))


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_within_content(way: str) -> None:
    relay = Server()
    with (
        imap_server(*content(way, r"{100}\r\nSubject: x\r\n", "SILENT")) as imap,
        served(relay),
        serving(settings(imap, way), relay.port) as running,
        client(running) as sender,
    ):
        (pool,) = running.server.service.resolver.pools
        assert sender.say(*ENVELOPE) == "250"
        sender.begin(f"BURL {submit_url(imap)} LAST")
        assert has_heard(imap, b"FETCH")
        assert pool.busy == 1
        running.server.stop(seconds=0)
        assert sender.hear() == "421"  # RFC 5321 3.8
        assert has_ended(imap, 1)
        assert (pool.busy, pool.idle_count, relay.mails) == (0, 0, [])
    assert "Traceback" not in running.log_text


@pytest.mark.parametrize("way", WAYS)
def test_a_reload_within_content(way: str) -> None:
    """What has begun goes on as it was, also for the next message of that session; then the old servers are left."""
    end = "" if way == "urlfetch" else ")"
    slow = content(way, "{21}", "WAITS 200 MS", rf"< Subject: x\r\n\r\nHello\r\n{end}\r\nTAG OK done")
    relay = Server()
    with (
        imap_server(*slow) as imap,
        served(relay),
        serving(settings(imap, way), relay.port) as running,
        client(running) as sender,
    ):
        before = running.server.service.resolver
        assert sender.say(*ENVELOPE) == "250"
        sender.begin(f"BURL {submit_url(imap)} LAST")
        assert has_heard(imap, b"FETCH")
        running.server.reload(lambda: load_text(configuration(relay_port=relay.port)[0]).settings)
        assert running.server.service.resolver is not before
        assert sender.hear() == "250"
        assert has_ended(imap, 1)
        assert sender.say(*ENVELOPE, f"BURL {submit_url(imap)} LAST") == "250"
        assert has_ended(imap, 2)
        assert [mail.endswith((b"Hello\r\n", MESSAGE)) for mail in relay.mails] == [True, True]
        with client(running) as new:
            assert new.say(*ENVELOPE, f"BURL {submit_url(imap)} LAST") == "502"
    assert "Traceback" not in running.log_text


def test_a_reload_may_bring_the_right_password() -> None:
    """A server that has refused our login a few times is left alone, and asked again by new settings."""
    no = ("> TAG AUTHENTICATE *", "< TAG NO [AUTHENTICATIONFAILED] no")
    relay = Server()
    with imap_server(*no, others=no) as imap, served(relay), serving(settings(imap, "owner"), relay.port) as running:

        def ask() -> int:
            with client(running) as sender:
                for _ in range(MOST_REFUSALS + 1):
                    assert sender.say(*ENVELOPE, f"BURL {submit_url(imap)} LAST") == "451"
                    assert sender.say("RSET") == "250"
            return len(imap.talks)

        assert ask() == MOST_REFUSALS
        assert ask() == MOST_REFUSALS
        running.server.reload(lambda: running.server.service.settings)
        assert ask() == 2 * MOST_REFUSALS


def test_commands_behind_burl_come_after_it() -> None:
    relay = Server()
    with (
        imap_server() as imap,
        served(relay),
        serving(settings(imap, "urlfetch"), relay.port) as running,
        client(running) as sender,
    ):
        sender.begin("\r\n".join([*ENVELOPE, f"BURL {submit_url(imap)}", "RSET", *ENVELOPE, "RSET"]))
        assert [sender.hear() for _ in range(7)] == ["250"] * 7
        sender.begin("\r\n".join([*ENVELOPE, f"BURL {submit_url(imap)} LAST", "QUIT"]))
        assert [sender.hear() for _ in range(4)] == ["250", "250", "250", "221"]
        assert len(relay.mails) == 1
