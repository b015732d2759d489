"""Addresses: what is printed is parsed back, and what is parsed prints the same ever after."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.smtp.address import Address, BadAddress, Cursor, parse_mailbox, path_text
from gsubmit.smtp.envelope import read_recipient
from gsubmit.smtp.reply import Refused

ATEXT = "abzAZ09!#$%&'*+-/=?^_`{|}~éκ用"
PRINTABLE = "".join(chr(code) for code in range(32, 127)) + "éκ用"
LABEL = st.from_regex(r"[a-zA-Z0-9é]([a-zA-Z0-9é-]{0,8}[a-zA-Z0-9é])?", fullmatch=True)
DOMAINS = st.one_of(
    st.lists(LABEL, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=6).map(lambda address: f"[IPv6:{address}]"),
)
LOCAL_PARTS = st.one_of(
    st.lists(st.text(ATEXT, min_size=1, max_size=8), min_size=1, max_size=4).map(".".join),
    st.text(PRINTABLE, max_size=20),
)
ADDRESSES = st.builds(Address, LOCAL_PARTS, DOMAINS)
PIECES = [*'<>@."\\ :,[]', "a", "b", "é", "\r", "\n", "\0", "IPv6:", "::1", "1.2.3.4"]
SOUP = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
SETTINGS = settings(max_examples=400, deadline=None)


@SETTINGS
@given(ADDRESSES)
def test_a_printed_address_is_parsed_back(address: Address) -> None:
    assert parse_mailbox(str(address)) == address


@SETTINGS
@given(ADDRESSES)
def test_a_printed_path_is_parsed_back(address: Address) -> None:
    cursor = Cursor(path_text(address) + " SIZE=1")
    assert cursor.path() == address
    assert cursor.remainder == " SIZE=1"


@SETTINGS
@given(st.one_of(SOUP, st.text(max_size=30)))
def test_whatever_is_parsed_prints_to_something_safe_and_stable(text: str) -> None:
    with suppress(BadAddress):
        address = parse_mailbox(text)
        printed = str(address)
        assert parse_mailbox(printed) == address
        assert not set(printed) & set("\r\n\0")


@SETTINGS
@given(st.one_of(SOUP, st.text(max_size=30)))
def test_whatever_is_a_path_prints_to_the_same_path(text: str) -> None:
    with suppress(BadAddress):
        cursor = Cursor(f"<{text}>")
        path = cursor.path()
        again = Cursor(path_text(path))
        assert again.path() == path
        assert not again.remainder


@SETTINGS
@given(st.one_of(ADDRESSES.map(path_text), SOUP.map("<{}>".format), st.text(max_size=30)))
def test_what_rcpt_takes_is_what_the_grammar_takes(path: str) -> None:
    cursor = Cursor(path)
    expected: Address | None = None
    with suppress(BadAddress):
        expected = cursor.path()
    if cursor.remainder or not path.startswith("<"):
        expected = None
    taken: Address | None = None
    with suppress(Refused):
        taken = read_recipient(f"TO:{path}", frozenset(), frozenset(), smtputf8=True).forward_path
    assert taken == expected
