"""DataReader and `stuffed` against references that are too plain to be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gsubmit.smtp.data import DataReader, NewlineMender, stuffed
from tests.property.splits import cut, cuts

# The octets that matter, and one that does not; enough of them that ends of data are common.
WIRE = st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n", b"\r\n.", b"\r\n.\r\n"]), max_size=14).map(b"".join)
CONTENT = st.lists(st.sampled_from([b".", b"..", b"x", b"\r\n", b"\r\n.", b"\xff\0"]), max_size=14).map(b"".join)
SETTINGS = settings(max_examples=400, deadline=None)


def plain(wire: bytes) -> tuple[bytes, bytes | None]:
    """Content and rest by the letter of RFC 5321 4.5.2, octet by octet; the rest is None while there is no end."""
    content = b""
    at = 0
    while True:
        end = wire.find(b"\r\n", at)
        line = wire[at:] if end < 0 else wire[at : end + 2]
        if line == b".\r\n":
            return content, wire[at + 3 :]
        if end < 0:
            return content, None
        content += line[1:] if line.startswith(b".") else line
        at = end + 2


def read(blocks: Iterable[bytes]) -> tuple[bytes, bytes | None, list[bytes]]:
    """What DataReader makes of the blocks, and those it did not need."""
    reader = DataReader()
    content = b""
    left = list(blocks)
    while left and not reader.ended:
        content += reader.feed(left.pop(0))
    return content, reader.remainder if reader.ended else None, left


@SETTINGS
@given(WIRE, cuts())
@example(b"\r\n.\r\n", [])
@example(b".\r\nQUIT\r\n", [0.4])
def test_equal_to_the_plain_reference_at_any_cuts(wire: bytes, places: list[float]) -> None:
    content, rest, left = read(cut(wire, places))
    expected, expected_rest = plain(wire)
    if expected_rest is None:
        assert rest is None
        assert plain(wire + b"\r\n.\r\n")[0].startswith(content)
        return
    assert content == expected
    assert rest is not None
    assert rest + b"".join(left) == expected_rest


@SETTINGS
@given(WIRE)
def test_equal_at_every_single_split(wire: bytes) -> None:
    wire += b"\r\n.\r\nNOOP\r\n"
    expected = plain(wire)
    for place in range(len(wire) + 1):
        content, rest, left = read([wire[:place], wire[place:]])
        assert rest is not None
        assert (content, rest + b"".join(left)) == expected


@SETTINGS
@given(WIRE)
def test_equal_octet_by_octet(wire: bytes) -> None:
    wire += b"\r\n.\r\n"
    content, rest, left = read(wire[number : number + 1] for number in range(len(wire)))
    assert rest is not None
    assert (content, rest + b"".join(left)) == plain(wire)


@SETTINGS
@given(
    st.lists(st.one_of(WIRE, st.integers(0, 3000).map(b"x".__mul__), st.integers(0, 400).map(b".".__mul__)), max_size=6)
)
@example([b"\r\n..x" * 400, b"x" * 9000])  # more dots than are looked at one by one
@example([b"x" * 2000, b"\r\n.a.\r\n..", b"x" * 3000])
def test_long_blocks_with_few_dots_and_many(pieces: list[bytes]) -> None:
    wire = b"".join(pieces) + b"\r\n.\r\n"
    content, rest, _ = read([wire])
    assert (content, rest) == plain(wire)
    assert plain(b"".join(stuffed([content]))) == (content, b"")


@SETTINGS
@given(CONTENT, cuts(), cuts())
def test_stuffed_content_comes_back(content: bytes, places: list[float], others: list[float]) -> None:
    wire = b"".join(stuffed(cut(content, places)))
    got, rest, _ = read(cut(wire, others))
    assert rest is not None
    assert got == (content if not content or content.endswith(b"\r\n") else content + b"\r\n")
    assert plain(wire) == (got, b"")


@SETTINGS
@given(CONTENT, cuts())
def test_stuffed_is_the_same_however_it_is_cut(content: bytes, places: list[float]) -> None:
    wire = b"".join(stuffed(cut(content, places)))
    assert wire == b"".join(stuffed([content] if content else []))
    lines = wire.split(b"\r\n")
    assert all(line != b"." for line, following in pairwise(lines[:-1]))
    assert lines[-2:] == [b".", b""]


def mended(blocks: Iterable[bytes]) -> bytes:
    mender = NewlineMender()
    return b"".join(map(mender.feed, blocks))


def mended_plainly(content: bytes) -> bytes:
    """Octet by octet."""
    return b"".join(
        b"\r\n" if octet == b"\n" and before != b"\r" else octet
        for before, octet in pairwise([b"", *(content[at : at + 1] for at in range(len(content)))])
    )


@SETTINGS
@given(WIRE, cuts())
@example(b"\r\n", [0.5])
@example(b"\r\r\n\n", [0.3, 0.6])
def test_bare_newlines_are_mended_at_any_cuts(content: bytes, places: list[float]) -> None:
    whole = mended(cut(content, places))
    assert whole == mended_plainly(content)
    assert whole == mended([content[at : at + 1] for at in range(len(content))])
    assert mended([whole]) == whole
    assert whole.replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")


@SETTINGS
@given(WIRE, cuts())
@example(b"a\n.\nb", [])
@example(b"a\n.\r\nb", [])
@example(b"a\r\n.\nb", [])
def test_mended_content_ends_where_the_clients_did_and_nowhere_else(wire: bytes, places: list[float]) -> None:
    """From the client's octets to the relay's: one message, and after it the commands that stood after CRLF.CRLF."""
    wire += b"\r\n.\r\nNOOP\r\n"
    expected, after = plain(wire)
    content, rest, left = read(cut(wire, places))
    assert (content, (rest or b"") + b"".join(left)) == (expected, after)
    text = mended(cut(content, places))
    if b"\r" in text.replace(b"\r\n", b""):
        return  # a bare CR is left, and refused
    relays = b"".join(stuffed(cut(text, places)))
    got, nothing, _ = read([relays])
    assert nothing == b""
    assert got == (text if not text or text.endswith(b"\r\n") else text + b"\r\n")
    assert b"\n" not in relays.replace(b"\r\n", b"")
