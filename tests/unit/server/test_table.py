"""Every command: what it needs, what it says when a need is not met, and what is announced for it (STA-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from itertools import chain
from typing import TypeAlias

import pytest

from gsubmit.server.commands import burl, needs, steps
from gsubmit.server.commands.rows import AnyRow, PieceRow, Row, RowWithin
from gsubmit.server.commands.table import COMMANDS, HELP, IMPLEMENTED, execute
from gsubmit.server.session import UNGREETED
from gsubmit.smtp import replies
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.keywords import Situation, announced
from gsubmit.smtp.params import MAIL_PARAMS, RCPT_PARAMS
from gsubmit.smtp.piece import read_burl_argument, read_chunk
from gsubmit.smtp.reply import Disconnected, Reply
from tests.unit.server.sessions import ALL_KEYWORDS, Client, connected

LINES = {
    "EHLO": "EHLO client.example",
    "HELO": "HELO client.example",
    "AUTH": "AUTH PLAIN AHVzZXIAc2VjcmV0",
    "MAIL": "MAIL FROM:<a@example.org>",
    "RCPT": "RCPT TO:<b@example.net>",
    "BDAT": "BDAT 3 LAST",
    "BURL": "BURL imap://127.0.0.1/INBOX/;UID=1",
    "VRFY": "VRFY b",
    "XCLIENT": "XCLIENT ADDR=198.51.100.1",
}
WITH_BURL = "imap_urlauth_host = 127.0.0.1\nimap_urlauth_submit_password = secret\nauth_failure_delay = 0"


def greeted(client: Client) -> None:
    client.say("EHLO client.example")


def logged_in(client: Client) -> None:
    greeted(client)
    client.log_in()


def mail(client: Client) -> None:
    logged_in(client)
    client.say(LINES["MAIL"])


def rcpt(client: Client) -> None:
    mail(client)
    client.say(LINES["RCPT"])


def login_without_hello(client: Client) -> None:
    client.log_in()


def mail_without_login(client: Client) -> None:
    mail(client)
    client.session.login = None


def chunks(client: Client) -> None:
    rcpt(client)
    assert client.reply("BDAT 3", b"abc") == Reply(250, "2.0.0", "Added 3 octets")


def spoiled(client: Client) -> None:
    rcpt(client)
    assert client.reply("BDAT 3 FIRST", b"abc") == replies.BAD_CHUNK_MARKER


def binary(client: Client) -> None:
    logged_in(client)
    client.say(f"{LINES['MAIL']} BODY=BINARYMIME", LINES["RCPT"])


def trusted(client: Client, network: str = "192.0.2.0/24") -> None:
    client.session.service.__dict__["trusted_networks"] = (ip_network(network),)
    greeted(client)


def others_trusted(client: Client) -> None:
    trusted(client, "198.51.100.0/24")


def introduced(client: Client) -> None:
    trusted(client)
    client.say(LINES["XCLIENT"])


def trusted_and_logged_in(client: Client) -> None:
    trusted(client)
    client.log_in()


def trusted_mail(client: Client) -> None:
    trusted(client)
    mail(client)


Looks: TypeAlias = Callable[..., object]  # a need, a step, or what reads the argument

# For each: states in which it is the first that is not met, and its replies, in the order in which it looks.
UNMET: dict[Looks, list[tuple[Callable[[Client], None], Reply]]] = {
    needs.no_argument: [(rcpt, replies.NO_PARAMETERS)],
    needs.argument: [(logged_in, replies.MISSING_ARGUMENT)],
    needs.tls: [(rcpt, replies.TLS_REQUIRED)],
    needs.no_tls_yet: [(Client.start_tls, replies.TLS_ACTIVE), (introduced, replies.TLS_TOO_LATE)],
    needs.front_end: [
        (rcpt, replies.NOT_IMPLEMENTED),  # TV-XCL-4
        (others_trusted, replies.NO_FRONT_END),
        (trusted_and_logged_in, replies.XCLIENT_TOO_LATE),
        (trusted_mail, replies.XCLIENT_TOO_LATE),
    ],
    needs.login: [(greeted, replies.AUTH_REQUIRED)],
    needs.submitter: [
        (rcpt, replies.TLS_REQUIRED),
        (login_without_hello, replies.HELLO_FIRST),
        (greeted, replies.AUTH_REQUIRED),
    ],
    needs.no_login_yet: [(logged_in, replies.ALREADY_AUTHENTICATED)],
    needs.no_transaction: [(mail, replies.MAIL_GIVEN)],
    needs.no_transaction_for_auth: [(mail_without_login, replies.AUTH_IN_TRANSACTION)],
    needs.transaction: [(logged_in, replies.MAIL_FIRST), (spoiled, replies.CHUNK_FAILED)],
    needs.unspoiled: [(spoiled, replies.CHUNK_FAILED)],
    needs.no_chunks: [(chunks, replies.CHUNKS_BEGUN)],
    needs.not_binary: [(binary, replies.BINARY_NEEDS_BDAT)],
    steps.await_sender: [],
    steps.await_recipients: [(mail, replies.NO_RECIPIENTS)],
    steps.log_in_by_certificate: [],
    burl.offered: [(rcpt, replies.BURL_UNAVAILABLE)],
    read_burl_argument: [(rcpt, replies.BAD_BURL_SYNTAX)],
    read_chunk: [(rcpt, replies.BAD_CHUNK_MARKER)],
}


def looks(row: AnyRow) -> Iterator[Looks]:
    """What a row looks at before the effect; where another's argument is read, has tests of its own."""
    assert isinstance(row, Row | RowWithin | PieceRow)
    yield from row.needs
    if isinstance(row, RowWithin):
        yield needs.transaction
        yield from row.within
    if isinstance(row, PieceRow):
        yield from (needs.transaction, row.read, steps.await_recipients)


