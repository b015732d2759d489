"""The arguments of BDAT and BURL."""

from __future__ import annotations

import pytest

from gsubmit.smtp.piece import BurlArgument, Chunk, read_burl_argument, read_chunk
from gsubmit.smtp.replies import BAD_BURL_SYNTAX, BAD_CHUNK_MARKER, BAD_CHUNK_SIZE
from gsubmit.smtp.reply import Disconnected


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [
        pytest.param("0", Chunk(0, is_last=False), id="BDT-13 empty"),
        pytest.param("0005", Chunk(5, is_last=False), id="leading zeros"),
        pytest.param("9" * 18, Chunk(10**18 - 1, is_last=False), id="the largest"),
        pytest.param("3 LAST", Chunk(3, is_last=True), id="LAST"),
        pytest.param("3   last", Chunk(3, is_last=True), id="more spaces, lower case"),
        pytest.param("3 FIRST", Chunk(3, False, BAD_CHUNK_MARKER), id="another word"),
        pytest.param("3 LAST LAST", Chunk(3, False, BAD_CHUNK_MARKER), id="a word too many"),
    ],
)
def test_chunk(argument: str, chunk: Chunk) -> None:
    assert read_chunk(argument) == chunk


@pytest.mark.parametrize("argument", ["", "x", "-1", "+5", "0x10", "5LAST", "LAST 5", "9" * 19, "\u0663"])
def test_a_size_that_is_unknown(argument: str) -> None:
    """BDT-12."""
    with pytest.raises(Disconnected) as disconnected:
        read_chunk(argument)
    assert disconnected.value.reply == BAD_CHUNK_SIZE


@pytest.mark.parametrize(
    ("argument", "read"),
    [
        pytest.param("imap://x/y", BurlArgument("imap://x/y", is_last=False), id="URL"),
        pytest.param("imap://x/y Last", BurlArgument("imap://x/y", is_last=True), id="LAST"),
        pytest.param("imap://x/y   LAST", BurlArgument("imap://x/y", is_last=True), id="more spaces"),
        pytest.param("LAST", BurlArgument("LAST", is_last=False), id="a URL of that name"),
        pytest.param("", BurlArgument("", False, BAD_BURL_SYNTAX), id="nothing"),
        pytest.param("imap://x/y FIRST", BurlArgument("imap://x/y", False, BAD_BURL_SYNTAX), id="another word"),
        pytest.param("imap://x/y z LAST", BurlArgument("imap://x/y", True, BAD_BURL_SYNTAX), id="a blank in the URL"),
    ],
)
def test_burl_argument(argument: str, read: BurlArgument) -> None:
    assert read_burl_argument(argument) == read
