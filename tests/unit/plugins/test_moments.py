"""Plugins in real sessions: what they are told, what their verdicts and failures lead to."""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import gevent
import pytest
from gevent.threadpool import ThreadPool

from gsubmit.plugins import Address, Client, Mail, Plugin, Recipient, Reply, refuse, runner
from gsubmit.plugins.config import Config
from gsubmit.plugins.mail import mailbox_of
from gsubmit.plugins.runner import Running, arranged
from gsubmit.server.conversation import converse
from gsubmit.server.waiting import Interrupted
from gsubmit.server.wire import Closed
from gsubmit.smtp.address import BadAddress
from gsubmit.smtp.replies import SHUTTING_DOWN
from tests.unit.server import sessions
from tests.unit.server.sessions import NextHop, connected

TEMPFAIL = Reply(451, "4.3.0", "Cannot do that now, try again later")
ODD: Any = (550, "5.7.1", 7)
WORDS: Any = ("550", "5.7.1", "a")
MESSAGE = b"Subject: a\r\n\r\ntext\r\n"


@contextmanager
def session(*plugins: Running | Plugin, relays: dict[str, Any] | None = None) -> Iterator[sessions.Client]:
    """A client that may say MAIL, with these plugins."""
    with connected("ssl = no") as client:
        running = [one if isinstance(one, Running) else Running("test", one) for one in plugins]
        loaded = arranged(running, passes=(Interrupted,))
        client.session.service = replace(client.session.service, plugins=loaded, relays=relays or {})
        client.log_in()
        client.say("EHLO client.example.org")
        yield client


def sent(client: sessions.Client, message: bytes = MESSAGE, *recipients: str) -> Reply:
    client.say("MAIL FROM:<a@example.org>", *(f"RCPT TO:<{one}>" for one in recipients or ["b@example.org"]))
    return client.reply(f"BDAT {len(message)} LAST", message)


def plugin(**methods: Any) -> Plugin:
    functions = {name: (lambda self, *args, one=one: one(*args)) for name, one in methods.items()}
    made: Plugin = type("Made", (Plugin,), functions)(Config.of())
    return made


def test_each_moment_is_told_what_is_known_then() -> None:
    told: list[tuple[Any, ...]] = []
    one = plugin(
        sender=lambda mail: told.append(("sender", mail.id, mail.client.user, mail.sender, mail.recipients)),
        recipient=lambda mail, recipient: told.append(("recipient", mail.sender, recipient.forward_path)),
        message=lambda mail: told.append(("message", mail.size, b"".join(mail.blocks()), len(mail.recipients))),
        submitted=lambda mail, reply: told.append(("submitted", mail.header.get("subject"), mail.size, reply.code)),
    )
    with session(one) as client:
        assert sent(client).code == 250
        gevent.sleep(0)
        id = client.session.id
    a, b = Address("a", "example.org"), Address("b", "example.org")
    assert told == [
        ("sender", id, "user", a, ()),
        ("recipient", a, b),
        ("message", len(MESSAGE), MESSAGE, 1),
        ("submitted", "a", len(MESSAGE), 250),
    ]


def test_a_client_hears_refusals_of_each_moment() -> None:
    with session(plugin(sender=lambda mail: Reply(550, "5.7.1", "no"))) as client:
        assert client.reply("MAIL FROM:<a@example.org>") == Reply(550, "5.7.1", "no")
        assert not client.next_hop.deliveries

    def deep(mail: Mail, recipient: Recipient) -> None:
        raise refuse("450", "4.7.1", "not now")

    with session(plugin(recipient=deep)) as client:
        client.say("MAIL FROM:<a@example.org>")
        assert client.reply("RCPT TO:<b@example.org>") == Reply(450, "4.7.1", "not now")
        assert not client.delivery.asked