CASES = [
    pytest.param(verb, arrange, reply, id=f"{verb}-{look.__name__}-{reply.code} {reply.text}")
    for verb, row in COMMANDS.items()
    for look in looks(row)
    for arrange, reply in UNMET[look]
]


def line_for(verb: str, reply: Reply) -> str:
    line = LINES.get(verb, verb)
    changed = {
        replies.NO_PARAMETERS: f"{verb} now",
        replies.MISSING_ARGUMENT: verb,
        replies.BAD_CHUNK_MARKER: "BDAT 3 FIRST",
        replies.BAD_BURL_SYNTAX: f"{line} FIRST",
    }
    return changed.get(reply, line)


@pytest.mark.parametrize(("verb", "arrange", "reply"), CASES)
def test_need_not_met(verb: str, arrange: Callable[[Client], None], reply: Reply) -> None:
    with connected("" if reply is replies.BURL_UNAVAILABLE else WITH_BURL) as client:
        arrange(client)
        if reply is replies.TLS_REQUIRED:
            service = client.session.service
            ssl = replace(service.settings.ssl, ssl="required")
            client.session.service = replace(service, settings=replace(service.settings, ssl=ssl))
        before = client.session.transaction
        after = b"abcNOOP\r\n" if verb == "BDAT" else b"NOOP\r\n"
        assert client.reply(line_for(verb, reply), after) == reply
        assert client.rest == b"NOOP", "BDT-4: the octets of a refused chunk are read"
        assert client.session.transaction is before or verb == "BDAT"
        assert all(delivery.messages == [] for delivery in client.next_hop.deliveries)


def test_starttls_without_certificate() -> None:
    with connected("ssl = no") as client:
        assert client.reply("STARTTLS") == replies.TLS_UNAVAILABLE


def test_data_refused_sender_is_no_transaction() -> None:
    """The relay's refusal of MAIL counts from the moment that somebody needs to know."""
    with connected() as client:
        logged_in(client)
        client.next_hop.answer = Reply(550, "5.1.8", "No")
        assert client.reply(LINES["MAIL"]).code == 550
        assert client.reply(LINES["RCPT"]) == replies.MAIL_FIRST
        assert client.delivery.is_aborted
        assert client.reply(LINES["MAIL"]).code == 550


