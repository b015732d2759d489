"""Sessions that are ended from outside: at once, or after the message that the relay may have."""

from __future__ import annotations

from base64 import b64encode
from contextlib import AbstractContextManager

import gevent
import pytest

from gsubmit.watch import kick as kicking
from gsubmit.watch.answers import BadRequest
from gsubmit.watch.kick import kick
from gsubmit.watch.lines import Object
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import DEAF, SILENT, Server, ehlo, served
from tests.unit.server.clients import ENVELOPE, LOGIN, MESSAGE, client, stranger
from tests.unit.watch.asking import until

LARGE = "Subject: x\r\n\r\n" + ("x" * 78 + "\r\n") * 100_000 + "."  # more than the sockets hold


def kicked(running: Serving, whom: str) -> list[Object]:
    return kick(running.server.door, {"filter": whom})


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(LOGIN, id="idle"),
        pytest.param([*LOGIN, *ENVELOPE[:1]], id="after MAIL"),
        pytest.param([*LOGIN, *ENVELOPE], id="after RCPT"),
        pytest.param([*LOGIN, *ENVELOPE, "BDAT 3\r\nx"], id="between chunks"),
        pytest.param([*LOGIN, *ENVELOPE, "DATA"], id="within DATA"),
    ],
)
def test_who_is_waited_for_hears_421_at_once(said: list[str]) -> None:
    """RFC 5321 3.8: 421, and the end of the connection."""
    with served(Server()) as relay, serving("", relay.port) as running, stranger(running) as somebody:
        somebody.say(*said)
        [one] = kicked(running, "user")
        assert (one["user"], one["is_later"]) == ("user", False)
        with gevent.Timeout(2):
            assert somebody.hear() == "421"
            assert somebody.hear() == ""
        until(lambda: not running.server.door.sessions)
        assert relay.mails == []
    assert "Ended by the administrator (state=" in running.log_text
    assert "Traceback" not in running.log_text


@pytest.mark.parametrize(
    "said", [pytest.param([], id="nothing said"), pytest.param(["EHLO x", "AUTH LOGIN"], id="within AUTH")]
)
def test_who_has_not_logged_in_goes_by_address(said: list[str]) -> None:
    with serving("disable_plaintext_auth = no\n") as running, stranger(running) as somebody:
        somebody.say(*said)
        assert kicked(running, "*") == []  # all users
        assert len(kicked(running, "127.0.0.0/8")) == 1
        assert somebody.hear() == "421"


def test_others_stay() -> None:
    with serving() as running, client(running) as somebody, stranger(running) as other, client(running) as third:
        ids = [session.id for session in running.server.door.sessions]
        assert [one["id"] for one in kicked(running, ids[0])] == ids[:1]
        assert somebody.hear() == "421"
        assert other.say("NOOP") == "250"
        assert third.say("NOOP") == "250"
        assert kicked(running, "nobody") == []


def test_a_session_that_goes_already_is_not_found() -> None:
    with serving() as running, client(running) as somebody:
        [session] = running.server.door.sessions
        assert len(kicked(running, "user")) == 1
        until(lambda: session.is_over)
        assert kicked(running, "user") == []
        assert somebody.hear() == "421"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_who_waits_for_the_relay_before_the_message_goes(verb: str) -> None:
    """It was not handed over, so the client may send it again."""
    server = Server({"EHLO": ehlo("PIPELINING"), verb: SILENT})
    with served(server) as relay, serving("", relay.port) as running, client(running) as somebody:
        if verb == "DATA":
            assert somebody.say(*ENVELOPE, "DATA") == "354"
            somebody.begin(MESSAGE)
        else:
            somebody.begin("\r\n".join(ENVELOPE))
        until(lambda: f"{verb} " in f"{relay.talks[-1].lines} ".replace("'", " "))
        assert [one["is_later"] for one in kicked(running, "user")] == [False]
        codes = [somebody.hear() for _ in range(3)]
        assert "421" in codes
        assert "" in codes
    assert "is unknown" not in running.log_text


