"""Whatever an IMAP server says: BURL ends in octets or a reply, and no more octets come than may."""

from __future__ import annotations

import imaplib
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gsubmit.auth.state.local import LocalState
from gsubmit.burl.access import Submitter
from gsubmit.burl.fetcher import Fetcher
from gsubmit.burl.resolver import Resolver
from gsubmit.net.imappool import Pool
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.smtp.reply import Refused
from tests.unit.burl.imapserver import Kept

PLAIN = "imap://user@127.0.0.1/INBOX;UIDVALIDITY=7/;UID=1"
TOKEN = f"{PLAIN};URLAUTH=submit+user:INTERNAL:{32 * '0'}"
ROOM = 40
OPENED = [
    b"* OK hi",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR",
    b"T0 OK x",
    b"T1 OK x",
    b"* CAPABILITY x",
    b"T2 OK x",
]
LINES = [
    *(b"T%d OK x" % number for number in range(3, 6)),
    *(
        b"T3 NO x",
        b"T3 BAD x",
        b"T4 NO [X] y",
        b"* OK [UIDVALIDITY 7] x",
        b"* BYE",
        b"+ ",
        b"* 1 EXISTS",
        b"* CAPABILITY",
    ),
    *(b'* URLFETCH "%b" ' % TOKEN.encode(), b"* URLFETCH ", TOKEN.encode(), b"NIL", b'"abc"', b'"a\\"', b' "', b")"),
    *(b"* 1 FETCH (UID 1 BODY[] ", b"* 1 FETCH (BODY[] ", b" UID 1)", b" UID 2)", b"BODY[", b"BODY[]<0> "),
    *(b'* GENURLAUTH "%b"' % TOKEN.encode(), b"* GENURLAUTH ", b"{3}", b"~{0}", b"{41}", b"{9999999999}", b"{-1}"),
    *(b"abc", b"\xff", b"\0", b"", b"* ", b"[", b"]", b"* OK [", b"{%b}" % (b"9" * 5000), b"x" * 9000),
]
SPEECH = st.lists(
    st.tuples(st.one_of(st.sampled_from(LINES), st.binary(max_size=20)), st.sampled_from([b"\r\n", b"", b"\n"])),
    max_size=12,
).map(lambda pieces: b"".join(piece + end for piece, end in pieces))


@pytest.fixture(autouse=True)
def known_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """imaplib's tags begin with random letters, which nobody could have said before it."""
    monkeypatch.setattr(imaplib, "Int2AP", lambda _: b"T")


class Spoken:
    """Stands for the network: each connection hears the same, to its end."""

    def __init__(self, speech: bytes) -> None:
        self._speech = speech
        self._peers: list[socket.socket] = []

    def create_connection(self, *_: Any) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(self._speech)
        theirs.shutdown(socket.SHUT_WR)
        self._peers.append(theirs)
        return ours

    def close(self) -> None:
        for peer in self._peers:
            peer.close()


@pytest.mark.parametrize("way", ["urlfetch", "owner"])
@pytest.mark.parametrize("is_logged_in", [True, False])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(speech=b'* URLFETCH "%b" {3}\r\nabc\r\nT3 OK x\r\n' % TOKEN.encode(), is_plain=False)
@given(speech=SPEECH, is_plain=st.booleans())
def test_any_speech(way: str, is_logged_in: bool, speech: bytes, is_plain: bool) -> None:
    """BURL-23."""
    server = ImapServerSettings(host="127.0.0.1", method=way, submit_password="x", master_user="m", master_password="x")
    beginning = b"".join(line + b"\r\n" for line in OPENED) if is_logged_in else b""
    spoken = Spoken(beginning + speech)
    pool = Pool(Fetcher, server, None, 5.0, 1)
    sink = Kept(ROOM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", spoken.create_connection)
        try:
            url = PLAIN if is_plain and way == "owner" else TOKEN
            size = Resolver([pool], ["submit"], 5.0, LocalState()).fetch(
                url, Submitter("user", "user".__eq__), sink, ""
            )
            assert size == len(sink.octets)
        except Refused:
            pass
        finally:
            pool.close()
            spoken.close()
    assert len(sink.octets) <= ROOM
    assert pool.busy == 0