MET: list[tuple[str, Callable[[Client], None], int]] = [
    ("EHLO client.example", greeted, 250),
    ("HELO client.example", greeted, 250),
    ("AUTH PLAIN AHVzZXIAc2VjcmV0", Client.start_tls, 454),  # there is no passdb
    ("MAIL FROM:<>", logged_in, 250),
    ("RCPT TO:<bad@example.net>", mail, 550),
    ("BDAT 3 LAST", rcpt, 250),
    ("BURL http://example.org/ LAST", rcpt, 554),
    ("RSET", rcpt, 250),
    ("NOOP now", spoiled, 250),
    ("VRFY b", mail, 252),
    ("XCLIENT ADDR=198.51.100.1", trusted, 220),
    ("XCLIENT ADDR=198.51.100.1", introduced, 220),
    ("XCLIENT", trusted, 501),
    ("HELP MAIL", greeted, 214),
    ("QUIT", rcpt, 221),
    *((f"{verb} x", greeted, 502) for verb in ("EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML")),
    ("XFOO", greeted, 500),
]


@pytest.mark.parametrize(
    ("line", "arrange", "code"), MET, ids=[f"{line} {arrange.__name__}" for line, arrange, _ in MET]
)
def test_needs_met(line: str, arrange: Callable[[Client], None], code: int) -> None:
    with connected(WITH_BURL) as client:
        arrange(client)
        assert client.reply(line, b"abc").code == code


@pytest.mark.parametrize(
    "line",
    [
        *(pytest.param(line, id=f"TV-BDT-8 {line}") for line in ("BDAT", "BDAT x", "BDAT -1", "BDAT " + "9" * 23)),
        *(pytest.param(line, id=f"BDT-13 {line}") for line in ("BDAT +5", "BDAT 0x10", "BDAT 5LAST", "BDAT LAST 5")),
        pytest.param("BDAT  3 LAST", id="BDT-12 two spaces"),
        pytest.param("BDAT\t3 LAST", id="BDT-12 HT for a space"),
        pytest.param("BDAT 3 LAST\x01", id="BDT-12 control character"),
        pytest.param("bdat 3 LÄST", id="BDT-12 8-bit"),
        pytest.param("BDAT 3 LAST" + "x" * 2048, id="BDT-12 line too long"),
    ],
)
@pytest.mark.parametrize("arrange", [greeted, rcpt])
def test_unreadable_chunk(line: str, arrange: Callable[[Client], None]) -> None:
    """BDT-12: where nobody knows how long the chunk is, its octets must not be taken for commands."""
    with connected() as client:
        arrange(client)
        with pytest.raises(Disconnected) as disconnected:
            client.reply(line, b"RSET\r\n")
        assert disconnected.value.reply.code in (500, 501)


def test_a_chunk_that_is_refused_spoils_what_follows() -> None:
    """TV-BDT-4, BDT-5, BDT-6."""
    with connected("submission_max_mail_size = 5") as client:
        rcpt(client)
        assert client.reply("BDAT 6", b"abcdef") == replies.TOO_BIG
        assert client.reply("BDAT 3", b"def") == replies.CHUNK_FAILED
        assert client.reply("BDAT 0 LAST") == replies.CHUNK_FAILED
        for line in (LINES["MAIL"], LINES["RCPT"], "DATA"):
            assert client.reply(line) == replies.CHUNK_FAILED
        client.say("NOOP", "RSET", LINES["MAIL"])
        assert client.next_hop.deliveries[0].messages == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("MAIL FROM:<a@x> ENVID=" + "x" * 2026, 501, id="LIM-10 2048 octets"),
        pytest.param("MAIL FROM:<a@x> ENVID=" + "x" * 2027, 500, id="LIM-3 2049 octets"),
        pytest.param("RCPT TO:<b@x> ORCPT=rfc822;" + "x" * 1009, 501, id="TV-DSN-9 1036 octets"),
        pytest.param("AUTH PLAIN " + "A" * 12288, 501, id="LIM-9 AUTH"),
        pytest.param("XCLIENT FORWARD=" + "A" * 8176, 502, id="XCLIENT 8192 octets"),
        pytest.param("XCLIENT FORWARD=" + "A" * 8177, 500, id="LIM-3 XCLIENT 8193 octets"),
    ],
)
def test_line_length(line: str, code: int) -> None:
    with connected("disable_plaintext_auth = no") as client:
        if not line.startswith("AUTH"):
            (rcpt if line.startswith("RCPT") else logged_in)(client)
        assert client.reply(line).code == code


