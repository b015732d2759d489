"""Header fields with UTF-8 in them, written in ASCII (RFC 2047, DWN-12)."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.encodedword import in_ascii
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field, split_header


def field(text: str | bytes) -> Field:
    (only,) = split_header(text if isinstance(text, bytes) else text.encode())
    return only


E_ACUTE = "=?utf-8?B?w6k=?="


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Subject: Café", "Subject: =?utf-8?B?Q2Fmw6k=?=", id="TV-EAI-9"),
        pytest.param("Subject:é", f"Subject: {E_ACUTE}", id="a space before the word"),
        pytest.param("Subject: Re: é again ", f"Subject: Re: {E_ACUTE} again ", id="only the word that needs it"),
        pytest.param("Subject: é a  é z", "Subject: =?utf-8?B?w6kgYSAgw6k=?= z", id="RFC 2047 6.2 spaces between"),
        pytest.param("SUBJECT: a\r\n\té", f"SUBJECT: a\t{E_ACUTE}", id="unfolded"),
        pytest.param("X-Any: é", f"X-Any: {E_ACUTE}", id="RFC 5322 3.6.8 an unknown field is text"),
        pytest.param("Content-Description: é", f"Content-Description: {E_ACUTE}", id="RFC 2045 8"),
        pytest.param("From: é <a@b>", f"From: {E_ACUTE} <a@b>", id="a name"),
        pytest.param('From: "é" <a@b>', f"From: {E_ACUTE} <a@b>", id="RFC 2047 5 (3) no quotes around"),
        pytest.param('From: "é"<a@b>', f"From: {E_ACUTE} <a@b>", id="RFC 2047 5 (3) a space after"),
        pytest.param('From:"\\"é"<a@b>', "From: =?utf-8?B?IsOp?= <a@b>", id="a quoted pair"),
        pytest.param('To: "a, b" <a@b>, é <c@d>', f'To: "a, b" <a@b>, {E_ACUTE} <c@d>', id="a comma in a name"),
        pytest.param("To: a@b, é\r\n <c@d>,e@f", f"To: a@b, {E_ACUTE} <c@d>,e@f", id="only one of many"),
        pytest.param("Cc: é: a@b, c <d@e>;", f"Cc: {E_ACUTE} : a@b, c <d@e>;", id="the name of a group"),
        pytest.param("To: a@b (c), é <d@e>", f"To: a@b (c), {E_ACUTE} <d@e>", id="comments of others"),
        pytest.param("List-Id: é <a.b>", f"List-Id: {E_ACUTE} <a.b>", id="RFC 2919 3"),
        pytest.param(
            "Subject: " + "日" * 20,
            "Subject: =?utf-8?B?" + "5pel" * 13 + "?=\r\n =?utf-8?B?" + "5pel" * 7 + "?=",
            id="RFC 2047 2 at most 75 characters, 76 in a line",
        ),
        pytest.param(
            "Subject: a" + "é" * 25,
            "Subject: =?utf-8?B?YcOp" + "w6nDqcOp" * 6 + "?=\r\n =?utf-8?B?" + "w6nDqcOp" * 2 + "?=",
            id="RFC 2047 5 no character is cut",
        ),
    ],
)
def test_in_ascii(text: str, expected: str) -> None:
    assert in_ascii(field(text)) == expected.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(b"Subject: \xe9", "subject is not UTF-8", id="latin-1"),
        pytest.param(b"Subject: \xed\xa0\x80", "not UTF-8", id="a surrogate"),
        pytest.param("Subject: =?utf-8?q?a?= é", "encoded-words", id="encoded-words beside"),
        pytest.param("To: é@b", "address", id="EAI-15 a local part"),
        pytest.param("To: <é@b>", "address", id="EAI-15 a local part in brackets"),
        pytest.param("To: a@é", "address", id="a domain"),
        pytest.param("To: é@b <c@d>", "a name", id="an address as a name"),
        pytest.param("To: a (é) <b@c>", "a name", id="a comment in a name"),
        pytest.param("To: a@b (é)", "address", id="a comment after an address"),
        pytest.param("To: é", "address", id="a name without an address"),
        pytest.param('To: "é', "malformed", id="a quote without end"),
        pytest.param("To: (é", "malformed", id="a comment without end"),
        pytest.param("To: ((é) <a@b>", "malformed", id="a comment in a comment"),
        pytest.param("To: é <a@b", "malformed", id="a bracket without end"),
        pytest.param("To: é> <a@b>", "malformed", id="a bracket without start"),
        pytest.param("Message-ID: <é@b>", "cannot be written", id="DWN-12 a structured field"),
        pytest.param("Content-Type: text/plain; name=é", "cannot be written", id="a parameter"),
        pytest.param("DKIM-Signature: é", "cannot be written", id="a signature"),
        pytest.param("Résent: é", "no field", id="EAI-17 a field name"),
        pytest.param("é", "no field", id="no field"),
        pytest.param(" é: a", "no field", id="a folded line first"),
    ],
)
def test_cannot(text: str | bytes, reason: str) -> None:
    with pytest.raises(CannotConvert, match=reason):
        in_ascii(field(text))


WORDS = st.lists(st.text(st.sampled_from("aé日😀,.@<>():;\"' "), max_size=30), max_size=8).map(" ".join)


@given(WORDS)
def test_texts_read_back(text: str) -> None:
    """DWN-1: a reader of encoded-words sees what was written, within the lengths of RFC 2047 2."""
    text = "é" + text.strip() + "é"
    octets = in_ascii(field(f"Subject: {text}"))
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    assert message_from_bytes(octets + b"\r\n", policy=policy.SMTP)["Subject"] == text


NAMES = st.text(st.sampled_from("aé日😀,.@<>():; "), max_size=60).map(str.strip)


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_names_read_back(names: list[str]) -> None:
    """DWN-12: names change their dress, addresses do not change at all."""
    octets = in_ascii(field("To: " + ", ".join(f'"{name}é" <a@b.c>' for name in names)))
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    value = octets.removeprefix(b"To:").replace(b"\r\n", b"").decode("ascii")
    addresses = [(str(make_header(decode_header(name))), address) for name, address in getaddresses([value])]
    assert addresses == [(f"{name}é", "a@b.c") for name in names]
