"""What a front end says by XCLIENT, read: every attribute, right and wrong."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest

from gsubmit.dial.xclient import ClientFacts, xclient_lines
from gsubmit.smtp.reply import Refused
from gsubmit.smtp.xclient import ATTRIBUTES, MAX_FORWARD, Told, read_xclient


def forward(*fields: str) -> str:
    return "FORWARD=" + b64encode("\t".join(fields).encode()).decode()


TV_XCL_1 = "PROTO=ESMTP HELO=client.example LOGIN=user+2Btag PORT=56324 ADDR=192.0.2.10"
GOOD = {
    "TV-XCL-1": (
        TV_XCL_1,
        Told(proto="ESMTP", helo="client.example", login="user+tag", port=56324, addr="192.0.2.10"),
    ),
    "TV-XCL-2": ("ADDR=IPV6:2001:db8::10", Told(addr="2001:db8::10")),
    "TV-XCL-2 lower case": ("ADDR=ipv6:2001:DB8::10", Told(addr="2001:db8::10")),
    "TV-XCL-2 without tag": ("ADDR=2001:db8::10", Told(addr="2001:db8::10")),
    "XCL-3 IPv4 in IPv6": ("ADDR=IPV6:::ffff:192.0.2.10", Told(addr="192.0.2.10")),
    "TV-XCL-3 NAME": ("NAME=[UNAVAILABLE]", Told()),
    "TV-XCL-3 NAME for now": ("NAME=[TEMPUNAVAIL]", Told()),
    "TV-XCL-3 NAME in lower case": ("NAME=[tempunavail]", Told()),
    "XCL-2 names of hosts": ("NAME=client.example REVERSE_NAME=other_host.example", Told()),
    "XCL-1 names in any case": ("addr=192.0.2.10 Port=1", Told(addr="192.0.2.10", port=1)),
    "XCL-1 several blanks": ("ADDR=192.0.2.10  PORT=1", Told(addr="192.0.2.10", port=1)),
    "XCL-3 nothing is known": (
        "ADDR=[UNAVAILABLE] PORT=[unavailable] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE] SESSION=[UNAVAILABLE]"
        " DESTADDR=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] CLIENT-TRANSPORT=[UNAVAILABLE]",
        Told(),
    ),
    "XCL-3 PROTO": ("PROTO=lmtp", Told(proto="LMTP")),
    "XCL-3 a literal": ("HELO=[192.0.2.1]", Told(helo="[192.0.2.1]")),
    "3.10 a HELO that is no name": ("HELO=my_pc+20x ADDR=192.0.2.1", Told(addr="192.0.2.1")),
    "3.10 session": ("SESSION=Ab9+2B/+3D_.:@-", Told(session="Ab9+/=_.:@-")),
    "XCL-12 not encoded": ("SESSION=Ab9+/c==", Told(session="Ab9+/c==")),
    "XCL-12 a login": ("LOGIN=a=b", Told(login="a=b")),
    "XCL-5 255 octets": (f"LOGIN={'x' * 255}", Told(login="x" * 255)),
    "XCL-3 LOGIN in UTF-8": ("LOGIN=j+C3+BCrgen", Told(login="j\u00fcrgen")),
    "3.10 TTL": ("TTL=3 TIMEOUT=30", Told(ttl=3)),
    "3.10 transport": ("CLIENT-TRANSPORT=tls", Told(transport="TLS")),
    "3.10 no transport": ("CLIENT-TRANSPORT=insecure", Told(transport="insecure")),
    "3.10 a transport of the future": ("CLIENT-TRANSPORT=pigeon", Told(transport="insecure")),
    "3.10 destination": (
        "DESTNAME=mail.example DESTADDR=IPV6:2001:db8::25 DESTPORT=587",
        Told(destname="mail.example", destaddr="2001:db8::25", destport=587),
    ),
    "3.10 forward": (forward("a=1", "b=x y=z", "c"), Told(forward={"a": "1", "b": "x y=z", "c": "yes"})),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    argument, expected = GOOD[name]
    assert read_xclient(argument) == expected


BAD = {
    "TV-XCL-3 brackets": ("ADDR=[192.0.2.10]", "Invalid ADDR parameter"),
    "TV-XCL-3 port": ("PORT=99999999", "Invalid PORT parameter"),
    "TV-XCL-3 unknown": ("FOO=x", "Invalid parameter: FOO is not supported"),
    "TV-XCL-3 no value": ("LOGIN=", "Invalid parameter: expected name=value"),
    "TV-XCL-3 nothing": ("", "Invalid parameter: expected name=value"),
    "a word alone": ("ADDR=192.0.2.1 PORT", "Invalid parameter: expected name=value"),
    "no name": ("=x", "Invalid parameter: expected name=value"),
    "a name of any length": (f"{'A' * 33}=x", "Invalid parameter: expected name=value"),
    "twice": ("ADDR=192.0.2.1 addr=192.0.2.2", "Invalid parameter: ADDR is there twice"),
    "leading zero": ("ADDR=192.0.2.010", "Invalid ADDR parameter"),
    "a scope": ("ADDR=IPV6:fe80::1%eth0", "Invalid ADDR parameter"),
    "IPv4 with the tag of IPv6": ("ADDR=IPV6:192.0.2.10", "Invalid ADDR parameter"),
    "no address": ("DESTADDR=mail.example", "Invalid DESTADDR parameter"),
    "port 65536": ("DESTPORT=65536", "Invalid DESTPORT parameter"),
    "a signed port": ("PORT=+2B1", "Invalid PORT parameter"),
    "protocol": ("PROTO=HTTP", "Invalid PROTO parameter"),
    "TTL": ("TTL=-1", "Invalid TTL parameter"),
    "TIMEOUT": ("TIMEOUT=soon", "Invalid TIMEOUT parameter"),
    "DESTNAME": ("DESTNAME=a+20b", "Invalid DESTNAME parameter"),
    "XCL-10 control character": ("LOGIN=a+0Db", "Invalid LOGIN parameter"),
    "XCL-10 mark that turns the direction": ("LOGIN=a+E2+80+AEb", "Invalid LOGIN parameter"),
    "XCL-10 not UTF-8": ("LOGIN=a+FF", "Invalid LOGIN parameter"),
    "XCL-10 in what is not used": ("NAME=a+0A", "Invalid NAME parameter"),
    "XCL-5 256 octets": (f"LOGIN={'x' * 256}", "Invalid LOGIN parameter"),
    "session of odd characters": ("SESSION=a+3Eb", "Invalid SESSION parameter"),
    "session too long": (f"SESSION={'x' * 129}", "Invalid SESSION parameter"),
    "forward no base64": ("FORWARD=!", "Invalid FORWARD parameter"),
    "forward no text": ("FORWARD=" + b64encode(b"a=\xff").decode(), "Invalid FORWARD parameter"),
    "forward without a key": (forward("=x"), "Invalid FORWARD parameter"),
    "forward nothing between": (forward("a=1", "", "b=2"), "Invalid FORWARD parameter"),
    "forward key of two words": (forward("a:remove=x"), "Invalid FORWARD parameter"),
    "forward long key": (forward(f"{'k' * 65}=x"), "Invalid FORWARD parameter"),
    "forward line end": (forward("a=x\ny"), "Invalid FORWARD parameter"),
    "forward too many": (forward(*(f"k{n}=x" for n in range(MAX_FORWARD + 1))), "Invalid FORWARD parameter"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    """XCL-6."""
    argument, text = BAD[name]
    with pytest.raises(Refused) as refused:
        read_xclient(argument)
    assert str(refused.value.reply) == f"501 5.5.4 {text}"


def test_what_we_say_ourselves_is_understood() -> None:
    """XCL-2: each end of a chain of ours, with all that dial/xclient.py can say."""
    facts = ClientFacts(
        *("2001:db8::10", 56324, "ESMTP", "client.example", "j\u00fcrgen@example.org", "Ab+/=", "[UNAVAILABLE]"),
        *("mail.example", "198.51.100.25", 587, True, 6, 30, {"tenant": "7", "a": "b=c"}),
    )
    told: dict[str, object] = {}
    for line in xclient_lines(facts, ATTRIBUTES):
        said = read_xclient(line.decode().strip().partition(" ")[2])
        told |= {name: getattr(said, name) for name in Told.__slots__ if getattr(said, name) is not None}
    assert Told(**told) == Told(  # type: ignore[arg-type]
        "2001:db8::10", 56324, "ESMTP", "client.example", "j\u00fcrgen@example.org", "Ab+/=", "TLS", 6,
        "mail.example", "198.51.100.25", 587, {"tenant": "7", "a": "b=c"},
    )  # fmt: skip


def test_every_attribute_has_a_name_that_postfix_and_dovecot_know() -> None:
    assert " ".join(ATTRIBUTES) == (
        "ADDR PORT PROTO HELO LOGIN SESSION CLIENT-TRANSPORT TTL TIMEOUT DESTNAME DESTADDR DESTPORT FORWARD"
    )
    assert all(re.fullmatch("[A-Z-]+", name) for name in ATTRIBUTES)
