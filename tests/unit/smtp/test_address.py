"""Mailboxes and paths (RFC 5321 4.1.2, 4.1.3, 4.5.3.1; RFC 6531 3.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.smtp.address import Address, BadAddress, Cursor, is_host_name, parse_mailbox, path_text

LONG = "a" * 63


@pytest.mark.parametrize(
    ("text", "local_part", "written"),
    [
        pytest.param("a@example.org", "a", "a@example.org", id="plain"),
        pytest.param("A.Lice@Example.ORG", "A.Lice", "A.Lice@Example.ORG", id="CMD-2 case is kept"),
        pytest.param("!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~@x", id="CMD-9 atext"),
        pytest.param('"a b"@x', "a b", '"a b"@x', id="TV-CMD-12 space in quotes"),
        pytest.param('"a>b"@x', "a>b", '"a>b"@x', id="TV-CMD-13 angle bracket in quotes"),
        pytest.param(r'"a\"@x"@x', 'a"@x', r'"a\"@x"@x', id="TV-CMD-14 quote and @ in quotes"),
        pytest.param(r'"a\\b"@x', "a\\b", r'"a\\b"@x', id="CMD-10 backslash in quotes"),
        pytest.param(r'"\a\ \@"@x', "a @", '"a @"@x', id="CMD-10 quoted pairs that need none"),
        pytest.param('""@x', "", '""@x', id="CMD-10 empty quoted string"),
        pytest.param('"abc"@x', "abc", "abc@x", id="CMD-11 least quoting"),
        pytest.param('"a.b"@x', "a.b", "a.b@x", id="CMD-11 least quoting of a dot-string"),
        pytest.param('"a..b"@x', "a..b", '"a..b"@x', id="CMD-11 double dot needs quotes"),
        pytest.param('".a"@x', ".a", '".a"@x', id="CMD-11 leading dot needs quotes"),
        pytest.param("Pelé@example.com", "Pelé", "Pelé@example.com", id="TV-EAI-1"),
        pytest.param('"用 户"@x', "用 户", '"用 户"@x', id="EAI-3 qtext"),
        pytest.param("a" * 64 + "@x", "a" * 64, "a" * 64 + "@x", id="LIM-1 local part of 64 octets"),
    ],
)
def test_local_part(text: str, local_part: str, written: str) -> None:
    address = parse_mailbox(text)
    assert (address.local_part, str(address)) == (local_part, written)


@pytest.mark.parametrize(
    "domain",
    [
        pytest.param("x", id="one label"),
        pytest.param("a-b.c--d.9.example", id="CMD-12 inner hyphens and digits"),
        pytest.param("παράδειγμα.δοκιμή", id="TV-EAI-2"),
        pytest.param("例子.广告", id="TV-EAI-3"),
        pytest.param(".".join([LONG] * 3 + ["a" * 63]), id="LIM-1 domain of 255 octets"),
        pytest.param("[192.0.2.1]", id="CMD-13 IPv4"),
        pytest.param("[192.000.002.001]", id="CMD-13 leading zeros, three digits at most"),
        pytest.param("[255.255.255.255]", id="CMD-13 highest"),
        pytest.param("[IPv6:2001:db8::1]", id="TV-CMD-18"),
        pytest.param("[ipv6:2001:DB8::1]", id="CMD-13 the tag in any case"),
        pytest.param("[IPv6:1:2:3:4:5:6:7:8]", id="CMD-13 IPv6 in full"),
        pytest.param("[IPv6:::]", id="CMD-13 IPv6 all zeros"),
        pytest.param("[IPv6:::ffff:192.0.2.1]", id="CMD-13 IPv6 with IPv4, short"),
        pytest.param("[IPv6:1:2:3:4:5:6:192.0.2.1]", id="CMD-13 IPv6 with IPv4, in full"),
        pytest.param("[IPV6:1::]", id="CMD-13 IPv6 gap at the end"),
        pytest.param("[IPv6:1:2:3:4:5:6::]", id="CMD-13 IPv6 six groups beside the gap"),
        pytest.param("[IPv6:::3:4:5:6:7:8]", id="CMD-13 IPv6 six groups after the gap"),
        pytest.param("[IPv6:1:2::5:6:192.0.2.1]", id="CMD-13 IPv6 four groups and IPv4 beside the gap"),
        pytest.param("[IPv6:::192.000.002.001]", id="CMD-13 IPv6 with IPv4, leading zeros"),
        pytest.param("[IPv6:0001:0:00::]", id="CMD-13 IPv6 leading zeros"),
    ],
)
def test_domain(domain: str) -> None:
    """A domain is kept as it was written."""
    assert parse_mailbox(f"a@{domain}") == Address("a", domain)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a", id="CMD-7 no domain"),
        pytest.param("postmaster", id="CMD-7 bare postmaster only in RCPT"),
        pytest.param("@x", id="no local part"),
        pytest.param("a\udcff@x", id="EAI-3 local part not UTF-8"),
        pytest.param("a@x\ud800y", id="EAI-3 domain not UTF-8"),
        pytest.param("a@", id="empty domain"),
        pytest.param("a..b@x", id="TV-CMD-15 double dot"),
        pytest.param(".a@x", id="TV-CMD-15 leading dot"),
        pytest.param("a.@x", id="TV-CMD-15 trailing dot"),
        pytest.param("a b@x", id="space outside quotes"),
        pytest.param("a@b@x", id="CMD-9 two @"),
        pytest.param("a(c)@x", id="comment"),
        pytest.param('"a"b@x', id="text after quotes"),
        pytest.param('b"a"@x', id="text before quotes"),
        pytest.param('"a', id="quotes not closed"),
        pytest.param('"a\\"@x', id="CMD-10 last quote is escaped"),
        pytest.param('"a\tb"@x', id="CMD-10 HT in quotes"),
        pytest.param('"a\rb"@x', id="CMD-22 CR in quotes"),
        pytest.param('"a\\\nb"@x', id="CMD-22 escaped LF in quotes"),
        pytest.param('"a\\é"@x', id="EAI-3 non-ASCII is not escaped"),
        pytest.param("a\0@x", id="CMD-22 NUL"),
        pytest.param("a\x7f@x", id="CMD-22 DEL"),
    ],
)
def test_bad_local_part(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_mailbox(text)


@pytest.mark.parametrize(
    "domain",
    [
        pytest.param("-x.example", id="TV-CMD-16 leading hyphen"),
        pytest.param("x-.example", id="CMD-12 trailing hyphen"),
        pytest.param("x_.example", id="TV-CMD-16 underscore"),
        pytest.param("x..example", id="TV-CMD-16 empty label"),
        pytest.param("example.org.", id="TV-CMD-16 trailing dot"),
        pytest.param(".example", id="leading dot"),
        pytest.param("x ", id="trailing space"),
        pytest.param("x\r", id="CR"),
        pytest.param("a.x\n", id="LF at the end"),
        pytest.param(".".join([LONG] * 3 + ["a" * 64]), id="LIM-1 domain of 256 octets"),
        pytest.param("é" * 128, id="EAI-5 128 characters, 256 octets"),
        pytest.param("[192.0.2.256]", id="TV-CMD-17"),
        pytest.param("[192.0.2]", id="CMD-13 three numbers"),
        pytest.param("[192.0.2.1.1]", id="CMD-13 five numbers"),
        pytest.param("[192.0.2.]", id="CMD-13 empty number"),
        pytest.param("[0192.0.2.1]", id="CMD-13 four digits"),
        pytest.param("[+1.2.3.4]", id="CMD-13 plus sign"),
        pytest.param("[-0.2.3.4]", id="CMD-13 minus sign"),
        pytest.param("[1_0.2.3.4]", id="CMD-13 underscore"),
        pytest.param("[٣.2.3.4]", id="CMD-13 digit outside ASCII"),
        pytest.param("[192.0.2.1", id="CMD-13 not closed"),
        pytest.param("[]", id="CMD-13 empty"),
        pytest.param("[IPv6:]", id="CMD-13 tag alone"),
        pytest.param("[IPv6:1:2:3]", id="CMD-13 too few groups"),
        pytest.param("[IPv6:1::2::3]", id="CMD-13 two ::"),
        pytest.param("[IPv6:fe80::1%eth0]", id="CMD-13 scope"),
        pytest.param("[IPv6:12345::1]", id="CMD-13 five digits"),
        pytest.param("[IPv6:1:2:3:4:5:6:7::]", id="CMD-13 a gap of one group"),
        pytest.param("[IPv6:1:2:3:4:5:6:7:8:9]", id="CMD-13 too many groups"),
        pytest.param("[IPv6:1:2:3:4:5:6:7:192.0.2.1]", id="CMD-13 too many groups before IPv4"),
        pytest.param("[IPv6:1:2:3:4:5::192.0.2.1]", id="CMD-13 too many groups beside gap and IPv4"),
        pytest.param("[IPv6::1]", id="CMD-13 one colon before"),
        pytest.param("[IPv6:1:]", id="CMD-13 one colon behind"),
        pytest.param("[IPv6::::]", id="CMD-13 four colons"),
        pytest.param("[IPv6:::192.0.2]", id="CMD-13 IPv6 with half of IPv4"),
        pytest.param("[IPv6:192.0.2.1]", id="CMD-13 IPv4 with the tag of IPv6"),
        pytest.param("[IPv6:::g]", id="CMD-13 no hexadecimal digit"),
        pytest.param("[IPv6:::٣]", id="CMD-13 IPv6 digit outside ASCII"),
        pytest.param("[2001:db8::1]", id="CMD-13 IPv6 without tag"),
        pytest.param("[::1]", id="CMD-13 IPv6 without tag, short"),
        pytest.param("[fe80::1%eth0]", id="CMD-13 IPv6 without tag, scope"),
        pytest.param("[IPv6 ::1]", id="CMD-13 blank for colon"),
        pytest.param("[IPv4:192.0.2.1]", id="CMD-13 tag that is not registered"),
        pytest.param("[x-tag:any!thing]", id="CMD-13 another tag that is not registered"),
        pytest.param("[-:x]", id="CMD-13 tag that ends in a hyphen"),
        pytest.param("[x:]", id="CMD-13 tag without content"),
        pytest.param("[x:a b]", id="CMD-13 space"),
        pytest.param("[x:a\\b]", id="CMD-13 backslash"),
        pytest.param("[x:[]", id="CMD-13 bracket"),
    ],
)
def test_bad_domain(domain: str) -> None:
    with pytest.raises(BadAddress):
        parse_mailbox(f"a@{domain}")


@pytest.mark.parametrize(
    ("text", "written", "rest"),
    [
        pytest.param("<>", "<>", "", id="CMD-6 null path"),
        pytest.param("<a@x> SIZE=1", "<a@x>", " SIZE=1", id="what follows is left"),
        pytest.param("<@r.example,@s.example:a@x>", "<a@x>", "", id="TV-CMD-11 route is dropped"),
        pytest.param("<@r.example:a@x>", "<a@x>", "", id="CMD-8 route of one"),
        pytest.param('<"a>b"@x> SIZE=10', '<"a>b"@x>', " SIZE=10", id="TV-CMD-13"),
        pytest.param("<PostMaster>", "<PostMaster>", "", id="TV-CMD-23 bare postmaster"),
        pytest.param("<a@[IPv6:::1]>", "<a@[IPv6:::1]>", "", id="colons in a literal are no route"),
        pytest.param(f"<aa@{'b' * 251}>", f"<aa@{'b' * 251}>", "", id="LIM-1 256 octets"),
    ],
)
def test_path(text: str, written: str, rest: str) -> None:
    cursor = Cursor(text)
    assert path_text(cursor.path()) == written
    assert cursor.remainder == rest


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("<b..c@docomo.example>", '<"b..c"@docomo.example>', id="two dots"),
        pytest.param("<b.@docomo.example>", '<"b."@docomo.example>', id="last dot"),
        pytest.param("<.b@docomo.example>", '<".b"@docomo.example>', id="first dot"),
        pytest.param("<...@x>", '<"..."@x>', id="dots alone"),
        pytest.param("<.é.@x>", '<".é."@x>', id="UTF-8"),
        pytest.param("<b@ex_ample.net>", "<b@ex_ample.net>", id="underscore"),
        pytest.param("<b@_x.my_host_>", "<b@_x.my_host_>", id="underscores at the edges"),
    ],
)
def test_addresses_that_exist_against_the_grammar(text: str, written: str) -> None:
    """RFC 6409 5.1 lets a submission server refuse them; the relay knows better whether there is such a mailbox."""
    path = Cursor(text).path()
    assert path_text(path) == written
    assert Cursor(written).path() == path
    with pytest.raises(BadAddress):
        parse_mailbox(text[1:-1])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a@x", id="no brackets"),
        pytest.param("<a@x", id="not closed"),
        pytest.param("< a@x>", id="space before"),
        pytest.param("<a@x >", id="space after"),
        pytest.param("<a>", id="TV-CMD-24 not qualified"),
        pytest.param("<postmaster.x>", id="more than postmaster"),
        pytest.param("< >", id="space is no null path"),
        pytest.param("<b..c d@x>", id="odd dots and a blank"),
        pytest.param("<b..\rc@x>", id="odd dots and CR"),
        pytest.param('<"b"..c@x>', id="odd dots and quotes"),
        pytest.param("<b..c@x..y>", id="odd dots in the domain"),
        pytest.param("<b@-x.example>", id="CMD-12 hyphen at the edge"),
        pytest.param("<b..@>", id="odd dots without domain"),
        pytest.param("<@r.example:>", id="CMD-8 route to nothing"),
        pytest.param("<@r.example a@x>", id="CMD-8 route without colon"),
        pytest.param("<@r_.example:a@x>", id="CMD-8 bad domain in route"),
        pytest.param("<@[192.0.2.1]:a@x>", id="CMD-8 literal in route"),
        pytest.param("<a@x\rRCPT TO:<b@x>", id="TV-CMD-35"),
        pytest.param(f"<aa@{'b' * 252}>", id="LIM-1 257 octets"),
        pytest.param(f"<{'é' * 80}@{'b' * 94}>", id="EAI-5 257 octets, 177 characters"),
    ],
)
def test_bad_path(text: str) -> None:
    with pytest.raises(BadAddress):
        Cursor(text).path()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("client.example", True, id="CMD-4 domain"),
        pytest.param("[192.0.2.1]", True, id="CMD-4 IPv4 literal"),
        pytest.param("[IPv6:2001:db8::1]", True, id="TV-CMD-4"),
        pytest.param("foo_bar.example", False, id="TV-CMD-5 underscore"),
        pytest.param("x) by evil (", False, id="TV-RCV-2"),
        pytest.param("bücher.example", False, id="EAI-6 U-label"),
        pytest.param("client.example\n", False, id="LF at the end"),
        pytest.param("192.0.2.300.", False, id="trailing dot"),
        pytest.param("[2001:db8::1]", False, id="CMD-13 IPv6 without tag"),
        pytest.param("[foo:bar]", False, id="CMD-13 another tag"),
        pytest.param("[IPv6:fe80::1%eth0]", False, id="CMD-13 scope"),
        pytest.param("", False, id="empty"),
    ],
)
def test_is_host_name(text: str, expected: bool) -> None:
    assert is_host_name(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("a@x", True), ("é@x", False), ("a@bücher.example", False)])
def test_is_ascii(text: str, expected: bool) -> None:
    assert parse_mailbox(text).is_ascii is expected


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=20))
def test_every_local_part_comes_back(local_part: str) -> None:
    address = Address(local_part, "example.org")
    assert parse_mailbox(str(address)) == address
