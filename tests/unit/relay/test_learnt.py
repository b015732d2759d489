"""What we add of our own is refused: tried without, remembered, and said once (RFC 4954 5, AUT-21, SIZ-7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gsubmit.relay import learnt
from gsubmit.relay.learnt import Learnt
from tests.harness.clock import clock_of
from tests.harness.smtpserver import Server, ehlo
from tests.unit.relay.relaying import ALICE, XCLIENT, message, relaying
from tests.unit.relay.sent import Sent

FULL = ehlo("PIPELINING", "SIZE 1000000", "AUTH PLAIN", "8BITMIME")


def refusing(*words: str, code: int = 555) -> Callable[[str], str]:
    """An answer to MAIL that refuses these parameters."""

    def answer(line: str) -> str:
        return f"{code} 5.5.4 Unsupported" if any(f" {word}=" in line for word in words) else "250 2.1.0 Yes"

    return answer


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 555])
@pytest.mark.parametrize("words", [("AUTH",), ("SIZE",), ("AUTH", "SIZE")])
@pytest.mark.parametrize("keywords", [FULL, FULL.replace("PIPELINING", "X-NOTHING")], ids=["PIPELINING", "lockstep"])
def test_a_parameter_of_our_own(
    tmp_path: Path, keywords: str, words: tuple[str, ...], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server({"EHLO": keywords, "MAIL": refusing(*words, code=code)})
    with relaying(server) as relay:
        for _ in range(3):
            sent = Sent(relay, tmp_path, "b", "c", mail="<a@example.org> SIZE=100")
            assert [reply.code for reply in (sent.sender, *sent.recipients, sent.final) if reply] == [250] * 4
        (talk,) = server.talks
        mails = [line for line in talk.lines if line.startswith("MAIL")]
        assert not any(f"{word}=" in mails[-1] for word in words)
        assert relay.pool.learnt.left_out == {f"{word}=" for word in words}  # and no other
        if "AUTH" not in words:
            assert "AUTH=" in mails[-1]
        before = len(mails)
        Sent(relay, tmp_path)
        assert len([line for line in talk.lines if line.startswith("MAIL")]) == before + 1  # it is asked no more
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == len(words)
    assert f"so: {code} 5.5.4 Unsupported" in lines[0]


def test_a_size_that_no_relay_may_know(tmp_path: Path) -> None:
    """Whoever declares it must not make the relay look as if it took no SIZE= at all."""

    def answer(line: str) -> str:
        return "501 5.5.4 Too large a number" if "SIZE=9999999" in line else "250 2.1.0 Yes"

    server = Server({"EHLO": FULL.replace("SIZE 1000000", "SIZE"), "MAIL": answer})
    with relaying(server) as relay:
        Sent(relay, tmp_path, mail="<a@example.org> SIZE=99999999999999999999")
        assert relay.pool.learnt.left_out == frozenset()


def test_a_sender_that_is_refused_whatever_we_say(tmp_path: Path) -> None:
    """The refusal is the client's, and nothing is learnt from it."""
    server = Server({"EHLO": FULL, "MAIL": "501 5.1.7 Bad sender"})
    with relaying(server) as relay:
        assert str(Sent(relay, tmp_path).sender) == "501 5.1.7 Bad sender"
        assert relay.pool.learnt.left_out == frozenset()


def test_what_was_proven_is_not_left_out(tmp_path: Path) -> None:
    """One refusal after many a yes is about that message."""

    def answer(line: str) -> str:
        odd = "odd@" in line and "AUTH=" in line
        return "501 5.5.4 Odd" if odd else "250 2.1.0 Yes"

    server = Server({"EHLO": FULL, "MAIL": answer})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path, mail="<odd@example.org>").final.code == 250
        assert relay.pool.learnt.left_out == frozenset()


def test_body_that_the_client_said_is_the_client_s(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo("8BITMIME"), "MAIL": refusing("BODY")})
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, mail="<a@example.org> BODY=8BITMIME")
        assert sent.sender is not None and sent.sender.code == 555


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_relay_that_lists_xclient_and_does_not_know_it(
    tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server({"EHLO": ehlo(XCLIENT), "XCLIENT": f"{code} 5.5.1 What?"})
    with relaying(server, trusted=True) as relay:
        for _ in range(3):
            assert message(relay, tmp_path, ALICE).code == 250
        assert [talk.verbs().count("XCLIENT") for talk in server.talks] == [1, 0]
    assert caplog.text.count("without XCLIENT") == 1


def test_discarded_keywords(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo("CHUNKING", "AUTH PLAIN", "DSN")})
    with relaying(server, discarded=frozenset({"CHUNKING", "AUTH"})) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert server.talks[0].verbs() == "EHLO MAIL RCPT DATA"
        assert "AUTH=" not in server.talks[0].lines[1]
        assert set(relay.capabilities().keywords) == {"DSN"}


def test_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay may be mended."""
    clock = clock_of(monkeypatch, "relay.learnt")
    known = Learnt()
    known.leave_out("CHUNKING", "why")
    assert known.left_out == {"CHUNKING"}
    clock.now += learnt.REMEMBERED + 1
    assert known.left_out == frozenset()