@pytest.mark.parametrize(
    "verdict",
    [True, "550 no", 550, Reply(250, "2.0.0", "yes"), Reply(354, "", ""), Reply(550, "4.0.0", "a"), Reply(600, "", ""),
     Reply(550, "5.7.1\r\n250", "a"), Reply(*ODD), Reply(*WORDS), b"no", object()],
)  # fmt: skip
def test_nonsense_is_a_failure_of_the_plugin(verdict: Any) -> None:
    with session(plugin(message=lambda mail: verdict)) as client:
        assert sent(client) == TEMPFAIL
        assert not client.delivery.messages


def test_no_verdict_can_hold_a_second_reply() -> None:
    with session(plugin(message=lambda mail: Reply(550, "5.7.1", "a\r\n250 2.0.0 \x00é"))) as client:
        assert sent(client).wire == b"550 5.7.1 a 250 2.0.0 ??\r\n"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("x"), SystemExit(3), KeyboardInterrupt(), RecursionError(), gevent.Timeout(1), StopIteration(),
     BaseException("own"), MemoryError(), GeneratorExit(), AssertionError()],
)  # fmt: skip
@pytest.mark.parametrize("threaded", [False, True])
def test_whatever_is_raised_the_session_goes_on(
    error: BaseException, threaded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(mail: Mail) -> None:
        if mail.header.get("subject") == "a":
            raise error

    with session(Running("bad", plugin(message=fail), threaded=threaded)) as client:
        with caplog.at_level(logging.ERROR):
            assert sent(client) == TEMPFAIL
        assert [record.getMessage() for record in caplog.records if record.name == "gsubmit.plugins"] == [
            f"plugin bad failed at message of {client.session.id}"
        ]
        assert caplog.records[0].exc_info
        assert sent(client, b"Subject: b\r\n\r\n").code == 250


def test_what_is_thrown_into_the_session_is_not_the_plugins() -> None:
    with session(Running("slow", plugin(message=lambda mail: gevent.sleep(60)), accepts=True)) as client:
        going = gevent.spawn(sent, client)
        gevent.sleep(0.05)
        going.kill(Interrupted(SHUTTING_DOWN), block=False)
        with pytest.raises(Interrupted):
            going.get(timeout=2)


@pytest.mark.parametrize("threaded", [False, True])
def test_one_that_hangs_has_its_time(threaded: bool, caplog: pytest.LogCaptureFixture) -> None:
    pause = gevent.sleep if not threaded else gevent.monkey.get_original("time", "sleep")
    slow = Running("slow", plugin(message=lambda mail: pause(3.0)), timeout=0.1, threaded=threaded)
    with session(slow) as client:
        began = time.monotonic()
        assert sent(client) == TEMPFAIL
        assert time.monotonic() - began < 3
        assert "took longer than" in caplog.text


def test_edits_of_a_thread_that_is_given_up_are_lost() -> None:
    pause = gevent.monkey.get_original("time", "sleep")
    going, done = list[bool](), list[str]()

    def late(mail: Mail) -> None:
        while not going:
            pause(0.01)
        mail.header.prepend("X-Late", "a")
        mail.add_recipient("late@example.org")
        done.append("late")

    slow = Running("slow", plugin(message=late), timeout=0.1, threaded=True, accepts=True)

    def wait(mail: Mail) -> None:
        going.append(True)
        with gevent.Timeout(5):
            while not done:
                gevent.sleep(0.01)

    quick = plugin(message=wait)
    with session(slow, quick) as client:
        assert sent(client).code == 250
        assert done == ["late"]
        assert client.delivery.messages[0][1] == MESSAGE
        assert len(client.delivery.asked) == 1


def test_threads_that_hang_leave_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    pause, over = gevent.monkey.get_original("time", "sleep"), list[bool]()
    monkeypatch.setattr(runner, "_threads", functools.cache(lambda: ThreadPool(2)))
    monkeypatch.setattr(runner, "MAX_THREADS", 2)
    pool = runner._threads()

    def hang(mail: Mail) -> None:
        for _ in range(1000):
            if not over:
                pause(0.01)

    with session(Running("hangs", plugin(message=hang), timeout=0.05, threaded=True)) as client:
        for _ in range(5):
            assert sent(client) == TEMPFAIL
    with session(Running("works", plugin(message=lambda mail: None), timeout=2, threaded=True)) as client:
        assert sent(client).code == 250
    assert pool.maxsize == 7
    over.append(True)
    with gevent.Timeout(2):
        while pool.maxsize > 2:
            gevent.sleep(0.01)


def test_who_holds_up_all_others_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def loop(mail: Mail) -> None:
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            pass

    with session(Running("busy", plugin(message=loop))) as client:
        assert sent(client).code == 250
    assert "plugin busy held up all sessions for" in caplog.text


def computes(mail: Mail) -> None:
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass


def swallows(mail: Mail) -> None:
    with suppress(BaseException):
        gevent.sleep(5)


def refuses_late(mail: Mail) -> None:
    computes(mail)
    raise refuse(550, "5.7.1", "no")


@pytest.mark.parametrize("late", [computes, swallows, refuses_late])
@pytest.mark.parametrize("accepts", [False, True])
def test_whoever_comes_back_late_has_failed(
    late: Callable[[Mail], None], accepts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def change(mail: Mail) -> None:
        mail.header.append("X-Late", "1")
        late(mail)

    with session(Running("late", plugin(message=change), timeout=0.2, accepts=accepts)) as client:
        assert sent(client) == (sessions.STORED if accepts else TEMPFAIL)
        assert [message for _, message in client.delivery.messages] == [MESSAGE] * accepts
    assert "plugin late failed at message" in caplog.text
    assert "took longer than 0.2 s" in caplog.text


def test_domains_of_recipients_know_no_case() -> None:
    def change(mail: Mail) -> None:
        mail.add_recipient("b@EXAMPLE.org")
        mail.add_recipient("c@example.org")
        mail.remove_recipient("c@Example.ORG")

    with session(plugin(message=change)) as client:
        assert sent(client).code == 250
        assert len(client.delivery.asked) == 1


@pytest.mark.parametrize("mailbox", ["Postmaster", "x@my_host.example.net", '"a..b"@example.org'])
def test_addresses_that_the_message_has_can_be_named(mailbox: str) -> None:
    def change(mail: Mail) -> None:
        own = mail.recipients[0].forward_path
        mail.remove_recipient(own)
        mail.add_recipient(own)
        mail.remove_recipient(str(own))
        mail.add_recipient("c@example.org")
        if own.domain:
            mail.replace_sender(own)
            assert mail.sender == own
        mail.replace_sender(mail.sender)

    with session(plugin(message=change)) as client:
        assert sent(client, MESSAGE, mailbox).code == 250


def test_what_no_command_can_hold_is_no_address() -> None:
    """Named tuples can be made of anything."""
    for bad in (
        Address("a\r\nRCPT TO:<b", "example.org"),
        Address("a", "b>\r\n"),
        Address("a", ""),
        Address("a" * 300, "b"),
    ):
        with session(plugin(message=lambda mail, bad=bad: mail.add_recipient(bad))) as client:
            assert sent(client) == TEMPFAIL


def test_edits_add_up_in_order_and_those_of_a_failure_are_undone() -> None:
    def bad(mail: Mail) -> None:
        mail.header.append("X-Bad", "1")
        mail.replace_body(b"bad\r\n")
        mail.add_recipient("bad-idea@example.org")
        mail.sent_mailbox = "Bad"
        raise ValueError

    def first(mail: Mail) -> None:
        mail.header.append("X-First", "1")
        mail.sent_mailbox = "First"
        mail.note["first"] = "seen"
        mail.add_recipient("first@example.org")

    def last(mail: Mail) -> None:
        assert mail.header.get("x-first") == "1"
        assert not mail.header.get("x-bad")
        assert mail.note == {"first": "seen"}
        mail.header.append("X-Last", "2")

    with session(plugin(message=first), Running("bad", plugin(message=bad), accepts=True), plugin(message=last)) as one:
        one.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>")
        transaction = one.session.transaction
        assert one.reply(f"BDAT {len(MESSAGE)} LAST", MESSAGE).code == 250
        assert one.delivery.messages[0][1] == b"Subject: a\r\nX-First: 1\r\nX-Last: 2\r\n\r\ntext\r\n"
        assert [str(recipient.forward_path) for recipient in one.delivery.not_refused] == [
            "b@example.org",
            "first@example.org",
        ]
        assert transaction is not None
        handling = transaction.envelope.handling
        assert handling is not None
        assert handling.sent_mailbox == "First"


def test_without_recipients_there_is_no_message() -> None:
    with session(plugin(message=lambda mail: mail.remove_recipient("b@example.org"))) as client:
        assert sent(client) == TEMPFAIL


def test_a_message_changes_at_its_moment_only() -> None:
    with session(plugin(recipient=lambda mail, recipient: mail.add_recipient("c@example.org"))) as client:
        client.say("MAIL FROM:<a@example.org>")
        assert client.reply("RCPT TO:<b@example.org>") == TEMPFAIL


def test_a_relay_is_chosen_before_mail() -> None:
    other = NextHop()
    with session(plugin(sender=lambda mail: setattr(mail, "relay", "other")), relays={"other": other}) as client:
        assert sent(client).code == 250
        assert not client.next_hop.deliveries
        assert len(other.deliveries) == 1


def test_a_relay_is_chosen_for_a_complete_message() -> None:
    other = NextHop()
    with session(plugin(message=lambda mail: setattr(mail, "relay", "other")), relays={"other": other}) as client:
        assert sent(client).code == 250
        assert client.delivery.is_aborted
        assert not client.delivery.messages
        assert other.deliveries[0].messages[0][1] == MESSAGE
        client.session.leave()
        assert len(other.left) == 1


def test_a_required_recipient_is_known_by_its_mailbox() -> None:
    adding = plugin(message=lambda mail: mail.add_recipient("badly@Example.net"))
    requiring = plugin(message=lambda mail: mail.add_recipient("badly@example.net", required=True))
    with session(adding, requiring) as client:
        assert sent(client) == Reply(550, "5.1.1", "No")


@pytest.mark.parametrize(
    "recipients", [["badly@example.org"], ["b@example.org", "busy@example.org", "badly@example.org"]]
)
def test_what_another_relay_refuses_is_refused_in_its_words(
    recipients: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The client has heard 250 for the recipient, and asking again would not change it."""

    def move(mail: Mail) -> None:
        mail.relay = "other"
        mail.add_recipient("badly-added@example.org")

    caplog.set_level(logging.INFO)
    other = NextHop()
    with session(plugin(message=move), relays={"other": other}) as client:
        client.next_hop.takes_all = True
        assert sent(client, MESSAGE, *recipients) == Reply(550, "5.1.1", "No")
        assert not client.delivery.messages
        assert not other.deliveries[0].messages
        assert not other.deliveries[0].is_final
    assert caplog.text.count("by=relay, reply=`550 5.1.1 No'") == (len(recipients) > 1)  # the relay logs the others


def test_another_relay_may_refuse_the_sender() -> None:
    other = NextHop(answer=Reply(553, "5.1.8", "Not you"))
    with session(plugin(message=lambda mail: setattr(mail, "relay", "other")), relays={"other": other}) as client:
        assert sent(client) == Reply(553, "5.1.8", "Not you")


def test_a_relay_that_there_is_not_is_a_failure() -> None:
    with session(plugin(sender=lambda mail: setattr(mail, "relay", "none"))) as client:
        assert client.reply("MAIL FROM:<a@example.org>") == TEMPFAIL


def test_submitted_hears_of_refusals_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail(mail: Mail, reply: Reply) -> None:
        told.append(reply.code)
        sys.exit(1)

    with session(plugin(submitted=fail)) as client:
        assert sent(client, b"a\nb\r\n").refuses
        gevent.sleep(0)
        assert sent(client).code == 250
        gevent.sleep(0)
    assert told == [550, 250] or (told[1:] == [250] and told[0] >= 400)
    assert caplog.text.count("plugin test failed at submitted") == 2


def test_submitted_hears_of_a_client_that_has_gone_and_of_one_that_is_sent_away() -> None:
    told: list[int] = []
    one = plugin(
        message=lambda mail: Reply(421, "4.7.0", "Go") if mail.header.get("subject") == "b" else None,
        submitted=lambda mail, reply: told.append(reply.code),
    )
    with session(one) as client:
        assert sent(client, b"Subject: b\r\n\r\n").code == 421
        gevent.sleep(0)
        client.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>")
        client.delivery.at_send = client.sock.close
        with pytest.raises(Closed):
            client.reply(f"BDAT {len(MESSAGE)} LAST", MESSAGE)
        gevent.sleep(0)
    assert told == [421, 250]


def test_a_client_may_be_turned_away_before_the_greeting() -> None:
    told: list[Client] = []
    one = plugin(
        connected=lambda client: Reply(554, "", "Go away") if client.remote_ip == "192.0.2.10" else None,
        ended=told.append,
    )
    with session(one) as client:
        gevent.spawn(converse, client.session)
        assert client.sock.recv(100) == b"554 Go away\r\n"
        client.sock.close()
        gevent.sleep(0.05)
    assert [one.session for one in told] == [client.session.id]


@pytest.mark.parametrize(("code", "heard"), [(535, "535 5.7.8 no"), (454, "454 4.7.0 no"), (550, "454 4.3.0 *")])
def test_a_login_may_be_refused(code: int, heard: str) -> None:
    status = {535: "5.7.8", 454: "4.7.0", 550: "5.0.0"}[code]
    users: list[tuple[str, str]] = []

    def look(client: Client) -> Reply:
        users.append((client.user, client.mechanism))
        return Reply(code, status, "no")

    with connected("ssl = no\ndisable_plaintext_auth = no\npassdb {\ndriver = static\nargs = password=p\n}") as client:
        loaded = arranged([Running("test", plugin(authenticated=look))])
        client.session.service = replace(client.session.service, plugins=loaded)
        client.say("EHLO a")
        reply = client.reply("AUTH PLAIN AHUAcA==")
        assert str(reply) == heard or (heard.endswith("*") and str(reply).startswith(heard[:-1]))
        assert client.session.login is None
    assert users == [("u", "PLAIN")]


def test_a_note_is_not_undone() -> None:
    found: list[dict[str, Any]] = []

    def fail(mail: Mail) -> None:
        mail.sent_mailbox = "Elsewhere"
        mail.note[f"with {len(mail.recipients)}"] = "failed"
        raise RuntimeError

    def look(mail: Mail) -> None:
        found.append({**mail.note, "mailbox": mail.sent_mailbox})

    for moments in (["sender", "message"], ["message"]):
        failing = Running("failing", plugin(**dict.fromkeys(moments, fail)), accepts=True)
        with session(failing, plugin(message=look)) as client:
            assert sent(client).code == 250
    assert found == [
        {"with 0": "failed", "with 1": "failed", "mailbox": ""},
        {"with 1": "failed", "mailbox": ""},
    ]


@pytest.mark.parametrize(
    "address", ["a\ud800@b.example", "\udcff@b.example", "a@b.example\r\nRCPT TO:<c@d>", "x" * 300 + "@b"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(BadAddress):
        mailbox_of(address)


class Stubborn(Plugin):
    """Works on for as long as it may, and longer."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def submitted(self, mail: Mail, reply: Reply) -> None:
        gevent.sleep(60)

    def stopped(self) -> None:
        self.calls.append("stopped")
        with suppress(BaseException):
            gevent.sleep(60)
        gevent.sleep(60)


def test_a_plugin_that_does_not_end_keeps_nobody_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BACKGROUND_TIME", 0.1)
    calls = list[str]()
    plugins = arranged([Running("a", Stubborn(calls), timeout=0.1), Running("b", Stubborn(calls))])
    plugins.later("submitted", "id", None, Reply(250))
    stopping = gevent.spawn(plugins.stop)
    stopping.join(1)
    stopping.kill(timeout=2)
    assert stopping.dead
    assert calls == ["stopped", "stopped"]
