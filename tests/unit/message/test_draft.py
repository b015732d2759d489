"""A draft: octet for octet the body until something is edited, and then everything but that (HDR-7, HDR-8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.body import BLOCK, MEMORY_LIMIT, MessageBody
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.message.fields import Field
from gsubmit.message.newfield import new_field
from gsubmit.message.parts import MAX_HEADER

NEW = Field(b"x-new", b"X-New: 1\r\n")
TEXT = b"Subject: a\r\n b\r\nTo : c\r\n\r\nline\r\n\r\nline\r\n"


@contextmanager
def draft_of(content: bytes, folder: Path | str = "/tmp") -> Iterator[Draft]:
    body = MessageBody(str(folder))
    body.append(content)
    draft = Draft(body)
    try:
        yield draft
    finally:
        draft.close()


def whole(draft: Draft) -> bytes:
    """All of it, read in each way, which must agree."""
    octets = b"".join(draft.blocks())
    assert len(octets) == draft.size
    assert draft.read(0, draft.size + 9) == octets
    pieces = [draft.read(at, 7) for at in range(0, draft.size, 7)]
    assert b"".join(pieces) == octets
    assert draft.read(draft.size, 9) == b""
    assert octets.startswith(draft.head())
    return octets


@pytest.mark.parametrize(
    ("content", "prepended", "appended"),
    [
        (TEXT, b"X-New: 1\r\n" + TEXT, TEXT.replace(b" c\r\n", b" c\r\nX-New: 1\r\n")),
        (b"\r\ntext", b"X-New: 1\r\n\r\ntext", b"X-New: 1\r\n\r\ntext"),
        (b"A: b", b"X-New: 1\r\nA: b\r\n\r\n", b"A: b\r\nX-New: 1\r\n\r\n"),
        (b"A: b\r\n", b"X-New: 1\r\nA: b\r\n\r\n", b"A: b\r\nX-New: 1\r\n\r\n"),
        (b"A: b\r\n\r\n", b"X-New: 1\r\nA: b\r\n\r\n", b"A: b\r\nX-New: 1\r\n\r\n"),
        (b"A: \n\0\xff\r\n\r\nx", b"X-New: 1\r\nA: \n\0\xff\r\n\r\nx", b"A: \n\0\xff\r\nX-New: 1\r\n\r\nx"),
    ],
)
def test_fields_come_to_either_end(content: bytes, prepended: bytes, appended: bytes) -> None:
    with draft_of(content) as draft:
        assert whole(draft) == content
        _ = draft.fields
        assert whole(draft) == content, "reading edits nothing"
        was_edited = draft.is_edited
        draft.prepend(NEW)
        assert (was_edited, draft.is_edited) == (False, True)
        assert whole(draft) == prepended
    with draft_of(content) as draft:
        draft.append(NEW)
        assert whole(draft) == appended


def test_one_field_changes() -> None:
    with draft_of(TEXT) as draft:
        assert [field.name for field in draft.fields] == [b"subject", b"to"]
        draft.replace(0, NEW)
        assert whole(draft) == b"X-New: 1\r\nTo : c\r\n\r\nline\r\n\r\nline\r\n"


@pytest.mark.parametrize("size", [10, MEMORY_LIMIT + 10])
def test_content_is_replaced_and_closed(tmp_path: Path, size: int) -> None:
    content = MessageBody(str(tmp_path))
    content.append(b"y" * size)
    with draft_of(TEXT, tmp_path) as draft:
        draft.replace_content(content)
        assert b"".join(draft.rest()) == b"y" * size
        assert whole(draft) == b"Subject: a\r\n b\r\nTo : c\r\n\r\n" + b"y" * size
    assert not b"".join(content.blocks()), "it is closed"


def test_the_rest_of_one_as_it_came() -> None:
    with draft_of(TEXT) as draft:
        assert b"".join(draft.rest()) == b"line\r\n\r\nline\r\n"


@pytest.mark.parametrize("edited", [False, True])
def test_edits_of_a_fork_count_when_they_are_adopted(tmp_path: Path, edited: bool) -> None:
    contents = []
    with draft_of(TEXT, tmp_path) as draft:
        if edited:
            draft.prepend(NEW)
        before = whole(draft)
        for is_adopted in (False, True):
            contents.append(MessageBody(str(tmp_path)))
            contents[-1].append(b"other")
            fork = draft.fork()
            assert whole(fork) == before
            fork.append(NEW)
            fork.replace_content(contents[-1])
            assert whole(fork) == before.partition(b"\r\n\r\n")[0] + b"\r\n" + NEW.octets + b"\r\nother"
            assert (whole(draft), draft.is_edited) == (before, edited)
            if is_adopted:
                draft.adopt(fork)
            else:
                fork.drop()
        assert whole(draft) == whole(fork)
        assert draft.has_own_content
    assert not any(b"".join(content.blocks()) for content in contents), "they are closed"


@pytest.mark.parametrize("size", [BLOCK - 5, BLOCK, BLOCK + 5, 2 * BLOCK, MAX_HEADER - 100])
@pytest.mark.parametrize("content", [b"", b"text"])
def test_long_headers(tmp_path: Path, size: int, content: bytes) -> None:
    line = b"A: " + b"x" * 93 + b"\r\n"
    header = line * (size // len(line)) + b"B: " + b"y" * (size % len(line)) + b"\r\n"
    with draft_of(header + b"\r\n" + content, tmp_path) as draft:
        assert draft.fields[-1].name == b"b"
        draft.append(NEW)
        assert b"".join(draft.blocks()) == header + NEW.octets + b"\r\n" + content


@pytest.mark.parametrize("content", [b"", b"text" * MAX_HEADER])
def test_a_header_that_is_too_long(tmp_path: Path, content: bytes) -> None:
    with (
        draft_of(b"A: " + b"x" * MAX_HEADER + b"\r\n\r\n" + content, tmp_path) as draft,
        pytest.raises(HeaderTooLong),
    ):
        draft.append(NEW)


def test_eight_bit_octets_count_wherever_they_are(tmp_path: Path) -> None:
    with draft_of(TEXT, tmp_path) as draft:
        had_8bit = draft.has_8bit
        draft.append(Field(b"x", b"X: \xff\r\n"))
        assert (had_8bit, draft.has_8bit) == (False, True)
    content = MessageBody(str(tmp_path))
    content.append(b"\xff")
    with draft_of(TEXT, tmp_path) as draft:
        draft.replace_content(content)
        assert draft.has_8bit


@given(st.binary(max_size=300).map(lambda octets: octets.replace(b"x", b"\r\n")))
def test_any_octets_stay(content: bytes) -> None:
    with draft_of(content) as draft:
        assert whole(draft) == content
        fields = draft.fields
        draft.append(NEW)
        after = b"".join(draft.blocks())
        header = b"".join(field.octets for field in fields)
        assert after.startswith(header + NEW.octets + b"\r\n")
        assert content.replace(b"\r\n", b"") == after.replace(NEW.octets, b"", 1).replace(b"\r\n", b"")


@given(st.text(alphabet=st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=400))
def test_new_fields_are_one_field(text: str) -> None:
    """HDR-7: whatever is in the text."""
    try:
        field = new_field("X-Text", text)
    except ValueError:
        return
    with draft_of(b"A: b\r\n\r\ntext") as draft:
        draft.append(field)
        octets = b"".join(draft.blocks())
    assert octets.isascii()
    with draft_of(octets) as again:
        assert [one.name for one in again.fields] == [b"a", b"x-text"]
        assert all(len(line) <= 998 for line in again.fields[1].octets.split(b"\r\n"))


@pytest.mark.parametrize("text", ["a\r\nBcc: b", "a\nb", "a\rb", "a\0b", "\ud800", "x" * 2000])
def test_text_that_can_be_no_field(text: str) -> None:
    """HDR-7."""
    with pytest.raises(ValueError, match="X-Text: "):
        new_field("X-Text", text)


@pytest.mark.parametrize("name", ["", "a b", "a:", "\xe4", "a\r\n", "x" * 77])
def test_names_that_are_none(name: str) -> None:
    """HDR-7."""
    with pytest.raises(ValueError, match="not the name of a header field"):
        new_field(name, "text")


def test_new_fields_are_folded_and_encoded() -> None:
    assert new_field("Subject", "word " * 30).octets.count(b"\r\n ") == 1 + len("word " * 30) // 80
    assert new_field("Subject", "gr\xfc\xdfe").octets.startswith(b"Subject: =?utf-8?")
    assert new_field("From", "Bj\xf6rn <b@example.org>").octets.endswith(b" <b@example.org>\r\n")
