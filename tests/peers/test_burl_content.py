"""BURL from real IMAP servers: what the relay gets is, octet for octet, what the IMAP server holds (RFC 4468 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from tests.harness.imapclient import Refused as ImapRefused
from tests.harness.peer_burl import ADDED, HEADER, MESSAGE, SENT, URLFETCH, USERS, WAYS, Setup
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_mime import BINARY, TEXT, decoded_parts, eight_bit_message, encodings
from tests.harness.relayscript import KEYWORDS, begun

BIG = HEADER + b"\r\n" + (b"." + b"x" * 75 + b"\r\n") * (20_000_000 // 78)


@pytest.fixture(scope="module")
def cyrus_store() -> Iterator[Cyrus]:
    with cyrus(USERS, settings="munge8bit: no") as server:  # it would write X for each octet of 8 bits in a header
        yield server


@pytest.fixture(scope="module")
def dovecot_store() -> Iterator[DovecotImap]:
    with dovecot_imap(USERS) as server:
        yield server


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Setup]:
    name, settings = WAYS[request.param]
    store = request.getfixturevalue(f"{name}_store")
    assert isinstance(store, Cyrus | DovecotImap)
    with store.login("joe") as owner:
        yield Setup(store, settings, owner)


def test_urls_in_one_session(way: Setup) -> None:
    """URL-8, BURL-13: the whole, each kind of part and piece; with and without what is plain about it (BURL-5)."""
    body, second = MESSAGE.index(b".a preamble"), b"second\r\n.."
    pieces = {
        "": MESSAGE,
        "/;SECTION=HEADER": MESSAGE[:body],
        "/;section=text": MESSAGE[body:],
        "/;SECTION=1": b"aGVsbG8=",
        "/;SECTION=1.MIME": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "/;SECTION=2": second,
        "/;PARTIAL=0.4": b"From",
        "/;PARTIAL=20": MESSAGE[20:],
        "/;SECTION=2/;PARTIAL=1.3": b"eco",
        ";EXPIRE=2090-01-01T00:00:00Z": MESSAGE,
    }
    if way.settings == URLFETCH:
        plain = {}
    else:
        plain = {suffix: octets for suffix, octets in pieces.items() if "EXPIRE" not in suffix}
    url = way.stored()
    with way.submission() as (server, client):
        for suffix, octets in pieces.items():
            client.begin()
            assert client.burl(way.authorized(url + suffix)) == ADDED.format(len(octets)), suffix
            assert client.burl(way.authorized(url + suffix), "last") == SENT
        for suffix in plain:
            assert client.submit(url + suffix) == SENT
        whole = [octets * 2 for octets in pieces.values()] + list(plain.values())
        assert server.relayed == [begun(content) for content in whole]


def test_catenate_then_burl(way: Setup) -> None:
    """CAT-3: attachments that lie on the server already are sent without being uploaded or downloaded once more."""
    attachment = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    attachment += b"QUJD\r\n" * 50_000
    old = way.stored(
        HEADER + b"Content-Type: multipart/mixed; boundary=old\r\n\r\n--old\r\n" + attachment + b"--old--\r\n"
    )
    place = old[old.index("/INBOX") :]
    top = HEADER + b"Content-Type: multipart/mixed; boundary=new\r\n\r\n--new\r\n\r\nSee attachment.\r\n--new\r\n"
    pieces = (f"{place}/;SECTION=1.MIME", f"{place}/;SECTION=1", b"\r\n--new--\r\n")
    _, uid = made = way.owner.catenate("INBOX", top, *pieces)
    url = way.authorized(way.store.url("joe", "INBOX", *made))
    with way.submission() as (server, client):
        assert client.submit(url) == SENT
        assert server.relayed == [way.owner.fetch("INBOX", uid)] == [top + attachment + b"--new--\r\n"]


def test_bdat_and_burl_mixed(way: Setup) -> None:
    """BURL-8, TV-BRL-9: any order, either may end; BURL-9: after BURL neither DATA nor RCPT."""
    url, small = way.stored(), HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    mime, body = way.authorized(f"{url}/;SECTION=1.MIME"), way.authorized(f"{url}/;SECTION=1")
    second = way.authorized(f"{url}/;SECTION=2")
    got = [way.owner.fetch("INBOX", int(url.rpartition("=")[2]), section) for section in ("1.MIME", "1", "2")]
    with way.submission() as (server, client):
        client.begin()
        assert client.bdat(small) == f"250 2.0.0 Added {len(small)} octets"
        assert client.burl(mime) == ADDED.format(len(got[0]))
        assert client.burl(body) == ADDED.format(len(got[1]))
        assert client.bdat(b"\r\n--b\r\n\r\n")[:3] == "250"
        assert client.burl(second, "LAST") == SENT
        client.begin()
        assert client.burl(way.authorized(f"{url}/;SECTION=HEADER"))[:3] == "250"
        assert client.say("DATA")[:3] == client.say("RCPT TO:<other@example.net>")[:3] == "503"
        assert client.bdat(b"", "LAST") == SENT
        assert client.burl(body, "LAST") == client.bdat(b"", "LAST") == "503 5.5.1 MAIL needed first"
        assert server.relayed == [
            small + got[0] + got[1] + b"\r\n--b\r\n\r\n" + got[2],
            MESSAGE[: MESSAGE.index(b".a preamble")],
        ]


def test_pipelined(way: Setup) -> None:
    """BURL-12: MAIL, RCPT, BDAT, BURL and BDAT LAST in one packet."""
    url = way.authorized(f"{way.stored()}/;SECTION=TEXT")
    lines = f"MAIL FROM:<joe@example.org>\r\nRCPT TO:<rcpt@example.net>\r\nBDAT {len(HEADER) + 2}\r\n".encode()
    with way.submission() as (server, client):
        client.send(lines + HEADER + b"\r\n" + f"BURL {url}\r\nBDAT 5 LAST\r\nend\r\n".encode())
        assert [client.getreply()[0] for _ in range(5)] == [250] * 5
        assert server.relayed == [HEADER + b"\r\n" + MESSAGE[MESSAGE.index(b".a preamble") :] + b"end\r\n"]


def test_20_megabytes(way: Setup) -> None:
    url = way.authorized(way.stored(BIG))
    with way.submission() as (server, client):
        assert client.submit(url) == SENT
        is_whole = server.relayed == [BIG]  # not in the assertion: it would print all of it
        assert is_whole


@pytest.mark.parametrize("lacking", ["", "8BITMIME"])
def test_8_bit_content(way: Setup, lacking: str) -> None:
    """BURL-6: as it is, or converted for a relay without 8BITMIME, whatever MAIL said of it."""
    message = eight_bit_message("burl")
    url = way.authorized(way.stored(message))
    with way.submission([word for word in KEYWORDS if word != lacking]) as (server, client):
        for body in ("BODY=8BITMIME", ""):
            client.begin(body)
            assert client.burl(url, "LAST") == SENT
        for content in server.relayed:
            if lacking:
                assert content.isascii()
                assert "8bit" not in encodings(content)
            assert decoded_parts(content) == (TEXT, BINARY)
            assert lacking or content == message


def test_binary_with_burl(way: Setup) -> None:
    """BURL-7: octets of every kind by BDAT, an attachment by BURL, to relays with BINARYMIME and without."""
    url = way.stored()
    top = HEADER + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
    top += b"Content-Transfer-Encoding: binary\r\nContent-Type: application/x-a\r\n\r\n\0\r\xff\n\r\n--c\r\n"
    for lacking in ("", "BINARYMIME"):
        with way.submission([word for word in KEYWORDS if word != lacking]) as (server, client):
            client.begin("BODY=BINARYMIME")
            assert client.bdat(top)[:3] == "250"
            for part in ("1.MIME", "1"):
                assert client.burl(way.authorized(f"{url}/;SECTION={part}"))[:3] == "250"
            assert client.bdat(b"\r\n--c--\r\n", "LAST") == SENT
            first, second = message_from_bytes(server.relayed[0], policy=policy.default).iter_parts()
            assert (first.get_content(), second.get_content()) == (b"\0\r\xff\n", "hello")
            assert (b"binary" in server.relayed[0]) == (not lacking)


def test_bare_line_ends(way: Setup) -> None:
    """UAU-15: what a store hands out with a bare CR or LF is refused, as from a client, and nothing is relayed."""
    seen = {}
    with way.submission() as (server, client):
        for name, octets in {"LF": b"a\nb", "CR": b"a\rb"}.items():
            try:
                url = way.stored(HEADER + b"\r\n" + octets + b"\r\n")
            except ImapRefused:
                seen[name] = "not stored"
                continue
            seen[name] = client.submit(way.authorized(url))
        contents = server.relayed
    refused = "550 5.6.11 Message contains a bare CR or LF"
    if isinstance(way.store, Cyrus):
        assert (seen, contents) == ({"LF": "not stored", "CR": refused}, [])
    else:  # Dovecot makes CRLF of a bare LF, and leaves a bare CR
        assert (seen, contents) == ({"LF": SENT, "CR": refused}, [HEADER + b"\r\na\r\nb\r\n"])