def test_within_the_way_to_the_relay_it_is_not_handed_over_yet() -> None:
    reading: list[str] = []

    def stop_reading(line: str) -> str:
        reading.append(line)
        return DEAF

    server = Server({"EHLO": ehlo("PIPELINING", "CHUNKING"), "body": stop_reading})
    with served(server) as relay, serving("", relay.port) as running, client(running) as somebody:
        assert somebody.say(*ENVELOPE, "DATA") == "354"
        somebody.begin(LARGE)
        until(lambda: reading)
        assert [one["is_later"] for one in kicked(running, "user")] == [False]
        assert somebody.hear() == "421"
    assert "is unknown" not in running.log_text


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo()], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize("verdict", ["250 2.0.0 ok", "554 5.6.0 no"])
def test_a_message_that_the_relay_has_is_answered_first(keywords: str, verdict: str) -> None:
    """TMO-4: else it would come a second time. What the client has sent behind it is not carried out."""

    def slowly(_: str) -> str:
        gevent.sleep(0.5)
        return verdict

    server = Server({"EHLO": keywords, "content": slowly})
    with served(server) as relay, serving("", relay.port) as running, client(running) as somebody:
        assert somebody.say(*ENVELOPE, "DATA") == "354"
        somebody.begin(MESSAGE)
        until(lambda: relay.mails)
        [one] = kicked(running, "user")
        assert (one["state"], one["is_later"]) == ("relay", True)
        assert [somebody.hear() for _ in range(3)] == [verdict[:3], "421", ""]
        assert len(relay.mails) == 1
    assert "is unknown" not in running.log_text
    assert "Traceback" not in running.log_text


@pytest.mark.parametrize("heard", [0, 1, 2, 3, 50, 101])
def test_of_a_client_that_never_waits_each_message_that_was_taken_is_answered(heard: int) -> None:
    with served(Server()) as relay, serving("", relay.port) as running, client(running) as somebody:
        one_more = "\r\n".join([*ENVELOPE, "BDAT 3 LAST\r\nx\r\n"])
        somebody.begin(one_more * 2000, end="")
        for _ in range(heard):
            assert somebody.hear() == "250"
        kicked(running, "user")
        codes = []
        while code := somebody.hear():
            codes.append(code)
        assert codes.pop() == "421"
        assert set(codes) <= {"250"}
        taken = (heard + len(codes)) // 3
        until(lambda: not running.server.door.sessions)
        assert len(relay.mails) == taken < 2000  # each that was taken is known to be
    assert "is unknown" not in running.log_text


def test_a_client_that_takes_no_reply_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kicking, "SENDING_TIME", 0.2)
    with serving() as running, client(running) as somebody:
        [session] = running.server.door.sessions
        with gevent.Timeout(20):
            while not session.wire.is_sending:
                somebody.begin("HELP\r\n" * 1000, end="")
                gevent.sleep(0.01)
        assert [one["is_later"] for one in kicked(running, "user")] == [True]
        until(lambda: not running.server.door.sessions)


AUTH = f"AUTH PLAIN {b64encode(bytes([0]) + b'al' + bytes([0]) + b'secret').decode()}"


def passing_on(backend: Server) -> AbstractContextManager[Serving]:
    fields = f"nopassword=y proxy=y host=127.0.0.1 port={backend.port}"
    return serving(f"passdb {{\n driver = static\n args = {fields}\n}}\n")


def test_a_session_that_is_passed_on_goes_between_two_commands() -> None:
    def slowly(_: str) -> str:
        gevent.sleep(0.3)
        return "250 2.0.0 ok"

    server = Server({"EHLO": ehlo("AUTH PLAIN"), "NOOP": slowly})
    with served(server) as backend, passing_on(backend) as running, stranger(running) as somebody:
        assert somebody.say("EHLO x", AUTH) == "235"
        somebody.begin("NOOP")
        until(lambda: "NOOP" in backend.talks[-1].lines)
        [one] = kicked(running, "al")
        assert (one["state"], one["is_later"]) == ("proxied", True)
        assert [somebody.hear() for _ in range(3)] == ["250", "421", ""]
        until(lambda: backend.talks[-1].lines[-1] == "QUIT")


def test_a_backend_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kicking, "BACKEND_TIME", 0.2)
    server = Server({"EHLO": ehlo("AUTH PLAIN"), "NOOP": SILENT})
    with served(server) as backend, passing_on(backend) as running, stranger(running) as somebody:
        assert somebody.say("EHLO x", AUTH) == "235"
        somebody.begin("NOOP")
        until(lambda: "NOOP" in backend.talks[-1].lines)
        kicked(running, "al")
        assert somebody.hear() == ""  # nobody knows whether 421 would be taken for the answer


@pytest.mark.parametrize("request_", [{}, {"filter": ""}, {"filter": None}, {"filter": ["user"]}])
def test_nobody_is_no_filter(request_: Object) -> None:
    with serving() as running, client(running) as somebody:
        with pytest.raises(BadRequest):
            kick(running.server.door, request_)
        assert somebody.say("NOOP") == "250"
