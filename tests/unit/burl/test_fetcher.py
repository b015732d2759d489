"""What goes to the sink, and in what pieces. What servers can say is in tests/transcripts/burl."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from gsubmit.burl.fetcher import Fetcher, NotResolved, TooBig
from gsubmit.burl.url import ImapUrl
from gsubmit.net.imap import ImapFault
from gsubmit.net.stream import Stream
from tests.harness.fakeimap import MESSAGE, FakeImap
from tests.unit.burl.imapserver import SECONDS, SUBMIT, Kept, imap_server, plain_url, pool, submit_url

BIG = 1_000_000


def fetched(server: FakeImap, sink: Kept, *, by_fetch: bool = False, times: int = 1) -> Fetcher:
    """A connection that has fetched the message, and was not to be kept."""
    with pool(server) as there:
        fetcher = there.open(SUBMIT)
        try:
            for _ in range(times):
                with fetcher.begun(SECONDS):
                    if by_fetch:
                        fetcher.fetch_part(ImapUrl.parse(plain_url(server)), sink)
                    else:
                        fetcher.urlfetch(ImapUrl.parse(submit_url(server)), sink)
            assert fetcher.untagged_responses == {}, "nothing piles up on a kept connection"
        finally:
            fetcher.shutdown()
    return fetcher


@pytest.fixture(params=[False, True], ids=["urlfetch", "fetch"])
def by_fetch(request: pytest.FixtureRequest) -> Iterator[bool]:
    yield request.param


def content(what: str, by_fetch: bool) -> tuple[str, str]:
    """Lines of a script in which this stands for the content."""
    if by_fetch:
        return ("> TAG UID FETCH *", f"< * 1 FETCH (UID 1 BODY[] {what})\\r\\nTAG OK done")
    return ("> TAG URLFETCH *", f'< * URLFETCH "{{url}}" {what}\\r\\nTAG OK done')


def test_several_times(by_fetch: bool) -> None:
    with imap_server() as server:
        sink = Kept()
        assert fetched(server, sink, by_fetch=by_fetch, times=3).fetched == 3 * len(MESSAGE)
    assert sink.octets == 3 * MESSAGE


@pytest.mark.parametrize(
    ("what", "octets"),
    [
        pytest.param(r"{3}\r\nabc", b"abc", id="literal"),
        pytest.param(r"~{3}\r\na\x00b", b"a\0b", id="literal8"),
        pytest.param(r"{0}\r\n", b"", id="an empty literal"),
        pytest.param('""', b"", id="an empty string"),
        pytest.param(r'"a\\"b\\\\c) \\" {3}"', b'a"b\\c) " {3}', id="escapes"),
        pytest.param(r'"K\xc3\xa4se"', "Käse".encode(), id="8-bit"),
        pytest.param(r"{4}\r\n{3}\r", b"{3}\r", id="content like a literal"),
    ],
)
def test_content(what: str, octets: bytes, by_fetch: bool) -> None:
    with imap_server(*content(what, by_fetch)) as server:
        sink = Kept()
        fetched(server, sink, by_fetch=by_fetch)
    assert sink.octets == octets


@pytest.mark.parametrize("what", ["NIL", "nil", "{3}x", '"abc', '"a\\\\"', "abc", "()", '"a\\rb"', '"a\\\\nb"'])
def test_no_content(what: str, by_fetch: bool) -> None:
    with imap_server(*content(what, by_fetch)) as server:
        sink = Kept()
        with pytest.raises((NotResolved, ImapFault)):
            fetched(server, sink, by_fetch=by_fetch)
    assert sink.octets == b""


@pytest.mark.parametrize("what", [r"{3}\r\nabc", '"abc"'])
def test_no_room(what: str, by_fetch: bool) -> None:
    """TV-BRL-13: none of it is taken."""
    with imap_server(*content(what, by_fetch)) as server:
        sink = Kept(room=2)
        with pytest.raises(TooBig):
            fetched(server, sink, by_fetch=by_fetch)
    assert sink.octets == b""


def test_large_content_comes_in_blocks(by_fetch: bool) -> None:
    class Counting(Kept):
        largest = 0

        def take(self, content: bytes) -> None:
            self.largest = max(self.largest, len(content))
            super().take(content)

    with imap_server(*content(rf"{{{BIG}}}\r\n\{{{BIG}*x}}", by_fetch)) as server:
        sink = Counting()
        fetched(server, sink, by_fetch=by_fetch)
    assert sink.octets == b"x" * BIG
    assert sink.largest <= 128 * 1024


def test_a_sink_that_breaks(by_fetch: bool) -> None:
    class Broken(Kept):
        def take(self, content: bytes) -> None:
            raise OSError("no room")

    with imap_server() as server, pytest.raises(ImapFault):
        fetched(server, Broken(), by_fetch=by_fetch)


def test_a_message_after_a_part_of_one() -> None:
    """Where the content ends is remembered for nothing else."""
    first = ("> TAG URLFETCH *", '< * URLFETCH "{url}" "abc"\\r\\n* 1 FETCH (FLAGS ())\\r\\nTAG OK done')
    with imap_server(*first) as server:
        sink = Kept()
        fetched(server, sink, times=2)
    assert sink.octets == b"abc" + MESSAGE


def test_a_fast_server_lets_others_run(by_fetch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who never has to wait for octets would never let other sessions run."""
    ran = 0

    def others() -> None:
        nonlocal ran
        while True:
            ran += 1
            gevent.sleep(0.0001)

    def always_there(stream: Stream) -> bool:
        stream.ahead += b"x" * 65536
        return True

    class Watching(Kept):
        longest = since = seen = 0
        greenlet: gevent.Greenlet[..., None]

        def take(self, content: bytes) -> None:
            if not self.octets:
                monkeypatch.setattr(Stream, "read_ahead", always_there)
                self.greenlet = gevent.spawn(others)
            self.since = self.since + len(content) if self.seen == ran else len(content)
            end = time.perf_counter() + 0.0002  # what a block costs where the disk is slow
            while time.perf_counter() < end:
                pass
            self.seen, self.longest = ran, max(self.longest, self.since)
            super().take(content)

    with imap_server(*content(r"{20000000}\r\nabc", by_fetch)) as server:
        sink = Watching()
        with pytest.raises(ImapFault):
            fetched(server, sink, by_fetch=by_fetch)
        sink.greenlet.kill()
    assert sink.longest <= 4_000_000
