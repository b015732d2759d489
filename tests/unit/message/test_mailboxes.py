"""Mailboxes of From and its kin, and what is none because readers differ about it (RFC 5322 3.4, 4.4; HDR-6, SUB-6)."""

from __future__ import annotations

import time
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import HeaderRegistry

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gsubmit.message.fields import Field
from gsubmit.message.mailboxes import Mailbox, Unparsable, mailboxes


def parsed(value: str | bytes) -> list[Mailbox]:
    octets = value if isinstance(value, bytes) else value.encode()
    return mailboxes(Field(b"from", b"From: " + octets + b"\r\n"))


def addresses(value: str | bytes) -> list[str]:
    return [str(mailbox.address) for mailbox in parsed(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@example.org", "a@example.org"),
        ("<a@example.org>", "a@example.org"),
        ("\r\n A Bee\r\n\t<a@example.org>", "a@example.org"),
        ("John Q. Public <a@example.org>", "a@example.org"),
        ('"Bee, A" <a@example.org>', "a@example.org"),
        ('"Bee \\"the\\\\\\" A" <a@example.org>', "a@example.org"),
        ('"" <a@example.org>', "a@example.org"),
        ("a@example.org (A Bee)", "a@example.org"),
        ("(one (two \\) (three)) four) a@example.org (five)", "a@example.org"),
        ("a@example.org, b@example.org", "a@example.org b@example.org"),
        (", a@example.org,, <b@example.org>, ", "a@example.org b@example.org"),
        ("=?utf-8?Q?B=C3=BCro?= =?utf-8?B?w6Q=?= <a@example.org>", "a@example.org"),
        ("Büro <a@example.org>", "a@example.org"),
        (b"B\xfcro <a@example.org>", "a@example.org"),
        (b'"B\xfcro" (\xfc) <a@example.org>', "a@example.org"),
        ("用户 <用户@例子.example>", "用户@例子.example"),
        ("Us: a@example.org, B <b@example.org>;", "a@example.org b@example.org"),
        ('"We, too" (x): a@example.org; (y), c@example.org', "a@example.org c@example.org"),
        ("A: ;, b@example.org", "b@example.org"),
        ("<@one.example,@two.example:a@example.org>", "a@example.org"),
        ("< , @one.example , , @two.example : a@example.org >", "a@example.org"),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test"),
        ("John Doe <jdoe@machine(comment).  example>", "jdoe@machine.example"),
        ("Joe <a . b @ example . org>", "a.b@example.org"),
        ('"john doe"@example.org', '"john doe"@example.org'),
        ('<"a".b@example.org>', "a.b@example.org"),
        ("a..b.@example.org", '"a..b."@example.org'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("A <a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("a@under_score.example", "a@under_score.example"),
        ("root@localhost (Cron Daemon)", "root@localhost"),
        ("a@example.org <A@Example.org>", "A@Example.org"),
        ("[JIRA] (X-1) A Bee <a@example.org>", "a@example.org"),
        ('"b@example.net" <a@example.org>', "a@example.org"),
        ('"B <b@example.net>" <a@example.org>', "a@example.org"),
        ("=?utf-8?Q?b=40example.net?= <a@example.org>", "a@example.org"),
        ("=?utf-8?Q?A_=3Ca=40example.org=3E?= <a@example.org>", "a@example.org"),
        ("I =?utf-8?Q?=3C3?= you <a@example.org>", "a@example.org"),
        ("=?utf-8?B?!!!?= =?x <a@example.org>", "a@example.org"),
        ("A @home <a@example.org>", None),
        ("", None),
        ("   ", None),
        ("<>", None),
        ("< >", None),
        ('"MAILER-DAEMON" <>', None),
        ("undisclosed:;", None),
        ("A: B: a@example.org;;", None),
        ("A: a@example.org", None),
        (": a@example.org;", None),
        ("a@example.org;", None),
        ("a@example.org; b@example.org", None),
        ("A: a@example.org; b@example.org", None),
        ("root", None),
        ("<root>", None),
        ("Bee, A <a@example.org>", None),
        ("a@example.org b@example.org", None),
        ("a@example.org <b@example.org>", None),
        ("a@example.org, <b@example.org> c", None),
        ("<a@example.org> <b@example.org>", None),
        ("<a@example.org", None),
        ("a@example.org>", None),
        ("<<a@example.org>>", None),
        ("A a@example.org", None),
        ("a b@example.org", None),
        ('"a"b@example.org', None),
        ("a@example.org@example.net", None),
        ("<a@example.org@example.net>", None),
        ("a@@example.org", None),
        ("a @example.org", None),
        ("a@ example.org", None),
        ("a@example.org.", None),
        ("a@.example.org", None),
        ("a@example..org", None),
        ("a@example.org .net", None),
        ("@example.org", None),
        ("a@", None),
        ("<@one.example a@example.org>", None),
        ("<@one.example:>", None),
        ("a@[192.0.2.1", None),
        ("a@[1.2.3]", None),
        ("a@[192.0.2.1].org", None),
        ("[a]@example.org", None),
        ("a(b)@example.org", None),
        ("<a(b@example.net)@example.org>", None),
        ("<(b@example.net)a@example.org>", None),
        ("<a@example.org(, <b@example.net>)>", None),
        ("(a@example.org", None),
        ("a@example.org (\\", None),
        ("a@example.org)", None),
        ('"a@example.org', None),
        ('"A <a@example.org>', None),
        ("A\\ <a@example.org>", None),
        ("[a@example.net] <a@example.org>", None),
        ('"b@example.net"@example.org', None),
        ('"<b@example.net>,"@example.org', None),
        ('<"a\\"b"@example.org>', None),
        ("=?utf-8?B?YUBleGFtcGxlLm5ldA==?=@example.org", None),
        ('"=?utf-8?Q?a?="@example.org', None),
        ("=?utf-8?Q?a=40example.net?=@example.org", None),
        ("=?utf-8?Q?=3Cb=40example.net=3E?= <a@example.org>", None),
        ("=?utf-8?Q?=3Cb=40?= =?utf-8?Q?example.net=3E?= <a@example.org>", None),
        ('"=?utf-8?B?PGJAZXhhbXBsZS5uZXQ+?=" <a@example.org>', None),
        ("=?utf-8?Q?a=40example.net=00?= <a@example.org>", None),
        ("=?utf-8?Q?a=0D=0Ab?= <a@example.org>", None),
        ("a\0@example.org", None),
        ("A\0 <a@example.org>", None),
        ("A\rB <a@example.org>", None),
        ("A\nFrom: b@example.net\r\n <a@example.org>", None),
        ("\x1b$B%F\x1b(B <a@example.org>", None),
        ("a\u200bb@example.org", None),
        ("a\u00a0b@example.org", None),
        ("a@exam\u202eple.org", None),
        (b"\xfc@example.org", None),
        (b"a@b\xfcro.example", None),
        ("a@" + 128 * "x." + "org", None),
        (257 * "a" + "@example.org", None),
    ],
)
def test_what_there_is_in_a_field(value: str | bytes, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Unparsable):
            parsed(value)
    else:
        assert " ".join(addresses(value)) == expected


@pytest.mark.parametrize(
    ("value", "phrase", "comment"),
    [
        ('  "Bee, A"\r\n <a@example.org> (x) ', '"Bee, A"', "(x)"),
        ("A (x) Bee <a@example.org>", "A (x) Bee", ""),
        ("a@example.org (A\r\n Bee)", "", "(A Bee)"),
        ("a@example.org <a@example.org>", '"a@example.org"', ""),
        (b"B\xfc <a@example.org>", "B\udcfc", ""),
        ("<a@example.org>", "", ""),
    ],
)
def test_names(value: str | bytes, phrase: str, comment: str) -> None:
    (mailbox,) = parsed(value)
    assert (mailbox.phrase, mailbox.comment) == (phrase, comment)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from([*'aZ0_+-. \t<>@"=?(', "é", "a@b", " <a.b@c-d.e>"]), max_size=9).map("".join))
