"""What goes over the wire to a Sent mailbox, and what is made of the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gsubmit.net.imap import ImapFault, Lost
from gsubmit.sent import client as clients
from gsubmit.sent.client import Facts, No, SentClient
from gsubmit.sent.marks import Marks
from tests.harness.fakeimap import FakeImap
from tests.unit.burl.imapserver import SECONDS, imap_server
from tests.unit.sent.mailstore import ARRIVAL, MESSAGE, Content

MARKS = Marks(
    False, "<1@example.org>", "Thu, 27 Nov 2025 11:59:00 +0000", ("<a@example.org>", "<b@example.net>", "", "it")
)


@contextmanager
def client(server: FakeImap, words: str = "", state: str = "AUTH") -> Iterator[SentClient]:
    made = SentClient("127.0.0.1", server.port, None, SECONDS)
    made.state, made.capabilities = state, tuple(words.split())
    try:
        with made.begun(SECONDS):
            yield made
    finally:
        made.shutdown()


GREETING = ("< * OK ready", "> TAG CAPABILITY", "< * CAPABILITY IMAP4rev1", "< TAG OK done")


@pytest.mark.parametrize(
    ("words", "asked", "answers", "found"),
    [
        pytest.param(
            "SPECIAL-USE",
            '(SPECIAL-USE) "" "*"',
            [r'(\\Sent \\HasNoChildren) "/" Gesendet', r'(\\Trash) "/" Trash'],
            "Gesendet",
            id="special-use",
        ),
        pytest.param(
            "", '"" "*"', [r'(\\HasChildren) "." INBOX', r'(\\sent) "." "INBOX.Sent"'], "INBOX.Sent", id="list"
        ),
        pytest.param("", '"" "*"', [r'(\\Sent) "/" "Sent Items"', r'(\\Sent) "/" Sent'], "Sent", id="the-shortest"),
        pytest.param("", '"" "*"', [r'(\\Sent \\NoSelect) "/" Sent', r"(\\Sent) NIL More"], "More", id="not-noselect"),
        pytest.param("", '"" "*"', [r'(\\Sent) "/" "a \\"b\\\\"'], 'a "b\\', id="quoted"),
        pytest.param("", '"" "*"', [r'(\\Sent) "/" {4}\r\na b"'], 'a b"', id="a-literal"),
        pytest.param("", '"" "*"', [r'() "/" Sent'], "", id="none"),
    ],
)
def test_the_sent_mailbox(words: str, asked: str, answers: list[str], found: str) -> None:
    lines = [f"< * LIST {answer}" for answer in answers]
    with (
        imap_server(*GREETING, f"> TAG LIST {asked}", *lines, "< TAG OK done") as server,
        client(server, words) as there,
    ):
        assert there.mailbox_for("\\Sent") == found
    assert not server.faults()


def test_a_mailbox_is_made_as_sent() -> None:
    script = [r'> TAG CREATE "Sent" (USE (\\Sent))', "< TAG OK done", '> TAG SUBSCRIBE "Sent"', "< TAG NO no"]
    with imap_server(*GREETING, *script) as server, client(server, "CREATE-SPECIAL-USE") as there:
        there.create_mailbox("Sent", r"\Sent")
    assert not server.faults()


def test_a_mailbox_is_made_without_its_use() -> None:
    script = [r'> TAG CREATE "Sent" (USE (\\Sent))', "< TAG NO [USEATTR] no", '> TAG CREATE "Sent"', "< TAG OK done"]
    with imap_server(*GREETING, *script) as server, client(server, "CREATE-SPECIAL-USE") as there:
        there.create_mailbox("Sent", r"\Sent")
    assert not server.faults()


HEADER = r"From: <a@example.org>\r\nTo: <b@example.net>\r\n{id}Subject: it\r\nDate: Thu, 27 Nov 2025\r\n 11:59:00 +0000\r\n\r\n"


def fetched(uid: int, message_id: str) -> list[str]:
    header = HEADER.replace("{id}", rf"Message-ID:\r\n {message_id}\r\n" if message_id else "")
    size = len(header.replace(r"\r\n", "xx"))
    names = "MESSAGE-ID DATE FROM TO CC SUBJECT"
    return [
        f"> TAG UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS ({names})])",
        rf"< * 1 FETCH (UID {uid} BODY[HEADER.FIELDS ({names})] {{{size}}}\r\n{header})",
        "< TAG OK done",
    ]


BY_ID = '> TAG UID SEARCH UNDELETED SINCE 26-Nov-2025 HEADER message-id "<1@example.org>"'
BY_DATE = '> TAG UID SEARCH UNDELETED SINCE 26-Nov-2025 HEADER date "11:59:00"'


@pytest.mark.parametrize(
    ("script", "ours", "found"),
    [
        pytest.param([BY_ID, "< * SEARCH 4", "< TAG OK done", *fetched(4, "<1@example.org>")], 0, [4], id="by-id"),
        pytest.param(
            [BY_ID, "< * SEARCH", "< TAG OK done", BY_DATE, "< * SEARCH 5", "< TAG OK done", *fetched(5, "<x@y>")],
            0,
            [5],
            id="by-date",
        ),
        pytest.param(
            [BY_ID, "< * SEARCH 4", "< TAG OK done", BY_DATE, "< * SEARCH 4 5", "< TAG OK done", *fetched(5, "")],
            4,
            [4, 5],
            id="ours",
        ),
        pytest.param([BY_ID, "< TAG OK done", BY_DATE, "< TAG OK done"], 0, [], id="no-answer"),
    ],
)
def test_a_message_is_found(script: list[str], ours: int, found: list[int]) -> None:
    with imap_server(*GREETING, *script) as server, client(server, state="SELECTED") as there:
        assert there.find(MARKS, ARRIVAL - 86400, ours) == found
    assert not server.faults()


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param(MARKS._replace(message_id="<\xfc@example.org>", date=""), id="not-ascii"),
        pytest.param(MARKS._replace(message_id="", date=""), id="nothing-to-look-for"),
    ],
)
def test_what_cannot_be_asked_for(marks: Marks) -> None:
    with imap_server(*GREETING) as server, client(server, state="SELECTED") as there:
        assert there.find(marks, ARRIVAL) == []


def test_part_of_an_id_is_not_the_message() -> None:
    script = [BY_ID, "< * SEARCH 4", "< TAG OK done", *fetched(4, "<11@example.org>"), BY_DATE, "< TAG OK done"]
    marks = MARKS._replace(facts=("somebody", "", "", ""))
    with imap_server(*GREETING, *script) as server, client(server, state="SELECTED") as there:
        assert there.find(marks, ARRIVAL - 86400) == []


def test_facts_of_messages() -> None:
    line = r'< * 3 FETCH (FLAGS (\\Seen \\Recent $x) INTERNALDATE "27-Nov-2025 13:00:00 +0100" RFC822.SIZE 70 UID 9)'
    script = ["> TAG UID FETCH 9:* (UID FLAGS INTERNALDATE RFC822.SIZE)", line, "< TAG OK done"]
    with imap_server(*GREETING, *script) as server, client(server, state="SELECTED") as there:
        assert there.facts("9:*") == [Facts(9, frozenset({rb"\seen", b"$x"}), 70, int(ARRIVAL))]


@pytest.mark.parametrize(
    ("words", "size", "is_binary", "introduction", "asks"),
    [
        pytest.param("LITERAL+", 100, False, "{100+}", False, id="literal+"),
        pytest.param("LITERAL-", 4096, False, "{4096+}", False, id="literal-"),
        pytest.param("LITERAL+", 4097, False, "{4097}", True, id="large"),
        pytest.param("", 100, False, "{100}", True, id="synchronising"),
        pytest.param("LITERAL+ BINARY", 100, True, "~{100}", True, id="literal8"),
    ],
)
def test_append(words: str, size: int, is_binary: bool, introduction: str, asks: bool) -> None:
    """RFC 7888: a small literal goes at once, a large one when the server has said that it takes it."""
    date = time.strftime("%d-%b-%Y %H:%M:%S %z", time.localtime(int(ARRIVAL)))
    pattern = introduction.replace("+", "+")
    lines = [rf'> TAG APPEND "Sent" (\\Seen) "{date}" {pattern}']
    lines += ["< + go on"] if asks else []
    lines += ["> *x", "< TAG OK [APPENDUID 7 12] done"]
    with imap_server(*GREETING, *lines) as server, client(server, words) as there:
        assert there.put("Sent", Content(b"x" * size), int(ARRIVAL), (), is_binary=is_binary) == (7, 12)
    assert not server.faults()
    assert sum(len(line.removeprefix(b"TAG ")) for line in server.talks[0].heard if b"xxx" in line) == size


@pytest.mark.parametrize("words", ["[OVERQUOTA] s3cret words", "Over quota"], ids=["code", "Cyrus"])
def test_a_large_message_that_the_server_does_not_want_is_not_sent(words: str) -> None:
    lines = [r"> TAG APPEND *", f"< TAG NO {words}"]
    with imap_server(*GREETING, *lines) as server, client(server) as there:
        with pytest.raises(No, match=r"no to APPEND: OVERQUOTA$") as raised:
            there.put("Sent", Content(b"x" * 9000), 1, (), is_binary=False)
        assert raised.value.code == "OVERQUOTA"
        there.untagged_responses.clear()
    assert not any(b"xxx" in line for line in server.talks[0].heard)


def test_bad_is_a_no() -> None:
    script = ["> TAG UID EXPUNGE 4", "< TAG BAD what"]
    with (
        imap_server(*GREETING, *script) as server,
        client(server, state="SELECTED") as there,
        pytest.raises(No, match="BAD"),
    ):
        there.expunge_one(4)


def test_a_second_go_ahead_is_a_fault() -> None:
    lines = [r"> TAG APPEND *", "< + go on", "> *x", "< + go on"]
    with imap_server(*GREETING, *lines) as server, pytest.raises(ImapFault), client(server) as there:
        there.put("Sent", Content(b"x" * 9000), 1, (), is_binary=False)


def test_a_server_that_leaves_in_the_literal() -> None:
    lines = [r"> TAG APPEND *", "< + go on", "CLOSES"]
    with imap_server(*GREETING, *lines) as server, pytest.raises(Lost), client(server) as there:
        there.put("Sent", Content(MESSAGE * 100_000), 1, (), is_binary=False)


@pytest.mark.parametrize(
    ("words", "answer", "limit"),
    [
        pytest.param("APPENDLIMIT=1000", "", 1000, id="for-all"),
        pytest.param("", "", None, id="none"),
        pytest.param("APPENDLIMIT", '* STATUS "Sent" (APPENDLIMIT 77)', 77, id="of-the-mailbox"),
        pytest.param("APPENDLIMIT", '* STATUS "Sent" (APPENDLIMIT NIL)', None, id="nil"),
    ],
)
def test_the_limit(words: str, answer: str, limit: int | None) -> None:
    """RFC 7889 3."""
    script = ['> TAG STATUS "Sent" (APPENDLIMIT)', f"< {answer}", "< TAG OK done"] if answer else []
    with imap_server(*GREETING, *script) as server, client(server, words) as there:
        assert there.limit("Sent") == limit


def test_only_the_newest_are_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_CANDIDATES", 1)
    script = [BY_ID, "< * SEARCH 4 9 7", "< TAG OK done", *fetched(9, "<1@example.org>")]
    with imap_server(*GREETING, *script) as server, client(server, state="SELECTED") as there:
        assert there.find(MARKS, ARRIVAL - 86400) == [9]


ENABLED = (
    *(
        "< * OK ready",
        "> TAG CAPABILITY",
        "< * CAPABILITY IMAP4rev1 ENABLE UTF8=ACCEPT AUTH=PLAIN SASL-IR",
        "< TAG OK done",
    ),
    *("> TAG AUTHENTICATE *", "< TAG OK done"),
    *("> TAG CAPABILITY", "< * CAPABILITY IMAP4rev1 ENABLE UTF8=ACCEPT", "< TAG OK done"),
    *("> TAG ENABLE UTF8=ACCEPT", "< * ENABLED UTF8=ACCEPT", "< TAG OK done"),
)


@pytest.mark.parametrize(
    ("octets", "literal", "end"),
    [
        pytest.param("Subject: \xfc".encode() + b"x" * 9000, "UTF8 (~{9011}", b")", id="utf-8"),
        pytest.param(b"Subject: u" + b"x" * 9000, "{9010}", b"", id="ascii"),
    ],
)
def test_utf8_where_it_is_offered(octets: bytes, literal: str, end: bytes) -> None:
    """RFC 6855 3, 4: names and headers in UTF-8."""
    script = ['> TAG LIST "" "*"', r'< * LIST (\\Sent) "/" "Entw\xc3\xbcrfe"', "< TAG OK done"]
    script += [
        rf'> TAG APPEND "Entw\xc3\xbcrfe" (\\Seen) "*" {literal}',
        "< + go on",
        "> *xxx*",
        "< TAG OK done",
    ]
    with imap_server(*ENABLED, *script) as server:
        there = SentClient("127.0.0.1", server.port, None, SECONDS)
        with there.begun(SECONDS):
            there.log_in("user", "s3cret")
            there.learn()
            assert there.mailbox_for("\\Sent") == "Entw\xfcrfe"
            there.put("Entw\xfcrfe", Content(octets), 1, (), is_binary=False)
        there.shutdown()
    assert not server.faults()
    assert server.talks[0].heard[-1].endswith(b"xxx" + end)


@pytest.mark.parametrize(
    ("listed", "found"),
    [("Entw&APw-rfe", "Entw\xfcrfe"), ("a &- b", "a & b"), ("a & b", ""), ("&AGE-", ""), (r"\xfc", "")],
)
def test_names_in_modified_utf7(listed: str, found: str) -> None:
    """One that could not be asked for by its name is none."""
    script = ['> TAG LIST "" "*"', rf'< * LIST (\\Sent) "/" "{listed}"', "< TAG OK done"]
    with imap_server(*GREETING, *script) as server, client(server) as there:
        assert there.mailbox_for("\\Sent") == found