# What a keyword promises besides parameters of MAIL and RCPT.
COMMAND_OF = {
    "AUTH": "AUTH",
    "BINARYMIME": "BDAT",
    "BURL": "BURL",
    "CHUNKING": "BDAT",
    "STARTTLS": "STARTTLS",
    "VRFY": "VRFY",
    "XCLIENT": "XCLIENT",
}
NO_COMMAND = {"ENHANCEDSTATUSCODES", "PIPELINING"}


def test_every_announced_keyword_is_kept() -> None:
    """EHL-3."""
    keywords = announced(
        Situation(Capabilities.from_lines(ALL_KEYWORDS), 0, ("PLAIN",), True, burl="imap", xclient=True)
    )
    parameters = {row.extension for row in chain(MAIL_PARAMS.values(), RCPT_PARAMS.values())}
    assert set(keywords) == set(COMMAND_OF) | NO_COMMAND | parameters
    assert set(COMMAND_OF.values()) <= set(IMPLEMENTED)


def test_help() -> None:
    assert HELP.text == (
        "Commands: AUTH BDAT BURL DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY\n"
        "This is a mail submission server"
    )


def test_mandatory_commands() -> None:
    """CMD-20."""
    assert {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "AUTH"} <= set(IMPLEMENTED)


@pytest.mark.parametrize(
    ("line", "hello", "code"),
    [
        pytest.param("EHLO", None, 501, id="TV-CMD-2"),
        pytest.param("HELO", None, 501, id="CMD-4 HELO"),
        pytest.param("HELO [192.0.2.1]", "[192.0.2.1]", 250, id="TV-CMD-3"),
        pytest.param("EHLO [IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", 250, id="TV-CMD-4"),
        pytest.param("EHLO foo_bar.example", "", 250, id="TV-CMD-5"),
        pytest.param("EHLO x) by evil (", "", 250, id="TV-RCV-2"),
        pytest.param("EHLO x y", "", 250, id="two words"),
        pytest.param("EHLO " + "x" * 255, "x" * 255, 250, id="255 octets"),
        pytest.param("EHLO " + "x" * 256, "", 250, id="LIM-1 256 octets"),
    ],
)
def test_hello(line: str, hello: str | None, code: int) -> None:
    """EHL-4: never an enhanced status; EHL-7: a refused EHLO changes nothing."""
    with connected() as client:
        reply = client.reply(line)
        assert (reply.code, reply.status, client.session.greeting.name) == (code, "", hello or "")
        assert (client.session.greeting is UNGREETED) == (hello is None)
        assert "\n" not in reply.text or line.startswith("EHLO"), "EHL-2"


def test_refused_hello_keeps_the_transaction() -> None:
    """EHL-7."""
    with connected() as client:
        rcpt(client)
        before = client.session.transaction
        assert client.reply("EHLO").code == 501
        assert client.session.transaction is before is not None
        client.say("EHLO again.example")
        assert client.delivery.is_aborted


def test_execute_takes_any_octets() -> None:
    with connected() as client:
        client.log_in()
        for octet in range(256):
            answer = execute(client.session, bytes([octet]) * 4)
            assert isinstance(answer, Reply)
            assert answer.code == 500


def test_a_stranger_who_begins_with_no_letter_is_left() -> None:
    """As smtpd_forbidden_commands of Postfix has it, but for white space and what is not ASCII."""
    left = []
    with connected() as client:
        for octet in range(256):
            try:
                execute(client.session, bytes([octet]) * 4)
            except Disconnected as end:
                assert end.reply is replies.FOREIGN_PROTOCOL
                left.append(octet)
    assert left == [*range(9), *range(14, 32), *range(33, 65), *range(91, 97), *range(123, 127)]
