"""Whatever a client sends in whatever state: no internal error, the server serves on, and content is never commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness import crashes
from tests.harness.client import Client
from tests.harness.fakerelay import FakeRelay
from tests.harness.serving import Serving, serving
from tests.property.splits import cut, cuts

GREETED = b"EHLO client.example.org\r\n"
LOGGED_IN = GREETED + b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"
MAIL = LOGGED_IN + b"MAIL FROM:<a@example.org>\r\n"
RCPT = MAIL + b"RCPT TO:<b@example.net>\r\n"
STATES = {
    "connected": b"",
    "greeted": GREETED,
    "within-auth": GREETED + b"AUTH LOGIN\r\n",
    "logged-in": LOGGED_IN,
    "after-mail": MAIL,
    "after-rcpt": RCPT,
    "within-data": RCPT + b"DATA\r\n",
    "between-chunks": RCPT + b"BDAT 3\r\nabc",
    "within-a-chunk": RCPT + b"BDAT 40 LAST\r\nabc",
    "spoiled": RCPT + b"BDAT 3 FOO\r\nabc",
}
WORDS = [
    b"EHLO x", b"HELO x", b"EHLO", b"AUTH PLAIN", b"AUTH PLAIN =", b"AUTH LOGIN dXNlcg==", b"AUTH PLAIN AHVzZXIAc2VjcmV0",
    b"AHVzZXIAc2VjcmV0", b"*", b"MAIL FROM:<a@example.org>", b"MAIL FROM:<>", b"MAIL FROM:<\xc3\xa9@x>", b"RCPT TO:<b@example.net>",
    b"RCPT TO:<bad@example.net>", b" SIZE=10", b" BODY=BINARYMIME", b" SMTPUTF8", b" NOTIFY=NEVER", b" ENVID=a+20b", b"DATA",
    b"BDAT 0", b"BDAT 0 LAST", b"BDAT 5 LAST\r\nabcde", b"BDAT 7\r\nQUIT\r\nx", b"BDAT 3 FOO\r\nabc", b"BDAT -1", b"BDAT 99999999999999999999",
    b"RSET", b"NOOP", b"NOOP x", b"VRFY x", b"VRFY \xff", b"HELP", b"EXPN x", b"FOO", b"XCLIENT", b"XCLIENT ADDR=192.0.2.1",
    b"XCLIENT SESSION=x HELO=x.example", b".", b"\r\n.\r\n", b"\n.\n", b"\0", b"\xff", b" ", b"<", b">",
]  # fmt: skip
LINES = st.lists(st.sampled_from([*WORDS, *[b"\r\n"] * len(WORDS)]), max_size=20).map(b"".join)
NOISE = st.one_of(
    LINES, st.binary(max_size=200), st.lists(st.one_of(LINES, st.binary(max_size=9)), max_size=6).map(b"".join)
)
COMMAND_LINES = st.lists(
    st.sampled_from(
        [word for word in WORDS if not re.search(rb"[\r\n\0]", word)] + [b"", b"..", b".x", b"STARTTLS", b"QUIT"]
    ),
    min_size=1,
    max_size=12,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Place:
    """A server and its relay, used by all examples of the module."""

    served: Serving
    relay: FakeRelay

    def talk(self, blocks: list[bytes]) -> bytes:
        """Send blocks, then no more; everything that was answered until the server closed."""
        client = Client(self.served.port, "127.0.0.1")
        try:
            for block in blocks:
                client.send(block)
            client.send_no_more()
            return client.rest()
        finally:
            client.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    relay = FakeRelay()
    relay.start()
    with crashes.noted() as crashed:
        with serving("login_trusted_networks = 127.0.0.1", relay.port) as served:
            yield Place(served, relay)
        assert not crashed
        assert "internal error" not in served.log_text.lower()
    relay.stop()


def submit(place: Place, ending: list[bytes]) -> bytes:
    """A good session; the content and what follows come in the blocks of `ending`, after 354 was seen."""
    client = Client(place.served.port, "127.0.0.1")
    try:
        client.send(RCPT + b"DATA\r\n")
        while client.reply()[0][:3] != b"354":
            pass
        for block in ending:
            client.send(block)
        client.send_no_more()
        return client.rest()
    finally:
        client.close()


@pytest.mark.parametrize("state", STATES)
@SETTINGS
@given(noise=NOISE, places=cuts())
def test_no_input_is_an_internal_error(place: Place, state: str, noise: bytes, places: list[float]) -> None:
    log_before = len(place.served.log_text)
    relayed_before = len(place.relay.mails)
    place.talk([STATES[state], *cut(noise, places)])
    log = place.served.log_text[log_before:]
    assert "internal error" not in log.lower()
    assert "Traceback" not in log
    assert not place.relay.faults
    for mail in place.relay.mails[relayed_before:]:
        assert mail.sender.startswith("MAIL FROM:")


def test_after_all_that_the_server_serves(place: Place) -> None:
    before = len(place.relay.mails)
    assert submit(place, [b"Subject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n"]).startswith(b"250 2.0.0 Queued\r\n221 2.0.0 ")
    assert place.relay.mails[before].content.endswith(b"Subject: x\r\n\r\ntext\r\n")


@SETTINGS
@given(content=COMMAND_LINES, places=cuts())
def test_content_of_data_is_never_run(place: Place, content: bytes, places: list[float]) -> None:
    before = len(place.relay.mails)
    doubled = b"".join(b"." + line if line.startswith(b".") else line for line in content.splitlines(keepends=True))
    answers = submit(place, cut(doubled + b".\r\nNOOP\r\n", places))
    assert answers == b"250 2.0.0 Queued\r\n250 2.0.0 OK\r\n"
    assert [mail.content.endswith(content) for mail in place.relay.mails[before:]] == [True]


@SETTINGS
@given(content=COMMAND_LINES, places=cuts(), splits=cuts())
def test_content_of_chunks_is_never_run(place: Place, content: bytes, places: list[float], splits: list[float]) -> None:
    before = len(place.relay.mails)
    chunks = cut(content, places)
    wire = b"".join(b"BDAT %d\r\n" % len(chunk) + chunk for chunk in chunks)
    answers = place.talk([RCPT, *cut(wire + b"BDAT 0 LAST\r\nQUIT\r\n", splits)])
    codes = re.findall(rb"(?m)^(\d{3}) ", answers)
    assert codes == [b"220", b"250", b"235", b"250", b"250", *[b"250"] * len(chunks), b"250", b"221"]
    assert [mail.content.endswith(content) for mail in place.relay.mails[before:]] == [True]


@SETTINGS
@given(content=COMMAND_LINES, places=cuts())
def test_refused_chunks_are_never_run(place: Place, content: bytes, places: list[float]) -> None:
    before = len(place.relay.mails)
    wire = b"BDAT %d LAST\r\n" % len(content) + content
    answers = place.talk([LOGGED_IN, *cut(wire * 3 + b"NOOP\r\nQUIT\r\n", places)])
    codes = re.findall(rb"(?m)^(\d{3}) ", answers)
    assert codes == [b"220", b"250", b"235", b"503", b"503", b"503", b"250", b"221"]
    assert len(place.relay.mails) == before
