"""IMAP URLs and what authorizes them (RFC 5092, 4467, 3986, 3339; RFC 3501 9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gsubmit.burl.url import BadUrl, ImapUrl, Kind, UrlAuth, redact

TOKEN = "91354a473744909de610943775f92038"
U1 = f"imap://harry@gryffindor.example.com/outbox;uidvalidity=1078863300/;uid=25;urlauth=submit+harry:internal:{TOKEN}"
JOE = "imap://joe@example.com/INBOX/;UID=20"
FRED = f"{JOE};URLAUTH=submit+fred:INTERNAL:{TOKEN}"


def plain(**fields: object) -> dict[str, object]:
    """All fields but text, with what most of the URLs below have."""
    absent: dict[str, object] = dict.fromkeys(("uidvalidity", "partial", "urlauth"))
    usual: dict[str, object] = {"user": "", "port": 143, "section": ""}
    return {**absent, **usual, "host": "h", "mailbox": "box", "uid": 1, **fields}


def fields(url: ImapUrl) -> dict[str, object]:
    return {name: getattr(url, name) for name in plain()}


MINBARI = {"host": "minbari.example.org", "mailbox": "gray-council", "uid": 20}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
            plain(**MINBARI, uidvalidity=385759045, partial=(0, 1024)),
            id="TV-URL-3 URL-3 plain and partial",
        ),
        pytest.param(
            "imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2",
            plain(**MINBARI, section="1.2"),
            id="TV-URL-4 URL-2 mechanism without user",
        ),
        pytest.param("imap://h/box/;UID=1", plain(), id="URL-9 neither user nor mechanism"),
        pytest.param("IMAP://joe@H.Example/box/;UiD=1", plain(user="joe", host="h.example"), id="URL-1 URL-4 case"),
        pytest.param("imap://joe;AUTH=*@h/box/;UID=1", plain(user="joe"), id="URL-2 any mechanism"),
        pytest.param("imap://;auth=*@h/box/;UID=1", plain(), id="URL-2 no user, any mechanism"),
        pytest.param(
            "imap://joe;AUTH=SCRAM-SHA-256@h/box/;UID=1", plain(user="joe"), id="URL-2 mechanism"
        ),
        pytest.param("imap://j%40x%3B@h/box/;UID=1", plain(user="j@x;"), id="URL-5 encoded user"),
        pytest.param("imap://a&b=c+d!$'()*,~_.-@h/box/;UID=1", plain(user="a&b=c+d!$'()*,~_.-"), id="URL-5 achar"),
        pytest.param("imap://h/a:b@c/d&e=f/;UID=1", plain(mailbox="a:b@c/d&e=f"), id="URL-5 bchar"),
        pytest.param("imap://h/a%3bb%3fc%20d/;UID=1", plain(mailbox="a;b?c d"), id="URL-5 encoded delimiters"),
        pytest.param("imap://h/%2525/;UID=1", plain(mailbox="%25"), id="URL-12 decoded once"),
        pytest.param(
            "imap://h/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97/;UID=1",
            plain(mailbox="~peter/日本語/台北"),
            id="TV-URL-6 URL-6 UTF-8",
        ),
        pytest.param("imap://h/&ZeU-/;UID=1", plain(mailbox="&ZeU-"), id="URL-6 modified UTF-7 is not decoded here"),
        pytest.param("imap://h/box//;UID=1", plain(mailbox="box/"), id="URL-3 mailbox with a slash at its end"),
        pytest.param("imap://h/x;UIDVALIDITY=4294967295/;UID=4294967295", plain(mailbox="x", uidvalidity=2**32 - 1, uid=2**32 - 1), id="URL-3 highest"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=7", plain(partial=(7, None)), id="URL-3 partial without length"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=00.4294967295", plain(partial=(0, 2**32 - 1)), id="URL-3 number"),
        pytest.param(
            "imap://h/box/;UID=1/;section=TEXT/;partial=1.2", plain(section="TEXT", partial=(1, 2)), id="URL-3 all"
        ),
        pytest.param("imap://h:993/box/;UID=1", plain(port=993), id="URL-1 port"),
        pytest.param("imap://h:/box/;UID=1", plain(), id="URL-1 empty port (RFC 3986 3.2.3)"),
        pytest.param("imap://h:00143/box/;UID=1", plain(), id="URL-1 port with leading zeros (RFC 3986 3.2.3)"),
        pytest.param("imap://mail.H./box/;UID=1", plain(host="mail.h"), id="URL-1 dot of the root"),
        pytest.param("imap://_a-b.3com.x9/box/;UID=1", plain(host="_a-b.3com.x9"), id="URL-1 odd names"),
        pytest.param("imap://192.0.2.1:1/box/;UID=1", plain(host="192.0.2.1", port=1), id="URL-1 IPv4"),
        pytest.param("imap://[2001:DB8:0::1]/box/;UID=1", plain(host="2001:db8::1"), id="URL-1 IPv6"),
        pytest.param("imap://joe@[::1]:143/box/;UID=1", plain(user="joe", host="::1"), id="URL-1 IPv6 with port"),
    ],
)  # fmt: skip
def test_plain(text: str, expected: dict[str, object]) -> None:
    url = ImapUrl.parse(text)
    assert url.text == url.redacted == str(url) == text
    assert fields(url) == expected
    assert not url.is_expired(datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "urlauth"),
    [
        pytest.param(U1, UrlAuth(U1[:-42], None, "submit", "harry", "INTERNAL", TOKEN), id="TV-BRL-1 U1"),
        pytest.param(
            f"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:{TOKEN}",
            UrlAuth("imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred", None, "submit", "fred", "INTERNAL", TOKEN),
            id="TV-URL-1",
        ),
        pytest.param(
            "imap://bob.ar@example.org/INBOX;UIDVALIDITY=385759045/;UID=25627/;Section=2.MIME"
            ";expire=2006-10-28T23:59:59Z;urlauth=submit+bob.ar:internal:A0DEAD473744909de610943775f9BEEF",
            UrlAuth(
                "imap://bob.ar@example.org/INBOX;UIDVALIDITY=385759045/;UID=25627/;Section=2.MIME"
                ";expire=2006-10-28T23:59:59Z;urlauth=submit+bob.ar",
                datetime(2006, 10, 28, 23, 59, 59, tzinfo=UTC),
                "submit",
                "bob.ar",
                "INTERNAL",
                "A0DEAD473744909de610943775f9BEEF",
            ),
            id="TV-URL-2",
        ),
        pytest.param(
            f"IMAP://Joe@EXAMPLE.com/INBOX/;UID=20;URLAUTH=USER+Joe:INTERNAL:{TOKEN}",
            UrlAuth("IMAP://Joe@EXAMPLE.com/INBOX/;UID=20;URLAUTH=USER+Joe", None, "user", "Joe", "INTERNAL", TOKEN),
            id="TV-URL-11 UAU-11 the rump keeps its case",
        ),
        pytest.param(
            f"{JOE};urlauth=submit+harry%40gryffindor.example.com:internal:{TOKEN}",
            UrlAuth(f"{JOE};urlauth=submit+harry%40gryffindor.example.com", None, "submit", "harry@gryffindor.example.com", "INTERNAL", TOKEN),
            id="TV-BRL-5 UAU-11 the rump is not decoded",
        ),
        pytest.param(
            f"{JOE};URLAUTH=AuthUser:x-1.2:{TOKEN}00",
            UrlAuth(f"{JOE};URLAUTH=AuthUser", None, "authuser", "", "X-1.2", TOKEN + "00"),
            id="UAU-1 authuser, another mechanism, longer token",
        ),
        pytest.param(
            f"imap://joe;AUTH=*@h/box/;UID=1/;PARTIAL=1;URLAUTH=anonymous:INTERNAL:{TOKEN}",
            UrlAuth("imap://joe;AUTH=*@h/box/;UID=1/;PARTIAL=1;URLAUTH=anonymous", None, "anonymous", "", "INTERNAL", TOKEN),
            id="UAU-1 anonymous, behind partial",
        ),
    ],
)  # fmt: skip
def test_urlauth(text: str, urlauth: UrlAuth) -> None:
    url = ImapUrl.parse(text)
    assert url.text == text
    assert url.urlauth == urlauth
    assert text == f"{urlauth.rump}:{text[len(urlauth.rump) + 1 :].partition(':')[0]}:{urlauth.token}"


def test_u1() -> None:
    """TV-BRL-1: the URL of RFC 4468 3.4."""
    assert len(U1) == 136
    url = ImapUrl.parse(U1)
    assert (url.user, url.host, url.mailbox, url.uidvalidity, url.uid) == (
        "harry",
        "gryffindor.example.com",
        "outbox",
        1078863300,
        25,
    )


ZONE = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2006-10-28T23:59:59Z", datetime(2006, 10, 28, 23, 59, 59, tzinfo=UTC), id="UTC"),
        pytest.param("2006-10-28t23:59:59z", datetime(2006, 10, 28, 23, 59, 59, tzinfo=UTC), id="small letters"),
        pytest.param("2006-10-28T23:59:59.5+05:30", datetime(2006, 10, 28, 23, 59, 59, 500000, ZONE), id="offset"),
        pytest.param("2006-10-28T23:59:59-00:00", datetime(2006, 10, 28, 23, 59, 59, tzinfo=UTC), id="unknown offset"),
        pytest.param("1990-12-31T23:59:60Z", datetime(1991, 1, 1, tzinfo=UTC), id="leap second"),
        pytest.param(
            "2006-10-28T23:59:59.123456789Z", datetime(2006, 10, 28, 23, 59, 59, 123456, UTC), id="nanoseconds"
        ),
        pytest.param("2000-02-29T00:00:00+23:59", datetime(2000, 2, 28, 0, 1, tzinfo=UTC), id="furthest offset"),
    ],
)
def test_uau_2_expire(text: str, moment: datetime) -> None:
    url = ImapUrl.parse(f"{JOE};EXPIRE={text};URLAUTH=anonymous:INTERNAL:{TOKEN}")
    assert url.urlauth is not None
    assert url.urlauth.expire == moment
    assert not url.is_expired(moment)
    assert url.is_expired(moment + timedelta(microseconds=1))
    assert f";EXPIRE={text};" in url.urlauth.rump


def test_tv_brl_14_expired() -> None:
    url = ImapUrl.parse(FRED.replace(";URLAUTH", ";EXPIRE=2006-10-28T23:59:59Z;URLAUTH"))
    assert url.is_expired(datetime.now(UTC))
    assert not ImapUrl.parse(FRED).is_expired(datetime.now(UTC))


@pytest.mark.parametrize(
    "section",
    [
        *("HEADER", "TEXT", "header", "1", "1.2.3", "4294967295", "2.MIME", "1.2.Header", "1.TEXT"),
        *("HEADER.FIELDS (Subject)", "header.fields.not (DKIM-Signature To)", '1.HEADER.FIELDS ("From" To)'),
    ],
)
def test_url_8_section(section: str) -> None:
    encoded = section.replace(" ", "%20").replace('"', "%22")
    assert ImapUrl.parse(f"imap://h/box/;UID=1/;SECTION={encoded}").section == section


@pytest.mark.parametrize(
    "section",
    [
        *("", "0", "01", "1.", ".1", "1..2", "4294967296", "1.4294967296", "99999999999", "1.0"),
        *("MIME", "HEADERS", "TEXT.1", "HEADER.1", "1.HEADER.MIME", "BINARY", "%E2%82%AC"),
        *("HEADER.FIELD%C5%BF%20(To)", "1.%C5%BFEXT", "1.TE%E2%84%AAT", "%D9%A1"),
        *("TEXT%5D", "1%5D%20BODY%5B", "TEXT%0D%0AA1%20LOGOUT", "TEXT%00", "TEXT%20", "%20TEXT", "TEXT%3C0.1%3E"),
        *("HEADER.FIELDS", "HEADER.FIELDS%20()", "HEADER.FIELDS%20(To", "HEADER.FIELDS%20(To%20%20Cc)"),
        *("HEADER.FIELDS%20(%7B3%7D)", "HEADER.FIELDS%20(%22a)", "HEADER.FIELDS%20(%22a%5C%22%22)"),
        *("HEADER.FIELDS%20(a%5Db)", "HEADER.FIELDS%20(a(b))", "HEADER.FIELDS%20(%22a%20b%22)", "HEADER.FIELDS%20(*)"),
    ],
)
def test_sections_that_are_refused(section: str) -> None:
    with pytest.raises(BadUrl) as refusal:
        ImapUrl.parse(f"imap://h/box/;UID=1/;SECTION={section}")
    assert refusal.value.kind is Kind.SYNTAX


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("imap://;AUTH=*@minbari.example.org/gray%20council?SUBJECT%20shadows", Kind.SEARCH, id="TV-URL-5"),
        pytest.param("imap://h/box;UIDVALIDITY=9?ALL", Kind.SEARCH, id="BURL-26 search with UIDVALIDITY"),
        pytest.param(
            "imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97",
            Kind.MAILBOX,
            id="TV-URL-6 mailbox",
        ),
        pytest.param("imap://h/box", Kind.MAILBOX, id="TV-BRL-8 mailbox"),
        pytest.param("imap://h/box;UIDVALIDITY=9", Kind.MAILBOX, id="BURL-26 mailbox with UIDVALIDITY"),
        pytest.param("imap://h/box/;TYPE=LIST", Kind.MAILBOX_LIST, id="BURL-26 list, RFC 2192"),
        pytest.param("imap://h/%25;type=lsub", Kind.MAILBOX_LIST, id="BURL-26 list of subscribed, RFC 2192"),
        pytest.param("imap://h", Kind.SERVER, id="BURL-26 server"),
        pytest.param("imap://joe@h:143/", Kind.SERVER, id="BURL-26 server with slash"),
        pytest.param(f"imap://joe@h/;URLAUTH=anonymous:INTERNAL:{TOKEN}", Kind.SERVER, id="UAU-4 server"),
        pytest.param(f"imap://joe@h/box;URLAUTH=anonymous:INTERNAL:{TOKEN}", Kind.MAILBOX, id="UAU-4 mailbox"),
        pytest.param(f"imap://joe@h/box?ALL;URLAUTH=anonymous:INTERNAL:{TOKEN}", Kind.SEARCH, id="UAU-4 search"),
        pytest.param("http://example.com/", Kind.SCHEME, id="TV-BRL-8 http"),
        pytest.param("imaps://h/box/;UID=1", Kind.SCHEME, id="URL-1 imaps is no scheme of these"),
        pytest.param("imap4://h/box/;UID=1", Kind.SCHEME, id="BURL-26 another scheme"),
        pytest.param("cid:part1@example.com", Kind.SCHEME, id="BURL-26 scheme without server"),
        pytest.param("/outbox/;uid=1", Kind.RELATIVE, id="TV-BRL-8 URL-11 absolute path"),
        pytest.param("//h/outbox/;uid=1", Kind.RELATIVE, id="URL-11 network path"),
        pytest.param(";section=1.4", Kind.RELATIVE, id="URL-11 relative path"),
        pytest.param("box/;UID=1", Kind.RELATIVE, id="URL-11 relative mailbox"),
    ],
)
def test_other_urls(text: str, kind: Kind) -> None:
    with pytest.raises(BadUrl) as refusal:
        ImapUrl.parse(text)
    assert refusal.value.kind is kind
    assert str(refusal.value) == refusal.value.reason


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{JOE};urlauth=anonymous:internal:{TOKEN[1:]}", id="TV-URL-7 31 digits"),
        pytest.param("imap://example.com/Shared/;uid=20/;section=1.2;urlauth=submit+fred", id="TV-URL-8"),
        pytest.param(f"imap://example.com/Shared/;uid=20;urlauth=submit+fred:internal:{TOKEN}", id="UAU-3 no owner"),
        pytest.param(f"imap://;AUTH=*@h/box/;uid=20;urlauth=submit+fred:internal:{TOKEN}", id="UAU-3 AUTH, no owner"),
        pytest.param(f"{JOE};urlauth=submit+:internal:{TOKEN}", id="TV-URL-9 empty userid"),
        pytest.param(f"{JOE};urlauth=root:internal:{TOKEN}", id="TV-URL-9 unknown access"),
        pytest.param(f"{JOE};urlauth=anonymous:internal:{TOKEN}/;section=1", id="TV-URL-9 urlauth not last"),
        pytest.param(
            f"{JOE};urlauth=anonymous:internal:{TOKEN};EXPIRE=2036-10-28T23:59:59Z", id="TV-URL-9 expire last"
        ),
        pytest.param(f"{FRED};URLAUTH=anonymous:INTERNAL:{TOKEN}", id="TV-URL-9 urlauth twice"),
        pytest.param(f"{JOE}/;URLAUTH=anonymous:INTERNAL:{TOKEN}", id="UAU-1 slash before urlauth"),
        pytest.param(f"{JOE};urlauth=authuser+joe:internal:{TOKEN}", id="UAU-1 authuser with userid"),
        pytest.param(f"{JOE};urlauth=submit:internal:{TOKEN}", id="UAU-1 submit without userid"),
        pytest.param(f"{JOE};urlauth=submit+a%00:internal:{TOKEN}", id="UAU-1 NUL in userid"),
        pytest.param(f"{JOE};urlauth=submit+a%0D%0A:internal:{TOKEN}", id="UAU-1 CRLF in userid"),
        pytest.param(f"{JOE};urlauth=submit+%FF:internal:{TOKEN}", id="UAU-1 userid is not UTF-8"),
        pytest.param(f"{JOE};urlauth=submit+a:b:internal:{TOKEN}", id="UAU-1 colon in userid"),
        pytest.param(f"{JOE};urlauth=anonymous::{TOKEN}", id="UAU-1 no mechanism"),
        pytest.param(f"{JOE};urlauth=anonymous:in_ternal:{TOKEN}", id="UAU-1 no mechanism name"),
        pytest.param(f"{JOE};urlauth=anonymous:internal:{TOKEN}g", id="UAU-1 token is not hex"),
        pytest.param(f"{JOE};urlauth=anonymous:internal:%39{TOKEN}", id="UAU-1 token is encoded"),
        pytest.param(f"{JOE};urlauth=anonymous:internal", id="UAU-1 no token"),
        pytest.param(f"{JOE};EXPIRE=2036-10-28T23:59:59Z", id="UAU-1 expire without urlauth"),
        pytest.param("imap://h/box/;UID=0", id="TV-URL-10 zero"),
        pytest.param("imap://h/box/;UID=4294967296", id="TV-URL-10 33 bits"),
        pytest.param("imap://h/box/;UID=abc", id="TV-URL-10 no number"),
        pytest.param("imap://h/a%zz/;UID=1", id="TV-URL-10 %zz"),
        pytest.param("imap://h/a b/;UID=1", id="TV-URL-10 raw space"),
        pytest.param("imap://h/a%00/;UID=1", id="TV-URL-10 NUL"),
        pytest.param("imap://h/a%0D%0AA1%20LOGOUT/;UID=1", id="TV-URL-10 CRLF"),
        pytest.param("", id="URL-12 nothing"),
        pytest.param("imap:", id="URL-1 scheme alone"),
        pytest.param("imap:/h/box/;UID=1", id="URL-1 one slash"),
        pytest.param("imap:///box/;UID=1", id="URL-1 no host"),
        pytest.param("imap://h/box/;UID=1#x", id="URL-1 fragment"),
        pytest.param("imap://h?ALL", id="URL-1 search without mailbox"),
        pytest.param("imap://@h/box/;UID=1", id="URL-2 empty userinfo"),
        pytest.param("imap://joe;AUTH=@h/box/;UID=1", id="URL-2 empty mechanism"),
        pytest.param("imap://joe;AUTH=%2A@h/box/;UID=1", id="URL-2 encoded asterisk"),
        pytest.param("imap://joe;X=y@h/box/;UID=1", id="URL-2 another parameter"),
        pytest.param("imap://joe:secret@h/box/;UID=1", id="URL-2 password"),
        pytest.param("imap://a@b@h/box/;UID=1", id="URL-2 two users"),
        pytest.param("imap://%00@h/box/;UID=1", id="URL-12 NUL in user"),
        pytest.param("imap://h:0/box/;UID=1", id="URL-1 port zero"),
        pytest.param("imap://h:65536/box/;UID=1", id="URL-1 port too high"),
        pytest.param("imap://h:x/box/;UID=1", id="URL-1 port is no number"),
        pytest.param(f"imap://h:{'9' * 5000}/box/;UID=1", id="URL-1 port without end"),
        pytest.param("imap://127.1/box/;UID=1", id="URL-1 short IPv4"),
        pytest.param("imap://2130706433/box/;UID=1", id="URL-1 IPv4 as one number"),
        pytest.param("imap://0x7F.0x1/box/;UID=1", id="URL-1 hexadecimal IPv4"),
        pytest.param("imap://127.0.0.01/box/;UID=1", id="URL-1 octal IPv4"),
        pytest.param("imap://256.0.0.1/box/;UID=1", id="URL-1 IPv4 too high"),
        pytest.param("imap://[::1/box/;UID=1", id="URL-1 open bracket"),
        pytest.param("imap://::1/box/;UID=1", id="URL-1 IPv6 without brackets"),
        pytest.param("imap://[::g]/box/;UID=1", id="URL-1 no IPv6"),
        pytest.param("imap://[1::2::3]/box/;UID=1", id="URL-1 IPv6 twice shortened"),
        pytest.param("imap://[fe80::1%25eth0]/box/;UID=1", id="URL-1 IPv6 with zone"),
        pytest.param("imap://[v1.x]/box/;UID=1", id="URL-1 a future kind of address"),
        pytest.param("imap://a..b/box/;UID=1", id="URL-1 empty label"),
        pytest.param("imap://-a/box/;UID=1", id="URL-1 hyphen first"),
        pytest.param("imap://h%2Eexample/box/;UID=1", id="URL-1 encoded host"),
        pytest.param("imap://h/;UID=1", id="URL-12 empty mailbox"),
        pytest.param("imap://h//;UID=1", id="URL-12 empty mailbox, two slashes"),
        pytest.param("imap://h/a%1/;UID=1", id="URL-12 half a percent sequence"),
        pytest.param("imap://h/a%/;UID=1", id="URL-12 percent alone"),
        pytest.param("imap://h/%FF/;UID=1", id="URL-12 not UTF-8"),
        pytest.param("imap://h/%C0%80/;UID=1", id="URL-12 UTF-8 of overlong form"),
        pytest.param("imap://h/%ED%A0%80/;UID=1", id="URL-12 surrogate"),
        pytest.param("imap://h/%C2%85/;UID=1", id="URL-12 C1 control"),
        pytest.param("imap://h/%7F/;UID=1", id="URL-12 DEL"),
        pytest.param("imap://h/%E2%80%A8/;UID=1", id="URL-12 line separator"),
        pytest.param("imap://h/日/;UID=1", id="URL-12 8-bit"),
        pytest.param("imap://h/box/;UID=1\r\n", id="URL-12 CRLF at the end"),
        pytest.param("imap://h/box/;UID=1\n", id="URL-12 LF at the end"),
        pytest.param("imap://h/a\tb/;UID=1", id="URL-12 TAB"),
        pytest.param('imap://h/a"b/;UID=1', id="BURL-28 quote"),
        pytest.param("imap://h/a\\b/;UID=1", id="BURL-28 backslash"),
        pytest.param("imap://h/a[b]/;UID=1", id="URL-5 brackets"),
        pytest.param("imap://h/a{1}/;UID=1", id="URL-5 braces"),
        pytest.param("imap://h/box;UID=1", id="URL-3 no slash before UID"),
        pytest.param("imap://h/box/;UID=", id="URL-3 empty UID"),
        pytest.param("imap://h/box/;UID=01", id="URL-12 leading zero"),
        pytest.param("imap://h/box/;UID=+1", id="URL-12 sign"),
        pytest.param("imap://h/box/;UID=1/", id="URL-3 slash at the end"),
        pytest.param("imap://h/box/;UID=1/2", id="URL-3 path behind UID"),
        pytest.param("imap://h/box/;UID=1?ALL", id="URL-3 search behind UID"),
        pytest.param("imap://h/box/;UID=1/;UID=2", id="URL-4 twice"),
        pytest.param("imap://h/box/;UID=1;UIDVALIDITY=2", id="URL-4 UIDVALIDITY behind UID"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=1/;SECTION=1", id="URL-4 order"),
        pytest.param("imap://h/box/;%55ID=1", id="URL-4 encoded name"),
        pytest.param("imap://h/box;UIDVALIDITY=0/;UID=1", id="URL-3 UIDVALIDITY zero"),
        pytest.param("imap://h/box;UIDVALIDITY=4294967296/;UID=1", id="URL-3 UIDVALIDITY of 33 bits"),
        pytest.param("imap://h/box;UIDVALIDITY=x", id="URL-3 UIDVALIDITY of a mailbox is no number"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=", id="URL-3 empty partial"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=.1", id="URL-3 partial without offset"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=1.", id="URL-3 partial with dot only"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=1.0", id="URL-3 partial of nothing"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=1.2.3", id="URL-3 partial of three numbers"),
        pytest.param("imap://h/box/;UID=1/;PARTIAL=4294967296", id="URL-3 offset of 33 bits"),
    ],
)
def test_syntax(text: str) -> None:
    with pytest.raises(BadUrl) as refusal:
        ImapUrl.parse(text)
    assert refusal.value.kind is Kind.SYNTAX
    assert TOKEN[1:] not in f"{refusal.value!r} {refusal.value} {refusal.value.reason}"


@pytest.mark.parametrize(
    "expire",
    [
        *("", "2006-10-28", "2006-10-28T23:59:59", "2006-10-28%2023:59:59Z", "2006-10-28T23:59Z", "20061028T235959Z"),
        *("2006-13-28T23:59:59Z", "2006-02-29T23:59:59Z", "2006-10-28T24:00:00Z", "2006-10-28T23:60:59Z"),
        *("2006-10-28T23:59:61Z", "2006-10-28T23:59:59.Z", "2006-10-28T23:59:59,5Z", "2006-10-28T23:59:59+0530"),
        *("2006-10-28T23:59:59+24:00", "2006-10-28T23:59:59+05:60", "2006-10-28T23:59:59%2B05:30"),
        *("0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "12006-10-28T23:59:59Z", "2006-W43-6T23:59:59Z"),
    ],
)
def test_uau_2_expire_that_is_none(expire: str) -> None:
    with pytest.raises(BadUrl, match=r"^invalid EXPIRE"):
        ImapUrl.parse(f"{JOE};EXPIRE={expire};URLAUTH=anonymous:INTERNAL:{TOKEN}")


def test_burl_24_token_is_hidden() -> None:
    url = ImapUrl.parse(FRED)
    assert TOKEN not in f"{url} {url!r} {url.redacted} {url.urlauth!r} {url.urlauth}"
    assert str(url) == url.redacted == f"{JOE};URLAUTH=submit+fred:INTERNAL:<hidden>"


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        pytest.param(f"BURL {U1} LAST\r\n", f"BURL {U1.removesuffix(TOKEN)}<hidden> LAST\r\n", id="BURL"),
        pytest.param(f'a1 URLFETCH "{FRED}" "{U1}"', f'a1 URLFETCH "{FRED.removesuffix(TOKEN)}<hidden>" "{U1.removesuffix(TOKEN)}<hidden>"', id="quoted, two"),
        pytest.param(f'* URLFETCH {U1} {{12345678}}\r\n"{TOKEN}"', f'* URLFETCH {U1.removesuffix(TOKEN)}<hidden> {{12345678}}\r\n"{TOKEN}"', id="size of a literal stays, and the next line"),
        pytest.param(f"x;UrlAuth=USER+Joe:InTernal:{TOKEN}", "x;UrlAuth=USER+Joe:InTernal:<hidden>", id="case"),
        pytest.param("urlauth=anonymous:internal:not-hex!%20;x", "urlauth=anonymous:internal:<hidden>", id="whatever"),
        pytest.param("urlauth=anonymous:9135g LAST", "urlauth=anonymous:<hidden> LAST", id="no mechanism"),
        pytest.param("urlauth=a:internal: 9135g LAST", "urlauth=a:internal:<hidden> LAST", id="blank before the token"),
        pytest.param('urlauth=a:internal:"9135g" LAST', 'urlauth=a:internal:<hidden>" LAST', id="quote before the token"),
        pytest.param("URLAUTH = a : internal : 9135g", "URLAUTH = a : internal :<hidden>", id="blanks all over"),
        pytest.param("x%3Burlauth%3Da%3Ainternal%3A9135g", "x%3Burlauth%3Da%3Ainternal%3A<hidden>", id="encoded"),
        pytest.param(f"urlauth={TOKEN}", "urlauth=<hidden>", id="token alone"),
        pytest.param(f"urlauth=a:{'g' * 32}:internal", "urlauth=a:<hidden>", id="swapped, not hex"),
        pytest.param(f"urlauth=a:internal:91 {TOKEN}", "urlauth=a:internal:<hidden> <hidden>", id="blank within"),
        pytest.param(f"TH=submit+joe:internal:{TOKEN}", "TH=submit+joe:internal:<hidden>", id="the rest of a broken line"),
        pytest.param(f"BURL h/I;UID=1;AUTH=x:{TOKEN} LAST", "BURL h/I;UID=1;AUTH=x:<hidden> LAST", id="BURL with less than a URL"),
        pytest.param(f"IMAP://h/;%75rlauth=a:internal:{TOKEN}", "IMAP://h/;%75rlauth=a:internal:<hidden>", id="odd name"),
        pytest.param("* CAPABILITY IMAP4rev1 URLAUTH=BINARY URLAUTH ID", "* CAPABILITY IMAP4rev1 URLAUTH=BINARY URLAUTH ID", id="capability"),
        pytest.param(f"Message-ID: <{TOKEN}@x>", f"Message-ID: <{TOKEN}@x>", id="no URL"),
    ],
)  # fmt: skip
def test_burl_24_redact(line: str, redacted: str) -> None:
    assert redact(line) == redacted
    assert redact(redacted) == redacted