@example("A Bee <a@b.example>")
@example('"Bee, A" <a.b@c-d.example> ')
@example('"=?a?q?=00?=" <a@b.example>')
def test_plain_fields_are_read_like_others(value: str) -> None:
    def read() -> list[Mailbox] | None:
        try:
            return parsed(value)
        except Unparsable:
            return None

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gsubmit.message.mailboxes._MAX_PLAIN", -1)
        slowly = read()
    assert read() == slowly


N = 50_000


@pytest.mark.parametrize(
    "value",
    [
        *("(" * N, ")" * N, "(" * N + ")" * N, "(\\" * N, "()" * N, "<" * N, '"' * N, '"\\' * N, "[" * N, "\\" * N),
        *("a@b," * N, "a " * N, "a." * N + "@b", "a@" + "b." * N, "a@" + "b-" * N, "a:" * N, ":;" * N, "," * N),
        *("<@a,@b" * N, "<@" + "a," * N, "=?" * N, "=?a?q?=3C?= " * N, "=?a?q?=3C=40?=" * N + "<a@b>"),
        *("=?a?q?" + "=3C=40" * N + "?= <a@b>", "=?a?q?=3C" + "=40" * N + "?= <a@b>", "a" * N + "@b", "\t" * N),
        *("a<a@b> " * N, '"a" ' * N + "<a@b>", "a@b <" * N, "(a)" * N + "a@b", "<a@b" + "(c)" * N, "<" + " .a" * N),
    ],
)
def test_no_input_takes_long(value: str) -> None:
    begun = time.process_time()
    with suppress(Unparsable):
        parsed(value)
    assert time.process_time() - begun < 5


PIECES = [
    *("a", "b.c", "A Bee", "é", "example.org", "=?utf-8?Q?=C3=A9?=", "=?utf-8?Q?a=40b?="),
    *("@", "<", ">", ",", ";", ":", ".", " ", "\r\n ", "(", ")", "(c)", '"', "\\", '"q r"', "[", "]", "[192.0.2.1]"),
    *("a@example.org", "<b@example.net>", "A <a@example.org>", "G: a@b.c, d@e.f;", "@r.example:"),
]


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
@example("A: a@b.c;, <d@e.f>")
@example("a@b.c <a@b.c>")
def test_others_see_the_same_addresses(value: str) -> None:
    """What both can read is the same to both; where the standard library is not sure it has a defect, or crashes."""
    try:
        ours = addresses(value)
    except Unparsable:
        return
    try:
        header = HeaderRegistry()("From", value.replace("\r\n", ""))
    except (AttributeError, IndexError, TypeError, HeaderParseError):
        return
    if not header.defects:
        theirs = header.addresses  # type: ignore[attr-defined]
        assert [address.addr_spec for address in theirs] == ours
