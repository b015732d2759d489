"""XCLIENT there and back again, and PROXY headers of any octets."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.dial.xclient import UNAVAILABLE, ClientFacts, xclient_lines
from gsubmit.net.proxyprotocol import SIGNATURE, NotProxied, read_v1, read_v2
from gsubmit.smtp.reply import Refused
from gsubmit.smtp.xclient import ATTRIBUTES, MAX_VALUE, Told, read_xclient

SETTINGS = settings(max_examples=400, deadline=None)
PORTS = st.integers(1, 65535)
ADDRESSES = st.ip_addresses().map(str)
VISIBLE = st.text(max_size=40).filter(str.isprintable)
FACTS = st.builds(
    ClientFacts,
    addr=ADDRESSES,
    port=PORTS,
    proto=st.sampled_from(["SMTP", "ESMTP"]),
    helo=st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9}){0,9}", fullmatch=True),
    login=VISIBLE,
    session=st.from_regex(r"[A-Za-z0-9+/=_.:@-]{1,80}", fullmatch=True),
    destaddr=ADDRESSES,
    destport=PORTS,
    tls=st.booleans(),
    ttl=st.integers(0, 9),
)


def _plain(text: str) -> str:
    mapped = getattr(ip_address(text), "ipv4_mapped", None)
    return str(mapped or text)


@SETTINGS
@given(FACTS)
def test_what_one_gsubmit_says_the_next_one_hears(facts: ClientFacts) -> None:
    """XCL-1, XCL-3, XCL-5."""
    lines = xclient_lines(facts, ATTRIBUTES)
    assert all(len(line) <= 512 for line in lines)
    told: dict[str, object] = {}
    for line in lines:
        said = read_xclient(line.decode("ascii").strip().removeprefix("XCLIENT "))
        told |= {name: getattr(said, name) for name in Told.__slots__ if getattr(said, name) is not None}
    assert (told["port"], told["destport"], told["proto"]) == (facts.port, facts.destport, facts.proto)
    assert (told["session"], told["ttl"]) == (facts.session, facts.ttl)
    assert told["transport"] == ("TLS" if facts.tls else "insecure")
    assert (told["addr"], told["destaddr"]) == (_plain(facts.addr), _plain(facts.destaddr))
    if len(facts.login.encode()) * 3 <= MAX_VALUE and facts.login.upper() != UNAVAILABLE:
        assert told.get("login", "") == facts.login


@SETTINGS
@given(
    st.lists(
        st.tuples(st.sampled_from([*ATTRIBUTES, "NAME", "FOO", ""]), st.sampled_from(["=", "==", ""]), VISIBLE),
        max_size=4,
    )
)
def test_a_refusal_is_one_line(words: list[tuple[str, str, str]]) -> None:
    """XCL-6: whatever is said, it is understood or refused; nothing of it gets into the reply but a name."""
    try:
        read_xclient(" ".join("".join(word) for word in words))
    except Refused as refused:
        assert refused.reply.code == 501
        assert len(refused.reply.wire) < 100


@SETTINGS
@given(
    st.sampled_from([0x20, 0x21]),
    st.sampled_from([0x00, 0x11, 0x12, 0x21, 0x22, 0x31]),
    st.lists(st.one_of(st.sampled_from([b"\x20", b"\0", b"\x02", b"\x03", b"\x21"]), st.binary(max_size=30))).map(
        b"".join
    ),
)
def test_a_header_is_understood_or_none(command: int, family: int, rest: bytes) -> None:
    """PPX-5 to PPX-10: an address is always one, and text can be seen."""
    with suppress(NotProxied):
        said = read_v2(SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2) + rest)
        assert (said.client is None) == (said.server is None)
        assert all(text.isprintable() for text in (said.tls, said.name, said.authority))


@SETTINGS
@given(st.text(st.sampled_from("TCP46 UNKNOW0123456789abcdef:.\r\u00e9"), max_size=60))
def test_a_line_is_understood_or_none(text: str) -> None:
    """PPX-3, PPX-4."""
    with suppress(NotProxied):
        read_v1(f"PROXY {text}\r\n".encode())
