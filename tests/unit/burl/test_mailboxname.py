"""Modified UTF-7 and quoted strings (RFC 3501 5.1.3, 4.3)."""

from __future__ import annotations

import pytest

from gsubmit.burl.mailboxname import BadMailboxName, from_modified_utf7, quoted, to_modified_utf7


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("&Jjo!", id="RFC 3501 5.1.3 no shift back"),
        pytest.param("&U,BTFw-&ZeVnLIqe-", id="RFC 3501 5.1.3 superfluous shift"),
        pytest.param("R&D", id="ampersand alone"),
        pytest.param("&", id="nothing but an ampersand"),
        pytest.param("&APw", id="no shift back at the end"),
        pytest.param("&AGE-", id="a in base64"),
        pytest.param("&ACY-", id="ampersand in base64"),
        pytest.param("&APwA4Q-&-&AGE-", id="a in base64, later"),
        pytest.param("&U/BTFw-", id="slash of ordinary base64"),
        pytest.param("&APw=-", id="padding"),
        pytest.param("&APx-", id="bits that are not zero at the end"),
        pytest.param("&AP-", id="half a character"),
        pytest.param("&A-", id="six bits"),
        pytest.param("&APwA-", id="one octet too many"),
        pytest.param("&2D0-", id="first half of a pair"),
        pytest.param("&3Oc-", id="second half of a pair"),
        pytest.param("&AP w-", id="blank in base64"),
        pytest.param("Entwürfe", id="raw UTF-8"),
        pytest.param("a\tb", id="raw control"),
    ],
)
def test_what_is_no_modified_utf7(text: str) -> None:
    with pytest.raises(BadMailboxName):
        from_modified_utf7(text)


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
