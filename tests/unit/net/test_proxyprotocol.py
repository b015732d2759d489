"""PROXY headers: those of the rules (TV-PPX), in pieces of every size, and every way to be wrong."""

from __future__ import annotations

import socket
import struct

import gevent
import pytest

from gsubmit.net.proxyprotocol import MAX_V1, MAX_V2, SIGNATURE, NotProxied, Place, Proxied, crc32c, read_header

CLIENT, SERVER = Place("192.0.2.10", 56324), Place("198.51.100.25", 587)
CLIENT6, SERVER6 = Place("2001:db8::10", 56324), Place("2001:db8::25", 465)
ADDRESSES = bytes.fromhex("c000020a c6336419 dc04 024b")
ADDRESSES6 = bytes.fromhex("20010db8000000000000000000000010 20010db8000000000000000000000025 dc04 01d1")


def v2(kind: int, family: int, rest: bytes = b"", size: int | None = None) -> bytes:
    return SIGNATURE + struct.pack(">BBH", kind, family, len(rest) if size is None else size) + rest


def field(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def tls(bits: int, fault: int, *fields: bytes) -> bytes:
    return field(0x20, struct.pack(">BI", bits, fault) + b"".join(fields))


VERSION, NAME = field(0x21, b"TLSv1.3"), field(0x22, "Jürgen".encode())
CHECKED = bytes.fromhex("c000020a c6336419 dc04 024b 020010") + b"mail.example.com" + bytes.fromhex("030004 c26e13fe")
GOOD = {
    "TV-PPX-1": (v2(0x21, 0x11, ADDRESSES), Proxied(CLIENT, SERVER)),
    "TV-PPX-2": (v2(0x21, 0x21, ADDRESSES6), Proxied(CLIENT6, SERVER6)),
    "TV-PPX-3": (v2(0x20, 0x00), Proxied()),
    "TV-PPX-4": (v2(0x21, 0x11, CHECKED), Proxied(CLIENT, SERVER, authority="mail.example.com")),
    "TV-PPX-5": (v2(0x21, 0x11, ADDRESSES + tls(1, 1, VERSION)), Proxied(CLIENT, SERVER, tls="TLSv1.3")),
    "PPX-7 LOCAL with anything": (v2(0x20, 0xFF, b"\x03\x00"), Proxied()),
    "PPX-7 unspecified": (v2(0x21, 0x00), Proxied()),
    "PPX-7 unspecified with a field": (v2(0x21, 0x00, field(2, b"x.example")), Proxied(authority="x.example")),
    "PPX-7 datagrams": (v2(0x21, 0x12, ADDRESSES), Proxied()),
    "PPX-7 unix": (v2(0x21, 0x31, b"/" * 216), Proxied()),
    "PPX-8 unknown fields": (v2(0x21, 0x11, ADDRESSES + field(4, b"\0\0") + field(0xEE, b"")), Proxied(CLIENT, SERVER)),
    "PPX-10 verified name": (
        v2(0x21, 0x11, ADDRESSES + tls(7, 0, VERSION, NAME)),
        Proxied(CLIENT, SERVER, "TLSv1.3", "Jürgen"),
    ),
    "PPX-10 not verified": (v2(0x21, 0x11, ADDRESSES + tls(7, 1, VERSION, NAME)), Proxied(CLIENT, SERVER, "TLSv1.3")),
    "PPX-10 no certificate": (v2(0x21, 0x11, ADDRESSES + tls(1, 0, VERSION, NAME)), Proxied(CLIENT, SERVER, "TLSv1.3")),
    "PPX-10 no version": (v2(0x21, 0x11, ADDRESSES + tls(1, 0)), Proxied(CLIENT, SERVER, "TLS")),
    "PPX-10 no TLS": (v2(0x21, 0x11, ADDRESSES + tls(0, 0, VERSION, NAME)), Proxied(CLIENT, SERVER)),
    "a name that cannot be seen": (
        v2(0x21, 0x11, ADDRESSES + tls(7, 0, VERSION, field(0x22, b"root\0.evil"))),
        Proxied(CLIENT, SERVER, "TLSv1.3"),
    ),
    "TV-PPX-6 TCP4": (b"PROXY TCP4 192.0.2.10 198.51.100.25 56324 587\r\n", Proxied(CLIENT, SERVER)),
    "TV-PPX-6 TCP6": (b"PROXY TCP6 2001:db8::10 2001:db8::25 56324 465\r\n", Proxied(CLIENT6, SERVER6)),
    "TV-PPX-6 UNKNOWN": (b"PROXY UNKNOWN\r\n", Proxied()),
    "TV-PPX-6 UNKNOWN with more": (b"PROXY UNKNOWN anything here\r\n", Proxied()),
    "PPX-3 the longest": (
        b"PROXY UNKNOWN " + b"f" * (MAX_V1 - 16) + b"\r\n",
        Proxied(),
    ),
    "TV-PPX-1 by a dual socket": (
        v2(0x21, 0x21, bytes(10) + b"\xff\xff\xc0\0\2\n" + ADDRESSES6[16:]),
        Proxied(CLIENT, Place("2001:db8::25", 465)),
    ),
    "TV-PPX-6 TCP6 by a dual socket": (
        b"PROXY TCP6 ::ffff:192.0.2.10 ::FFFF:C633:6419 56324 587\r\n",
        Proxied(CLIENT, SERVER),
    ),
    "PPX-4 the largest numbers": (
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n",
        Proxied(Place("255.255.255.255", 65535), Place("255.255.255.255", 0)),
    ),
}


def read(octets: bytes, piece: int, timeout: float = 5.0, *, ends: bool = False) -> tuple[Proxied, bytes]:
    """What read_header makes of octets that come in pieces, and what it leaves."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def send() -> None:
            for at in range(0, len(octets), piece):
                theirs.sendall(octets[at : at + piece])
                gevent.sleep(0)
            if ends:
                theirs.shutdown(socket.SHUT_WR)

        sending = gevent.spawn(send)
        try:
            found = read_header(ours, timeout)
            sending.join()
            ours.settimeout(0)
            try:
                return found, ours.recv(1000)
            except BlockingIOError:
                return found, b""
        finally:
            sending.kill()


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("name", GOOD)
def test_good(name: str, piece: int) -> None:
    """PPX-12, ERR-12: what follows the header stays where it is, also TLS."""
    header, expected = GOOD[name]
    for more in (b"", b"\r\n", b"\x16\x03\x01\x00\x05hello"):
        assert read(header + more, piece) == (expected, more)


BAD = {
    "leading zero": b"PROXY TCP4 192.0.2.010 198.51.100.25 1 2\r\n",
    "two spaces": b"PROXY TCP4  192.0.2.10 198.51.100.25 1 2\r\n",
    "another family": b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
    "the other family": b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
    "port 65536": b"PROXY TCP4 192.0.2.10 198.51.100.25 65536 2\r\n",
    "port 99999": b"PROXY TCP4 192.0.2.10 198.51.100.25 1 99999\r\n",
    "port 01": b"PROXY TCP4 192.0.2.10 198.51.100.25 01 2\r\n",
    "lower case": b"proxy TCP4 192.0.2.10 198.51.100.25 1 2\r\n",
    "too long": b"PROXY UNKNOWN " + b"f" * 200,
    "too long by one": b"PROXY UNKNOWN " + b"f" * (MAX_V1 - 15) + b"\r\n",
    "no port": b"PROXY TCP4 192.0.2.10 198.51.100.25 1\r\n",
    "a scope": b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
    "no family": b"PROXY \r\nEHLO x.example\r\n",
    "a number": b"PROXY TCP4 3221225994 198.51.100.25 1 2\r\n",
    "digits of others": "PROXY TCP4 192.0.2.10 198.51.100.25 \u0661 2\r\n".encode(),
    "no header": b"EHLO x\r\n",
    "no header, TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "version 1": v2(0x11, 0x11, ADDRESSES),
    "command 2": v2(0x22, 0x11, ADDRESSES),
    "family 4": v2(0x21, 0x41, ADDRESSES),
    "protocol 3": v2(0x21, 0x13, ADDRESSES),
    "too short": v2(0x21, 0x11, ADDRESSES[:-1]),
    "too short for IPv6": v2(0x21, 0x21, ADDRESSES),
    "too short for a path": v2(0x21, 0x31, ADDRESSES6),
    "a field beyond the header": v2(0x21, 0x11, ADDRESSES + b"\x02\x00\x10mail"),
    "half a field": v2(0x21, 0x11, ADDRESSES + b"\x02\x00"),
    "a field within TLS beyond it": v2(0x21, 0x11, ADDRESSES + tls(1, 0, b"\x21\x00\x09TLSv1.3")),
    "half of TLS": v2(0x21, 0x11, ADDRESSES + field(0x20, b"\x01\0\0\0")),
    "wrong checksum": v2(0x21, 0x11, CHECKED[:-1] + b"\xff"),
    "checksum of no size": v2(0x21, 0x11, ADDRESSES + field(3, b"")),
    "too large": v2(0x21, 0x11, b"", MAX_V2 + 1),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    """PPX-5, PPX-6, PPX-13, TV-PPX-7, TV-PPX-8, TV-PPX-9: found as soon as it can be, without waiting for more."""
    for piece in (1, 1000):
        with pytest.raises(NotProxied) as refused:
            read(BAD[name], piece)
        assert "in time" not in str(refused.value)


@pytest.mark.parametrize("name", ["TV-PPX-1", "TV-PPX-4", "TV-PPX-6 TCP6"])
def test_cut_anywhere(name: str) -> None:
    """PPX-1: nothing is done before all of it has come."""
    header = GOOD[name][0]
    for size in range(len(header)):
        with pytest.raises(NotProxied, match="closed before"):
            read(header[:size], 1000, ends=True)
    with pytest.raises(NotProxied, match="in time"):
        read(header[:-1], 1000, timeout=0.05)


def test_one_deadline_for_all() -> None:
    """However slowly the octets drip."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def drip() -> None:
            for octet in GOOD["TV-PPX-2"][0]:
                theirs.sendall(bytes([octet]))
                gevent.sleep(0.02)

        dripping = gevent.spawn(drip)
        with pytest.raises(NotProxied, match="in time"):
            read_header(ours, 0.2)
        dripping.kill()


def test_a_lone_lf_is_no_end() -> None:
    """PPX-3."""
    with pytest.raises(NotProxied):
        read(b"PROXY TCP4 192.0.2.10 198.51.100.25 1 2\n" + b"EHLO x.example\r\n" * 9, 1000)


def test_checksum() -> None:
    """PPX-9, TV-PPX-10."""
    assert crc32c(b"123456789") == 0xE3069283
