"""gsubmit-sieve(7): its scripts do what it says, and it names every extension and limit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gsubmit.scripts.trial import Tried, try_script
from gsubmit.server.sieve import MAX_LINE, MAX_LINES
from gsubmit.settings.declare import declarations
from gsubmit.settings.sieve import SieveLimitSettings
from gsubmit.sieve.extensions import UNFIT
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import Discard, FileInto, Redirect, Reject
from gsubmit.sieve.script import compile_script
from gsubmit.sieve.vocabulary import EXTENSIONS

PAGE = (Path(__file__).parents[3] / "man" / "gsubmit-sieve.7").read_text()
ME = "me@example.org"


def plain(text: str) -> str:
    """What a reader copies."""
    return re.sub(r"^\\&", "", text, flags=re.MULTILINE).replace(r"\e", "\\")


SCRIPTS = [
    (title, plain(block))
    for title, section in re.findall(r"^\.Ss ([^\n]+)\n(.*?)(?=^\.S[sh] )", PAGE, re.MULTILINE | re.DOTALL)
    for block in re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", section, re.MULTILINE | re.DOTALL)
    if "=" not in block.partition("\n")[0]
]
SCRIPTS.insert(0, ("The first one", plain(PAGE.partition(".Bd -literal -offset indent\n")[2].partition(".Ed\n")[0])))


@pytest.mark.parametrize(("title", "script"), SCRIPTS, ids=[title for title, _ in SCRIPTS])
def test_each_script_compiles(title: str, script: str) -> None:
    assert script.startswith("require ")
    compile_script(script, title)


def tried(title: str, header: str = "", *to: str, which: int = 0, content: str = "text") -> Tried:
    script = [text for name, text in SCRIPTS if name == title][which]
    message = f"From: {ME}\n{header}\n\n{content}\n".replace("\n\n\n", "\n\n").encode()
    return try_script(compile_script(script, title), message, World(ME, to or ("a@example.org",), ME))


@pytest.mark.parametrize(
    ("title", "which", "to", "mailbox"),
    [
        ("The first one", 0, "a@customer.example", "Customers/Sent"),
        ("The first one", 0, "a@example.org", None),
        ("A Sent mailbox for each customer", 0, "a@mail.customer.example", "Customers/Customer"),
        ("A Sent mailbox for each customer", 0, "a@other.example", "Customers/Other"),
        ("A Sent mailbox for each customer", 0, "a@example.net", None),
        ("A Sent mailbox for each customer", 1, "a@Example.NET", "Sent/example.net"),
        ("A Sent mailbox for each customer", 1, "a@example.org", None),
    ],
)
def test_mailboxes_of_customers(title: str, which: int, to: str, mailbox: str | None) -> None:
    result = tried(title, "", to, which=which).result
    assert result.actions == ([] if mailbox is None else [FileInto(mailbox, create=True)])


def test_an_archive_copy() -> None:
    assert tried("An archive copy").result.actions == []
    found = tried("An archive copy", "", "a@example.org", "b@example.net").result
    assert found.keeps
    assert found.actions == [Redirect("archive@example.org", is_copy=True)]


@pytest.mark.parametrize(
    ("title", "header", "to", "is_refused"),
    [
        ("No passwords to outside", "Subject: Your Password", ["a@example.org", "b@example.net"], True),
        ("No passwords to outside", "Subject: Your Password", ["a@example.org"], False),
        ("No passwords to outside", "Subject: hello", ["b@example.net"], False),
        ("A second look at mail to everybody", "Subject: hello", ["all@example.org"], True),
        ("A second look at mail to everybody", "Subject: [all] hello", ["all@example.org"], False),
        ("A second look at mail to everybody", "Subject: hello", [f"a{n}@example.org" for n in range(51)], True),
        ("A second look at mail to everybody", "Subject: hello", [f"a{n}@example.org" for n in range(50)], False),
    ],
)
def test_refusals(title: str, header: str, to: list[str], is_refused: bool) -> None:
    result = tried(title, header, *to).result
    assert [isinstance(action, Reject) for action in result.actions] == [True] * is_refused
    assert result.keeps is not is_refused


ATTACHED = """Content-Type: multipart/mixed; boundary=b

--b

The offer is attached.
--b
Content-Disposition: attachment; filename=x

x
--b--
"""


@pytest.mark.parametrize(
    ("header", "content", "is_refused"),
    [
        ("Subject: a", "The offer is attached.", True),
        ("Subject: a [none]", "The offer is attached.", False),
        ("In-Reply-To: <a@b>", "The offer is attached.", False),
        ("Subject: a", "Hello", False),
        (f"Subject: a\n{ATTACHED}", "", False),
    ],
)
def test_a_forgotten_attachment(header: str, content: str, is_refused: bool) -> None:
    result = tried("A forgotten attachment", header, content=content).result
    assert [isinstance(action, Reject) for action in result.actions] == [True] * is_refused


def test_flags() -> None:
    assert tried("Flags on the copy", "Importance: High\nSubject: Our offer").result.flags == (
        *("\\Flagged", "Offers", "$Important"),
    )
    assert tried("Flags on the copy").result.flags == ()


def test_staging() -> None:
    found = tried("Staging", "To: a@example.org")
    assert not found.result.keeps
    assert found.result.actions == [Redirect("testers@example.org")]
    assert found.header.startswith(b"X-Meant-For: a@example.org\r\n")


def test_fields_that_tell_too_much() -> None:
    header = "User-Agent: x\nx-mailer: y\nTo: z\nX-Originating-IP: 192.0.2.1"
    assert tried("Fields that tell too much", header).header == f"From: {ME}\r\nTo: z\r\n\r\n".encode()


def test_rules_for_addresses() -> None:
    title = "One set of rules for each address"
    script = dict(SCRIPTS)[title]

    def found(author: str) -> Tried:
        message = f"From: X <{author}>\n\n".encode()
        return try_script(compile_script(script, title), message, World(ME, (), ME))

    sales, jobs, club = found("sales@example.org"), found("jobs@example.org"), found("x@club.example")
    assert sales.result.actions == [
        FileInto("Sales/Sent", create=True),
        Redirect("sales-archive@example.org", is_copy=True),
    ]
    assert jobs.header.endswith(b"Reply-To: jobs@example.org\r\n\r\n")
    assert club.result.actions == [FileInto("Club/Sent", create=True)]
    assert found("other@example.org").result.actions == []


def test_the_same_message_twice() -> None:
    assert Discard() not in tried("The same message twice", "Message-ID: <a@b>").result.actions


def section(title: str) -> str:
    return PAGE.partition(f".Ss {title}\n")[2].partition("\n.S")[0]


def test_every_extension_is_named() -> None:
    listed = section("Extensions")
    named = set(re.findall(r"[\w;.-]+", " ".join(re.findall(r"^\.(?:It )?Li (.*)", listed, re.MULTILINE))))
    assert named >= EXTENSIONS | {"regex"}
    assert not named & (UNFIT.keys() - {"vacation"})


def test_limits_are_those_that_hold() -> None:
    stated = dict(re.findall(r"Cm submission_sieve_max_(\w+) No = (\w+)", section("Limits")))
    assert stated == {name: declaration.default_text for name, declaration in declarations(SieveLimitSettings).items()}


def test_lines_for_the_log_are_as_long_and_as_many() -> None:
    assert f"a line to the log, of {MAX_LINE} characters at most.\nA script has {MAX_LINES} lines" in PAGE
