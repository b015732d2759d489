"""Modified UTF-7 and quoted strings (RFC 3501 5.1.3, 4.3)."""

from __future__ import annotations

import pytest

from gsubmit.net.mailboxname import BadMailboxName, from_modified_utf7, quoted, to_modified_utf7


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("INBOX", "INBOX", id="ASCII"),
        pytest.param(" !\"#$%'()*+,-./:;<=>?@[\\]^_`{|}~", " !\"#$%'()*+,-./:;<=>?@[\\]^_`{|}~", id="all signs but &"),
        pytest.param("R&D", "R&-D", id="ampersand"),
        pytest.param("&&-&", "&-&--&-", id="ampersands and a hyphen"),
        pytest.param("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-", id="RFC 3501 5.1.3"),
        pytest.param("台北日本語", "&U,BTF2XlZyyKng-", id="RFC 3501 5.1.3 no superfluous shift"),
        pytest.param("☺!", "&Jjo-!", id="RFC 3501 5.1.3 shift before !"),
        pytest.param("~peter/日本語/台北", "~peter/&ZeVnLIqe-/&U,BTFw-", id="TV-URL-6"),
        pytest.param("Entwürfe", "Entw&APw-rfe", id="one octet of Latin-1"),
        pytest.param("&ü&", "&-&APw-&-", id="ampersands beside a shift"),
        pytest.param("📧", "&2D3c5w-", id="pair of surrogates"),
        pytest.param("a\tb\x7f", "a&AAk-b&AH8-", id="controls"),
    ],
)
def test_modified_utf7(name: str, encoded: str) -> None:
    assert to_modified_utf7(name) == encoded
    assert from_modified_utf7(encoded) == name


def test_lone_surrogate() -> None:
    with pytest.raises(BadMailboxName):
        to_modified_utf7("a\ud800")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("", '""', id="empty"),
        pytest.param("gray council", '"gray council"', id="blank"),
        pytest.param('a"b', r'"a\"b"', id="quote"),
        pytest.param("a\\b", r'"a\\b"', id="backslash"),
        pytest.param('\\"', r'"\\\""', id="backslash and quote"),
        pytest.param("&ZeU-", '"&ZeU-"', id="modified UTF-7"),
    ],
)
def test_quoted(text: str, written: str) -> None:
    assert quoted(text) == written


@pytest.mark.parametrize("text", ["a\r\nA1 LOGOUT", "a\n", "a\r", "a\0", "a\tb", "\x7f", "é", "日"])
def test_what_cannot_be_quoted(text: str) -> None:
    with pytest.raises(BadMailboxName):
        quoted(text)


@pytest.mark.parametrize("text", ["a & b", "&AGE-", "&A-", "&AGE", "\xfc", "&2AA-"])
def test_what_is_no_modified_utf7(text: str) -> None:
    with pytest.raises(BadMailboxName):
        from_modified_utf7(text)
