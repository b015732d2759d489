"""What a trusting relay is told of the client, and in which lines (XCL-1 to XCL-9)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.dial.xclient import MAX_LINE, MAX_VALUE, UNAVAILABLE, ClientFacts, xclient_lines
from gsubmit.smtp import xtext

POSTFIX = ["NAME", "ADDR", "PROTO", "HELO", "REVERSE_NAME", "PORT", "LOGIN", "DESTADDR", "DESTPORT"]
DOVECOT = [
    "ADDR",
    "PORT",
    "PROTO",
    "HELO",
    "LOGIN",
    "SESSION",
    "CLIENT-TRANSPORT",
    "TTL",
    "TIMEOUT",
    "DESTNAME",
    "DESTADDR",
    "DESTPORT",
    "FORWARD",
]
EVERYTHING = sorted({*POSTFIX, *DOVECOT})
TOGETHER = ("PROTO", "HELO", "LOGIN", "PORT", "ADDR")

FACTS = ClientFacts(
    addr="192.0.2.10",
    port=56324,
    helo="client.example",
    login="user+tag",
    session="abc123",
    destaddr="192.0.2.1",
    destport=587,
)


def said(facts: ClientFacts, offered: list[str] = EVERYTHING) -> dict[str, str]:
    """The attributes of all lines, decoded."""
    pairs = [pair for line in xclient_lines(facts, offered) for pair in line.decode().split()[1:]]
    values = dict(pair.split("=") for pair in pairs)
    assert len(values) == len(pairs)
    return {name: xtext.decode(value) for name, value in values.items()}


def test_one_line() -> None:
    """TV-XCL-1."""
    offered = ["PROTO", "HELO", "LOGIN", "PORT", "ADDR"]
    assert xclient_lines(FACTS, offered) == [
        b"XCLIENT PROTO=ESMTP HELO=client.example LOGIN=user+2Btag PORT=56324 ADDR=192.0.2.10\r\n"
    ]


def test_postfix() -> None:
    """NAME and REVERSE_NAME are left out as long as nobody knows them."""
    assert xclient_lines(FACTS, POSTFIX) == [
        b"XCLIENT DESTADDR=192.0.2.1 DESTPORT=587"
        b" PROTO=ESMTP HELO=client.example LOGIN=user+2Btag PORT=56324 ADDR=192.0.2.10\r\n"
    ]


def test_dovecot() -> None:
    facts = replace(FACTS, ttl=6, timeout=300, destname="msa.example.org", tls=True)
    assert xclient_lines(facts, DOVECOT) == [
        b"XCLIENT TTL=6 TIMEOUT=300 DESTNAME=msa.example.org DESTADDR=192.0.2.1 DESTPORT=587"
        b" CLIENT-TRANSPORT=TLS SESSION=abc123"
        b" PROTO=ESMTP HELO=client.example LOGIN=user+2Btag PORT=56324 ADDR=192.0.2.10\r\n"
    ]


@pytest.mark.parametrize(
    ("offered", "lines"),
    [
        pytest.param(["NAME", "ADDR"], [b"XCLIENT ADDR=192.0.2.10\r\n"], id="TV-XCL-5 never LOGIN"),
        pytest.param(["addr", "Login"], [b"XCLIENT LOGIN=user+2Btag ADDR=192.0.2.10\r\n"], id="case does not matter"),
        pytest.param([], [], id="nothing listed"),
        pytest.param(["NAME", "REVERSE_NAME", "FORWARD", "X"], [], id="nothing that we know"),
    ],
)
def test_only_what_is_listed(offered: list[str], lines: list[bytes]) -> None:
    assert xclient_lines(FACTS, offered) == lines


@pytest.mark.parametrize(
    ("facts", "attribute", "value"),
    [
        pytest.param(replace(FACTS, addr="2001:db8::10"), "ADDR", "IPV6:2001:db8::10", id="TV-XCL-2"),
        pytest.param(replace(FACTS, destaddr="2001:DB8:0::1"), "DESTADDR", "IPV6:2001:db8::1", id="IPv6 DESTADDR"),
        pytest.param(replace(FACTS, addr="fe80::1%eth0"), "ADDR", "IPV6:fe80::1", id="zone"),
        pytest.param(replace(FACTS, addr="::ffff:192.0.2.7"), "ADDR", "192.0.2.7", id="IPv4 on a dual socket"),
        pytest.param(replace(FACTS, addr=""), "ADDR", UNAVAILABLE, id="address unknown"),
        pytest.param(replace(FACTS, addr="/run/client"), "ADDR", UNAVAILABLE, id="no IP address"),
        pytest.param(replace(FACTS, port=0), "PORT", UNAVAILABLE, id="port unknown"),
        pytest.param(replace(FACTS, port=99999999), "PORT", UNAVAILABLE, id="TV-XCL-3 port"),
        pytest.param(replace(FACTS, destport=0), "DESTPORT", UNAVAILABLE, id="DESTPORT unknown"),
        pytest.param(replace(FACTS, login=""), "LOGIN", UNAVAILABLE, id="TV-XCL-3 not logged in"),
        pytest.param(replace(FACTS, login="jürgen b"), "LOGIN", "j\xc3\xbcrgen b", id="login in UTF-8"),
        pytest.param(replace(FACTS, login="u\r\nX"), "LOGIN", UNAVAILABLE, id="CMD-24 login"),
        pytest.param(replace(FACTS, login="u\x85"), "LOGIN", UNAVAILABLE, id="C1 in the login"),
        pytest.param(replace(FACTS, login="u\ud800"), "LOGIN", UNAVAILABLE, id="login that is no text"),
        pytest.param(replace(FACTS, login="u" * 255), "LOGIN", "u" * 255, id="XCL-5 longest login"),
        pytest.param(replace(FACTS, login="u" * 256), "LOGIN", UNAVAILABLE, id="XCL-5 longer login"),
        pytest.param(replace(FACTS, login="+" * 86), "LOGIN", UNAVAILABLE, id="XCL-5 longer when encoded"),
        pytest.param(replace(FACTS, helo=""), "HELO", UNAVAILABLE, id="no HELO"),
        pytest.param(replace(FACTS, helo="[192.0.2.10]"), "HELO", "[192.0.2.10]", id="HELO literal"),
        pytest.param(replace(FACTS, helo="my pc"), "HELO", UNAVAILABLE, id="HELO is no name"),
        pytest.param(replace(FACTS, proto="SMTP"), "PROTO", "SMTP", id="SMTP"),
        pytest.param(FACTS, "CLIENT-TRANSPORT", "insecure", id="no TLS"),
        pytest.param(replace(FACTS, name="host.example"), "NAME", "host.example", id="NAME known"),
        pytest.param(replace(FACTS, name=UNAVAILABLE), "REVERSE_NAME", UNAVAILABLE, id="no REVERSE_NAME"),
        pytest.param(replace(FACTS, ttl=0), "TTL", "0", id="TTL 0"),
    ],
)
def test_value(facts: ClientFacts, attribute: str, value: str) -> None:
    assert said(facts)[attribute] == value


@pytest.mark.parametrize(
    ("facts", "attribute"),
    [
        pytest.param(FACTS, "NAME", id="NAME"),
        pytest.param(FACTS, "REVERSE_NAME", id="REVERSE_NAME"),
        pytest.param(FACTS, "TTL", id="TTL"),
        pytest.param(FACTS, "TIMEOUT", id="TIMEOUT"),
        pytest.param(FACTS, "DESTNAME", id="DESTNAME"),
        pytest.param(replace(FACTS, session=""), "SESSION", id="SESSION"),
        pytest.param(replace(FACTS, session="s" * 256), "SESSION", id="XCL-5 SESSION"),
        pytest.param(replace(FACTS, proto="LMTP"), "PROTO", id="PROTO"),
        pytest.param(replace(FACTS, timeout=-1), "TIMEOUT", id="negative TIMEOUT"),
    ],
)
def test_left_out(facts: ClientFacts, attribute: str) -> None:
    assert attribute not in said(facts)


def test_long_values_go_first() -> None:
    """XCL-8, XCL-9."""
    facts = replace(FACTS, helo="h" * 200, login="u" * 200, session="s" * 60, destname="d" * 200)
    lines = [line.decode() for line in xclient_lines(facts, DOVECOT)]
    assert [[pair.split("=")[0] for pair in line.split()[1:]] for line in lines] == [
        ["DESTNAME", "DESTADDR", "DESTPORT", "CLIENT-TRANSPORT", "SESSION"],
        ["PROTO", "HELO", "LOGIN", "PORT", "ADDR"],
    ]


def test_login_is_more_than_helo() -> None:
    """Two values of full length do not fit one line: the login is the one that counts."""
    facts = replace(FACTS, addr="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", helo="h" * MAX_VALUE, login="u" * MAX_VALUE)
    last = xclient_lines(facts, EVERYTHING)[-1].decode().split()[1:]
    assert f"LOGIN={'u' * MAX_VALUE}" in last
    assert f"HELO={UNAVAILABLE}" in last


texts = st.text(max_size=300)
numbers = st.integers(-1, 70000)
addresses = st.one_of(texts, st.ip_addresses().map(str))


@given(
    st.builds(
        ClientFacts,
        addr=addresses,
        port=numbers,
        proto=st.one_of(st.sampled_from(["SMTP", "ESMTP"]), texts),
        helo=st.one_of(texts, st.integers(0, 300).map(lambda length: "h" * length)),
        login=texts,
        session=texts,
        name=texts,
        destname=texts,
        destaddr=addresses,
        destport=numbers,
        tls=st.booleans(),
        ttl=st.none() | numbers,
        timeout=st.none() | numbers,
    ),
    st.lists(st.sampled_from(EVERYTHING), unique=True),
)
def test_lines_that_every_relay_can_read(facts: ClientFacts, offered: list[str]) -> None:
    lines = xclient_lines(facts, offered)
    assert lines == xclient_lines(facts, list(reversed(offered)))
    for line in lines:
        assert len(line) <= MAX_LINE
        assert line.startswith(b"XCLIENT ") and line.endswith(b"\r\n")
        assert line[:-2].decode("ascii").isprintable()
    values = said(facts, offered)
    assert set(values) <= set(offered)
    assert all(0 < len(value) <= MAX_VALUE for value in values.values())
    assert ("LOGIN" in values) == ("LOGIN" in offered)
    together = [name for name in TOGETHER if name in values]
    assert not together or all(f" {name}=" in lines[-1].decode() for name in together)
