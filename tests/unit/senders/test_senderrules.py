"""What is done about an address that is not the user's: refused, rewritten, or only logged (SUB-9, HDR-6, HDR-8, SUB-17)."""

from __future__ import annotations

import pytest

from gsubmit.logs.fields import of_text
from gsubmit.message.parts import MAX_HEADER
from gsubmit.server import journal
from gsubmit.server.senderrules import check_header
from gsubmit.smtp.reply import Refused
from tests.unit.message.test_draft import draft_of
from tests.unit.senders.checking import logged_in, mail

REWRITE = "submission_sender_action = rewrite\n"
LOG = "submission_sender_action = log\n"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(journal, "say", lambda _, text: lines.append(text))
    return lines


@pytest.mark.parametrize(
    ("settings", "senders", "argument", "becomes", "action"),
    [
        ("", "", "FROM:<>", "None", ""),
        ("", "", "FROM:<joe@example.org>", "joe@example.org", ""),
        ("", "", "FROM:<Joe+x@example.org>", "Joe+x@example.org", ""),
        ("", "", "FROM:<eve@example.org>", "550 5.7.1 <eve@example.org>: not allowed for this login", "reject"),
        (
            "",
            "",
            "FROM:<j\u00f6@example.org> SMTPUTF8",
            "550 5.7.1 <j\\xf6@example.org>: not allowed for this login",
            "reject",
        ),
        (LOG, "", "FROM:<eve@example.org>", "eve@example.org", "log"),
        (REWRITE, "", "FROM:<>", "None", ""),
        (REWRITE, "", "FROM:<joe+x@example.org>", "joe+x@example.org", ""),
        (REWRITE, "", "FROM:<eve@example.org>", "joe@example.org", "rewrite"),
        (REWRITE, "@a.example,x@b.example", "FROM:<eve@example.org>", "x@b.example", "rewrite"),
        (
            REWRITE,
            "j\u00f6@b.example",
            "FROM:<eve@example.org>",
            "550 5.7.1 <eve@example.org>: not allowed for this login",
            "reject",
        ),
        (REWRITE, "j\u00f6@b.example", "FROM:<eve@example.org> SMTPUTF8", "j\u00f6@b.example", "rewrite"),
    ],
)
def test_mail(log: list[str], settings: str, senders: str, argument: str, becomes: str, action: str) -> None:
    with logged_in("joe@example.org", senders, settings) as client:
        try:
            said = str(mail(client, argument).reverse_path)
        except Refused as refused:
            said = str(refused)
    assert said == becomes
    assert [of_text("", line)["action"] for line in log] == ([action] if action else [])
    for line in log:
        fields = of_text("", line)
        assert (fields["user"], fields["rule"]) == ("joe@example.org", "reverse-path")
        assert line.startswith("Sender not allowed: user=<joe@example.org>, from=<")


def test_there_may_be_nothing_to_rewrite_to() -> None:
    with logged_in("joe", "@b.example", REWRITE) as client, pytest.raises(Refused):
        mail(client, "FROM:<eve@example.org>")


