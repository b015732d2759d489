"""The arguments of MAIL and RCPT as a whole (RFC 5321 3.3, 4.1.1.2, 4.1.1.3)."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from gsubmit.smtp.address import path_text
from gsubmit.smtp.envelope import MAILBOX_FOR_PATH, WHITESPACE_BEFORE_PATH, read_recipient, read_sender
from gsubmit.smtp.params import MailParams
from gsubmit.smtp.reply import Refused

OFFERED = frozenset({"SIZE", "8BITMIME", "DSN", "SMTPUTF8"})
SPACE, BARE = (WHITESPACE_BEFORE_PATH,), (MAILBOX_FOR_PATH,)


@pytest.mark.parametrize(
    ("argument", "path", "params"),
    [
        pytest.param("FROM:<>", "<>", MailParams(), id="TV-CMD-8"),
        pytest.param("from:<a@x>", "<a@x>", MailParams(), id="CMD-2"),
        pytest.param("FROM:<@r.example,@s.example:a@x>", "<a@x>", MailParams(), id="TV-CMD-11"),
        pytest.param('FROM:<"a>b"@x> SIZE=10', '<"a>b"@x>', MailParams(size=10), id="TV-CMD-13"),
        pytest.param("FROM:<> SIZE=10", "<>", MailParams(size=10), id="CMD-6 with a parameter"),
        pytest.param(
            "FROM:<Pelé@example.com> SMTPUTF8 BODY=8BITMIME",
            "<Pelé@example.com>",
            MailParams(smtputf8=True, body="8BITMIME"),
            id="TV-EAI-7",
        ),
    ],
)
def test_sender(argument: str, path: str, params: MailParams) -> None:
    sender = read_sender(argument, OFFERED, ())
    assert (path_text(sender.reverse_path), sender.params) == (path, params)


def refused_sender(argument: str, workarounds: Collection[str] = ()) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        read_sender(argument, OFFERED, workarounds)
    return refused.value.reply.code, refused.value.reply.status


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("", (501, "5.5.4"), id="nothing"),
        pytest.param("FROM:", (501, "5.5.4"), id="no path"),
        pytest.param("FROM <a@x>", (501, "5.5.4"), id="CMD-5 no colon"),
        pytest.param("FROM :<a@x>", (501, "5.5.4"), id="CMD-5 space before the colon"),
        pytest.param("TO:<a@x>", (501, "5.5.4"), id="the other word"),
        pytest.param("FROM: <a@x>", (501, "5.5.4"), id="TV-CMD-9"),
        pytest.param("FROM:a@x", (501, "5.5.4"), id="TV-CMD-10"),
        pytest.param("FROM:<a@x>SIZE=1", (501, "5.5.4"), id="TV-CMD-21"),
        pytest.param("FROM:<a@x>\tSIZE=1", (501, "5.5.4"), id="CMD-14 HT for a space"),
        pytest.param("FROM:<a@x>  SIZE=1", (501, "5.5.4"), id="CMD-14 two spaces"),
        pytest.param("FROM:<a@x> SIZE=1  BODY=7BIT", (501, "5.5.4"), id="CMD-14 two spaces between"),
        pytest.param("FROM:<a@x> ", (501, "5.5.4"), id="CMD-14 a space and nothing"),
        pytest.param("FROM:<a@x>>", (501, "5.5.4"), id="two brackets"),
        pytest.param("FROM:<a@x", (501, "5.1.7"), id="path not closed"),
        pytest.param("FROM:<a..b@x..y>", (501, "5.1.7"), id="TV-CMD-16"),
        pytest.param("FROM:<postmaster>", (501, "5.1.7"), id="CMD-7 postmaster in MAIL"),
        pytest.param("FROM:<bob>", (501, "5.1.7"), id="no domain"),
        pytest.param("FROM:<a@x> FOO=1", (555, "5.5.4"), id="TV-CMD-19"),
        pytest.param("FROM:<a@x> AUTH=<>", (555, "5.5.4"), id="CMD-16"),
        pytest.param("FROM:<Pelé@example.com>", (550, "5.6.7"), id="TV-EAI-6"),
        pytest.param("FROM:<a@bücher.example> BODY=8BITMIME", (550, "5.6.7"), id="EAI-4 domain"),
        pytest.param("FROM:<é@x.> SMTPUTF8=1", (501, "5.1.7"), id="the path is judged first"),
    ],
)
def test_sender_refused(argument: str, expected: tuple[int, str]) -> None:
    assert refused_sender(argument) == expected


@pytest.mark.parametrize(
    ("argument", "workarounds", "path", "size"),
    [
        pytest.param("FROM: <a@x>", SPACE, "<a@x>", None, id="TV-CMD-9 tolerated"),
        pytest.param("FROM: \t <a@x> SIZE=1", SPACE, "<a@x>", 1, id="more white space"),
        pytest.param("FROM: <>", SPACE, "<>", None, id="null path after a space"),
        pytest.param("FROM:a@x", BARE, "<a@x>", None, id="TV-CMD-10 tolerated"),
        pytest.param("FROM:a@x SIZE=1", BARE, "<a@x>", 1, id="mailbox with a parameter"),
        pytest.param('FROM:"a b"@x SIZE=1', BARE, '<"a b"@x>', 1, id="mailbox with a space in quotes"),
        pytest.param("FROM:<a@x>", BARE, "<a@x>", None, id="a path is still a path"),
        pytest.param("FROM: a@x", SPACE + BARE, "<a@x>", None, id="both"),
    ],
)
def test_workarounds(argument: str, workarounds: Collection[str], path: str, size: int | None) -> None:
    sender = read_sender(argument, OFFERED, workarounds)
    assert (path_text(sender.reverse_path), sender.params.size) == (path, size)


@pytest.mark.parametrize(
    ("argument", "workarounds", "code"),
    [
        pytest.param("FROM: a@x", SPACE, 501, id="space does not allow a mailbox"),
        pytest.param("FROM: a@x", BARE, 501, id="mailbox does not allow a space"),
        pytest.param("FROM:", SPACE + BARE, 501, id="nothing at all"),
        pytest.param("FROM: ", SPACE + BARE, 501, id="space alone"),
        pytest.param("FROM: SIZE=1", SPACE + BARE, 501, id="a parameter for a path"),
        pytest.param("FROM:a@x>", BARE, 501, id="half a path"),
        pytest.param("FROM:@r.example:a@x", BARE, 501, id="route without brackets"),
        pytest.param(f"FROM:{'a' * 255}@x", BARE, 501, id="LIM-1 257 octets"),
    ],
)
def test_workarounds_refused(argument: str, workarounds: Collection[str], code: int) -> None:
    assert refused_sender(argument, workarounds)[0] == code


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        pytest.param("TO:<b@example.net>", "b@example.net", id="plain"),
        pytest.param("to:<PostMaster>", "PostMaster", id="TV-CMD-23"),
        pytest.param("TO:<postmaster@x>", "postmaster@x", id="CMD-7 with a domain"),
        pytest.param("TO:<b@x> NOTIFY=NEVER", "b@x", id="parameter"),
        pytest.param("TO:<" + "b" * 64 + "@x>", "b" * 64 + "@x", id="TV-CMD-26"),
    ],
)
def test_recipient(argument: str, path: str) -> None:
    assert str(read_recipient(argument, OFFERED, (), smtputf8=False).forward_path) == path


def test_long_recipient_line() -> None:
    """TV-DSN-9: the longest parameters with the longest path."""
    argument = f"TO:<aa@{'b' * 251}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{'x' * 493}"
    assert read_recipient(argument, OFFERED, (), smtputf8=False).params.notify == "SUCCESS,FAILURE,DELAY"


@pytest.mark.parametrize(
    ("argument", "smtputf8", "expected"),
    [
        pytest.param("TO:<>", False, (501, "5.1.3"), id="TV-CMD-25"),
        pytest.param("TO:<bob>", False, (501, "5.1.3"), id="TV-CMD-24"),
        pytest.param("TO:<b@-x>", False, (501, "5.1.3"), id="TV-CMD-16"),
        pytest.param("FROM:<b@x>", False, (501, "5.5.4"), id="the other word"),
        pytest.param("TO: <b@x>", False, (501, "5.5.4"), id="CMD-5"),
        pytest.param("TO:<Pelé@example.com>", False, (553, "5.6.7"), id="TV-EAI-6"),
        pytest.param("TO:<b@x> SIZE=1", True, (555, "5.5.4"), id="parameter of MAIL"),
        pytest.param("TO:<b@x> ORCPT=utf-8;Pelé@x", False, (501, "5.5.4"), id="EAI-12 raw UTF-8 without SMTPUTF8"),
    ],
)
def test_recipient_refused(argument: str, smtputf8: bool, expected: tuple[int, str]) -> None:
    with pytest.raises(Refused) as refused:
        read_recipient(argument, OFFERED, (), smtputf8=smtputf8)
    assert (refused.value.reply.code, refused.value.reply.status) == expected


def test_recipient_with_smtputf8() -> None:
    recipient = read_recipient("TO:<用户@例子.广告> ORCPT=utf-8;用户@例子.广告", OFFERED, (), smtputf8=True)
    assert str(recipient.forward_path) == "用户@例子.广告"
    assert recipient.params.orcpt == "utf-8;用户@例子.广告"
