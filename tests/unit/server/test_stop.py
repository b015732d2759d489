"""A server that stops, or takes new settings, while messages are on their way to the relay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from gsubmit.app.server import Server as AppServer
from gsubmit.relay.pool import Pool
from gsubmit.relay.relay import Relay
from gsubmit.settings.load import load_text
from tests.harness.serving import Serving, configuration, serving
from tests.harness.smtpserver import DEAF, SILENT, Server, ehlo, served
from tests.unit.server.clients import ENVELOPE, LOGIN, MESSAGE, Client, client, stranger

LARGE = "Subject: x\r\n\r\n" + ("x" * 78 + "\r\n") * 100_000 + "."  # more than the sockets hold
UNKNOWN = "relay: {}: ended before the answer; whether the relay took the message is unknown"


def until(what: Callable[[], object]) -> None:
    with gevent.Timeout(10):
        while not what():
            gevent.sleep(0.01)


def pool(running: Serving) -> Pool:
    relay = running.server.service.relay
    assert isinstance(relay, Relay)
    return relay.pool


def stopped_while(server: Server, has_come: Callable[[], object], content: str) -> Serving:
    """Stop a server before `server` once something `has_come`; the client hears no more than that."""
    with served(server), serving(relay_port=server.port) as running, client(running) as sender:
        assert sender.say(*ENVELOPE, "DATA") == "354"
        sender.begin(content)
        until(has_come)
        running.server.stop(seconds=0)
        assert sender.hear() == "421"  # RFC 5321 3.8
        assert sender.hear() == ""
        assert (pool(running).idle, pool(running).busy) == ([], 0)
    assert "Traceback" not in running.log_text
    return running


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo()], ids=["CHUNKING", "DATA"])
def test_a_stop_before_the_answer_says_that_the_outcome_is_unknown(keywords: str) -> None:
    """TMO-4: the relay has all of the message, and nobody waits for what it says."""
    server = Server({"EHLO": keywords, "content": SILENT})
    running = stopped_while(server, lambda: server.mails, MESSAGE)
    assert running.log_text.count("is unknown") == 1
    assert UNKNOWN.format(f"127.0.0.1:{server.port}") in running.log_text
    assert "Error: " in next(line for line in running.log_text.splitlines() if "is unknown" in line)


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo()], ids=["CHUNKING", "DATA"])
def test_a_stop_within_the_message_says_no_such_thing(keywords: str) -> None:
    """The relay cannot have taken what has no end."""
    reading: list[str] = []

    def stop_reading(line: str) -> str:
        reading.append(line)
        return DEAF

    server = Server({"EHLO": keywords, "body": stop_reading})
    running = stopped_while(server, lambda: reading, LARGE)
    assert "is unknown" not in running.log_text


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([], id="idle"),
        pytest.param(["AUTH LOGIN"], id="within AUTH"),
        pytest.param([*LOGIN, "NOOP"], id="logged in"),
        pytest.param([*LOGIN, *ENVELOPE[:1]], id="after MAIL"),
        pytest.param([*LOGIN, *ENVELOPE], id="after RCPT"),
        pytest.param([*LOGIN, *ENVELOPE, "BDAT 3\r\nx"], id="between chunks"),
    ],
)
def test_who_waits_for_a_command_is_told_at_once(said: list[str]) -> None:
    """STA-14, RFC 5321 3.8. The stop is over with the last of them, long before the end of its time."""
    with serving("disable_plaintext_auth = no\n") as running, stranger(running) as sender:
        sender.say(*said)
        stop = gevent.spawn(running.server.stop, seconds=600)
        with gevent.Timeout(10):
            assert sender.hear() == "421"
            assert sender.hear() == ""
            stop.join()
    assert "Server shutting down" in running.log_text
    assert "Traceback" not in running.log_text


def test_half_a_line_is_no_reason_to_wait() -> None:
    with serving() as running, client(running) as sender:
        sender.begin("NOOP\r\nNO", end="")
        assert sender.hear() == "250"
        stop = gevent.spawn(running.server.stop, seconds=600)
        with gevent.Timeout(10):
            assert sender.hear() == "421"
            assert sender.hear() == ""
            stop.join()


@pytest.mark.parametrize(
    ("behaviour", "said", "begun"),
    [
        pytest.param({}, [*ENVELOPE, "DATA"], "Subject: x", id="within DATA"),
        pytest.param({}, ENVELOPE, "BDAT 100\r\nSubject: x", id="within a chunk"),
        pytest.param({"MAIL": SILENT}, [], "\r\n".join(ENVELOPE), id="before the answer to MAIL"),
        pytest.param({"RCPT": SILENT}, ENVELOPE[:1], "\r\n".join([*ENVELOPE[1:], "DATA"]), id="before that to RCPT"),
        pytest.param({"content": SILENT}, ENVELOPE, "BDAT 3 LAST\r\nx", id="before that to the message"),
    ],
)
def test_who_has_more_under_way_is_told_at_the_end(behaviour: dict[str, str], said: list[str], begun: str) -> None:
    server = Server({"EHLO": ehlo("PIPELINING", "CHUNKING"), **behaviour})
    with served(server), serving(relay_port=server.port) as running, client(running) as sender:
        sender.say(*said)
        sender.begin(begun)
        gevent.sleep(0.1)
        with gevent.Timeout(10):
            running.server.stop(seconds=0.5)
            assert sender.hear() == "421"
            assert sender.hear() == ""
    assert "Traceback" not in running.log_text


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo()], ids=["CHUNKING", "DATA"])
def test_a_message_under_way_is_finished_and_its_reply_heard(keywords: str) -> None:
    """Also where the relay has all of it and is slow to answer; then 421, whatever else the client has sent."""

    def slowly(_: str) -> str:
        gevent.sleep(0.5)
        return "250 2.0.0 ok"

    server = Server({"EHLO": keywords, "content": slowly})
    with served(server), serving(relay_port=server.port) as running, client(running) as sender:
        assert sender.say(*ENVELOPE, "DATA") == "354"
        stop = gevent.spawn(running.server.stop, seconds=60)
        gevent.sleep(0.1)
        sender.begin(MESSAGE + "\r\nNOOP\r\nNOOP")
        with gevent.Timeout(20):
            assert [sender.hear(), sender.hear(), sender.hear()] == ["250", "421", ""]
            stop.join()


def submit(sender: Client) -> None:
    assert sender.say(*ENVELOPE, "DATA") == "354"
    assert sender.say(MESSAGE) == "250"


def test_sessions_of_before_a_reload_leave_no_connections_in_the_closed_pool() -> None:
    """Nobody would ever take them again, so they get QUIT: those taken before the reload, and those dialled after it."""
    server = Server()
    with served(server), serving(relay_port=server.port) as running, client(running) as old, client(running) as idle:
        before = pool(running)
        until(lambda: before.idle)
        assert old.say(*ENVELOPE) == "250"
        running.server.reload(lambda: load_text(configuration(relay_port=server.port)[0]).settings)
        assert pool(running) is not before
        until(lambda: pool(running).idle)
        assert old.say("DATA", MESSAGE) == "250"
        submit(old)
        submit(idle)
        assert idle.say("MAIL FROM:<a@example.org>", "RSET") == "250"
        until(lambda: server.open_now == 1)
        with client(running) as new:
            submit(new)
        assert (before.idle, before.busy, len(pool(running).idle)) == ([], 0, 1)
        whole, given_up = "EHLO MAIL RCPT BDAT BDAT QUIT", "EHLO MAIL RSET QUIT"
        assert [talk.verbs() for talk in server.talks] == [whole, "EHLO MAIL RCPT BDAT BDAT", whole, whole, given_up]
    assert "Traceback" not in running.log_text


STOPPED = """
from pathlib import Path
from gsubmit.plugins import Plugin
class Stops(Plugin):
    def __init__(self, config):
        self.said = []
    def ended(self, client):
        self.said.append("ended")
    def stopped(self):
        self.said.append("stopped")
        Path(__file__ + ".said").write_text(" ".join(self.said))
"""


def retire_and_stop(server: AppServer) -> None:
    """As a worker does at a reload."""
    server.retire(0.1)
    server.stop(seconds=2)


def reload_and_stop(server: AppServer) -> None:
    """As a server without a master does, whose sessions are those of the old settings."""
    plugins = server.service.plugins
    server.reload(lambda: load_text(configuration()[0]).settings)
    assert server.service.plugins is not plugins
    server.stop(seconds=3)


@pytest.mark.parametrize("how", [lambda server: server.stop(seconds=2), retire_and_stop, reload_and_stop])
def test_plugins_hear_of_the_end_when_no_session_is_left(how: Callable[[AppServer], None], tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPPED)
    plugin = f"submission_plugins = stops\nsubmission_plugin stops {{\n  path = {tmp_path}/stops.py\n}}\n"
    with served(Server()) as relay, serving(plugin, relay.port) as running, client(running):
        how(running.server)
        assert (tmp_path / "stops.py.said").read_text() == "ended stopped"