def after(header: str, settings: str = REWRITE, senders: str = "") -> str:
    """The header as it leaves, or the reply."""
    octets = header.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n\r\ntext\r\n"
    with logged_in("joe@example.org", senders, settings) as client, draft_of(octets) as draft:
        client.say("EHLO client", "MAIL FROM:<>")
        assert client.session.transaction is not None
        try:
            check_header(client.session, client.session.transaction, draft)
        except Refused as refused:
            return str(refused)
        head, _, text = b"".join(draft.blocks()).partition(b"\r\n\r\n")
        assert text == b"text\r\n"
        return head.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("From: joe@example.org", "From: joe@example.org"),
        (
            'Subject: a\nFrom: "Boss, The" <boss@example.net>\nTo: b',
            'Subject: a\nFrom: "Boss, The" <joe@example.org>\nTo: b\nX-Original-From: "Boss, The" <boss@example.net>',
        ),
        ("FROM : boss@example.net", "FROM: joe@example.org\nX-Original-From: boss@example.net"),
        ("From: boss@example.net (Boss)", "From: joe@example.org (Boss)\nX-Original-From: boss@example.net (Boss)"),
        (
            "From: boss@example.net <boss@example.net>",
            'From: "boss@example.net" <joe@example.org>\nX-Original-From: boss@example.net <boss@example.net>',
        ),
        (
            "From: =?utf-8?Q?B=C3=B6ss?=\n <boss@example.net>",
            "From: =?utf-8?Q?B=C3=B6ss?= <joe@example.org>\nX-Original-From: =?utf-8?Q?B=C3=B6ss?= <boss@example.net>",
        ),
        ("From: B\udcf6ss <boss@a.b>", "From: B\udcf6ss <joe@example.org>\nX-Original-From: B\udcf6ss <boss@a.b>"),
        (
            "From: Joe <joe@example.org>, b@c.example",
            "From: Joe <joe@example.org>\nX-Original-From: Joe <joe@example.org>, b@c.example",
        ),
        (
            "Resent-From: eve@example.net\nFrom: ann@example.net",
            "Resent-From: joe@example.org\nFrom: ann@example.net\nX-Original-Resent-From: eve@example.net",
        ),
        (
            "DKIM-Signature: v=1; h=From:To; b=x\nFrom: a@b.example",
            "550 5.7.1 <a@b.example>: not allowed for this login",
        ),
        (
            "ARC-Message-Signature: i=1; h=to:from; b=x\nFrom: a@b.example",
            "550 5.7.1 <a@b.example>: not allowed for this login",
        ),
        (
            "DKIM-Signature: v=1; h=x-original-from; b=x\nFrom: a@b.example",
            "550 5.7.1 <a@b.example>: not allowed for this login",
        ),
        (
            "DKIM-Signature: v=1; h=From:To; b=x\nFrom: joe@example.org",
            "DKIM-Signature: v=1; h=From:To; b=x\nFrom: joe@example.org",
        ),
        ("From: a@b.example\nFrom: joe@example.org", "554 5.6.0 Message has more than one From field"),
        ("Subject: x", "554 5.6.0 Message has no From field"),
        ("From: a", "554 5.6.0 Message has a From field that cannot be read: a name without an address"),
    ],
)
def test_from_is_rewritten(log: list[str], header: str, expected: str) -> None:
    assert after(header) == expected
    assert len(log) == (expected != header)
    if expected[0] == "5":
        assert log[0].endswith("action=reject")
    elif log:
        assert log[0].endswith("action=rewrite")


def test_a_field_that_gets_long_is_folded() -> None:
    name = " ".join(["Boss"] * 40)
    lines = after(f"From: {name}\n <boss@example.net>").split("\n")
    assert max(map(len, lines)) <= 78
    assert "".join(lines).replace("X-Original", "\nX-Original") == (
        f"From: {name} <joe@example.org>\nX-Original-From: {name} <boss@example.net>"
    )


@pytest.mark.parametrize(
    ("header", "rules"),
    [
        ("From: joe@example.org", []),
        ("From: a@b.example, joe@example.org, c@d.example", ["a@b.example From", "c@d.example From"]),
        ("From: " + ", ".join(["a@b.example"] * 100), ["a@b.example From"] * 10),
        ("Resent-From: a@b.example", ["a@b.example Resent-From"]),
        ("From: a@b.example\nFrom: c@d.example", [" more than one From field"]),
        ("Subject: x", [" no From field"]),
        ("From: a b@c.example", [" a From field that cannot be read: more than an address"]),
        ("From: a@b.example\nX: " + "a" * MAX_HEADER, [" a header that is too long"]),
        ("From: a@b.example\nX: \x00", [" a field with bare line ends or NUL"]),
    ],
)
def test_log_changes_nothing_and_tells_all(log: list[str], header: str, rules: list[str]) -> None:
    assert after(header, LOG) == header
    fields = [of_text("", line) for line in log]
    assert all(one["action"] == "log" for one in fields)
    assert len(log) == len(rules)
    assert [f"{one['from']} {one['rule']}" for one in fields] == rules


def test_the_log_names_both_fields_where_both_count(log: list[str]) -> None:
    after("From: a@b.example\nSender: c@d.example", LOG + "submission_sender_header = from-or-sender\n")
    assert log == ["Sender not allowed: user=<joe@example.org>, from=<a@b.example>, rule=From-or-Sender, action=log"]
