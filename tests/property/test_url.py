"""IMAP URLs and mailbox names: what is built is parsed back, and no input does harm."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.burl.url import BadUrl, ImapUrl, redact
from gsubmit.net.mailboxname import quoted, to_modified_utf7

SETTINGS = settings(max_examples=400, deadline=None)
TOKENS = st.text("0123456789abcdefABCDEF", min_size=32, max_size=70)
NAMES = st.text(
    st.one_of(
        st.sampled_from('ab;/?&=:@%+ "\\[]~-,é日📧'),
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]),
    ),
    min_size=1,
    max_size=12,
)
NZ_NUMBERS = st.integers(1, 2**32 - 1)
NUMBERS = st.integers(0, 2**32 - 1)
SECTIONS = st.one_of(
    st.just(""),
    st.builds(
        lambda numbers, text: ".".join([*map(str, numbers), *text]),
        st.lists(NZ_NUMBERS, min_size=1, max_size=4),
        st.sampled_from([[], ["MIME"], ["HEADER"], ["text"], ["HEADER.FIELDS (To Cc)"]]),
    ),
    st.sampled_from(["HEADER", "TEXT", "HEADER.FIELDS.NOT (X-Mailer)"]),
)
HOSTS = st.one_of(
    st.just("mail.example"),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str).filter(lambda text: "%" not in text),
)
MOMENTS = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


class Built(NamedTuple):
    """A URL, and what must be read from it."""

    text: str
    expected: tuple[object, ...]
    token: str


@st.composite
def urls(draw: st.DrawFn) -> Built:
    case = draw(st.sampled_from([str.upper, str.lower, str.title]))

    def encoded(text: str, safe: str) -> str:
        return "".join(
            character if character in safe and draw(st.booleans()) else quote(character, safe="") for character in text
        )

    user, mailbox, section, host = draw(NAMES), draw(NAMES), draw(SECTIONS), draw(HOSTS)
    port, uid = draw(st.one_of(st.none(), st.integers(1, 65535))), draw(NZ_NUMBERS)
    uidvalidity = draw(st.one_of(st.none(), NZ_NUMBERS))
    partial = draw(st.one_of(st.none(), st.tuples(NUMBERS, st.one_of(st.none(), NZ_NUMBERS))))
    access, userid, mechanism = draw(st.sampled_from(["submit", "user"])), draw(NAMES), draw(st.sampled_from("AZ9-."))
    expire, token = draw(st.one_of(st.none(), MOMENTS)), draw(TOKENS)

    text = f"{case('imap')}://{encoded(user, '&=+~-,')}@{case(f'[{host}]' if ':' in host else host)}"
    text += f":{port}" if port else ""
    text += f"/{encoded(mailbox, '&=:@/+~-,')}"
    text += f"{case(';uidvalidity=')}{uidvalidity}" if uidvalidity else ""
    text += f"{case('/;uid=')}{uid}"
    text += f"{case('/;section=')}{encoded(section, '().')}" if section else ""
    if partial:
        text += f"{case('/;partial=')}{partial[0]}" + (f".{partial[1]}" if partial[1] else "")
    text += f"{case(';expire=')}{expire.isoformat()}" if expire else ""
    rump = text + f"{case(f';urlauth={access}+')}{encoded(userid, '&=+~-,')}"
    text = f"{rump}:{mechanism}:{token}"
    place = (user, host, port or 143, mailbox, uidvalidity, uid, section, partial)
    return Built(text, (*place, rump, expire, access, userid, mechanism, token), token)


@SETTINGS
@given(urls())
def test_a_built_url_is_parsed_back(built: Built) -> None:
    url = ImapUrl.parse(built.text)
    auth = url.urlauth
    assert auth is not None
    place = (url.user, url.host, url.port, url.mailbox, url.uidvalidity, url.uid, url.section, url.partial)
    assert (*place, auth.rump, auth.expire, auth.access, auth.userid, auth.mechanism, auth.token) == built.expected
    assert url.text == built.text
    if auth.expire:
        assert url.is_expired(auth.expire + timedelta(seconds=1))
        assert not url.is_expired(auth.expire.astimezone(UTC))


@SETTINGS
@given(urls())
def test_no_token_is_shown(built: Built) -> None:
    url = ImapUrl.parse(built.text)
    for shown in (str(url), repr(url), url.redacted, repr(url.urlauth), redact(f'A1 URLFETCH "{built.text}"')):
        assert built.token not in shown
    assert url.redacted == built.text.removesuffix(built.token) + "<hidden>"


PIECES = [
    *("imap://", "joe", "@", "h", ":143", "/", "box", ";UIDVALIDITY=", "1", "/;UID=", "/;SECTION=", "1.2", "/;PARTIAL="),
    *(";EXPIRE=2006-10-28T23:59:59Z", ";EXPIRE=", ";URLAUTH=", "submit+joe", "anonymous", ":", "INTERNAL", "?", "#", "%"),
    *("%00", "%0A", "%FF", "%zz", " ", '"', "[", "]", "[::1]", ";AUTH=*", ";", "=", "é", "\r", "\n", "%3A", "%3D", "//", ";TYPE=LIST"),
]  # fmt: skip
SOUP = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@SETTINGS
@given(st.one_of(SOUP, st.text(max_size=40), st.text(max_size=40).map("imap://joe@h/box/;UID=1{}".format)))
def test_no_input_raises_anything_but_bad_url(text: str) -> None:
    with suppress(BadUrl):
        url = ImapUrl.parse(text)
        assert url.text == text
        assert text.isascii()
        assert not set(url.mailbox + url.user + url.section) & set("\r\n\0")
        assert not set(url.section) & set("[]{}<>\\")
    redact(text)


@SETTINGS
@given(urls(), st.integers(0, 300), st.sampled_from(["", *PIECES]), st.booleans())
def test_no_token_of_a_mangled_url_is_shown(built: Built, at: int, piece: str, drops: bool) -> None:
    """One piece too many or one character too few, before the token."""
    front = built.text.removesuffix(built.token)
    at %= len(front)
    text = front[:at] + piece + front[at + drops :] + built.token
    try:
        shown = str(ImapUrl.parse(text))
    except BadUrl as refusal:
        shown = f"{refusal!r} {refusal}"
    assert built.token not in shown
    # A line end parts the line, and half a URL may not be known as one: logs get no line ends from outside.
    if not {"\r", "\n"} & set(piece):
        assert built.token not in redact(f"BURL {text} LAST")


def slow_modified_utf7(name: str) -> str:
    """RFC 3501 5.1.3 bit by bit."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
    written, bits = "", ""

    def shifted_back() -> str:
        if not bits:
            return ""
        padded = bits + "0" * (-len(bits) % 6)
        return "&" + "".join(alphabet[int(padded[at : at + 6], 2)] for at in range(0, len(padded), 6)) + "-"

    for character in name:
        code = ord(character)
        if 0x20 <= code <= 0x7E:
            written, bits = written + shifted_back() + ("&-" if character == "&" else character), ""
        elif code <= 0xFFFF:
            bits += f"{code:016b}"
        else:
            high, low = divmod(code - 0x10000, 0x400)
            bits += f"{0xD800 + high:016b}{0xDC00 + low:016b}"
    return written + shifted_back()


@SETTINGS
@given(st.one_of(NAMES, st.text(st.characters(exclude_categories=["Cs"]))))
def test_mailbox_names(name: str) -> None:
    encoded = to_modified_utf7(name)
    assert encoded == slow_modified_utf7(name)
    written = quoted(encoded)
    assert re.fullmatch(r'"(?:[ !#-\[\]-~]|\\["\\])*"', written)
    assert re.sub(r"\\(.)", r"\1", written[1:-1]) == encoded
