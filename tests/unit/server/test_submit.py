"""A complete message on its way to the next hop: its trace field, its last checks, its line in the log."""

from __future__ import annotations

import logging
import re

import pytest

from gsubmit.message.header import MAX_RECEIVED
from gsubmit.server.submit import submit
from gsubmit.smtp import replies
from gsubmit.smtp.reply import Refused, Reply
from tests.unit.server.sessions import STORED, Client, NextHop, connected

CONTENT = b"Subject: x\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n"


def hand_in(client: Client, *lines: str, content: bytes = CONTENT) -> Reply:
    """MAIL and RCPT, then `content` by BDAT."""
    client.log_in()
    client.say(*lines)
    return client.reply(f"BDAT {len(content)} LAST", content)


def trace(client: Client) -> str:
    """The Received field as one line."""
    header = client.delivery.messages[0][0].decode()
    return re.sub(r"\r\n[ \t]", " ", header)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["HELO c.example", "MAIL FROM:<>"], "from c.example ([192.0.2.10]) by msa.example.org with SMTP id", id="RCV-3 HELO"),
        pytest.param(["EHLO c.example", "MAIL FROM:<>"], "from c.example ([192.0.2.10]) by msa.example.org with ESMTPA id", id="RCV-3 EHLO"),
        pytest.param(["EHLO c.example", "MAIL FROM:<a@x> SMTPUTF8"], "with UTF8SMTPA id", id="EAI-16"),
        pytest.param(["EHLO foo_bar", "MAIL FROM:<>"], "from [192.0.2.10] ([192.0.2.10]) by", id="RCV-2 no host name"),
        pytest.param(["EHLO [IPv6:2001:db8::1]", "MAIL FROM:<>"], "from [IPv6:2001:db8::1] ([192.0.2.10]) by", id="RCV-2 literal"),
    ],
)  # fmt: skip
def test_trace(lines: list[str], expected: str) -> None:
    with connected() as client:
        assert hand_in(client, *lines, "RCPT TO:<b@x>") == STORED
        assert expected in trace(client)
        assert "tls" not in trace(client)


@pytest.mark.parametrize(
    ("argument", "protocol"), [("", "ESMTPSA"), (" SMTPUTF8", "UTF8SMTPSA")], ids=["TV-RCV-1", "TV-RCV-1 SMTPUTF8"]
)
def test_trace_in_tls(argument: str, protocol: str) -> None:
    with connected() as client:
        client.start_tls()
        hand_in(client, "EHLO c.example", f"MAIL FROM:<>{argument}", "RCPT TO:<b@x>")
        assert re.search(rf" with {protocol} id \S+ .*tls (TLS_[A-Z0-9_]+|0x[0-9A-F]{{4}})", trace(client))


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        pytest.param(["b@x"], "<b@x>", id="RCV-4 one"),
        pytest.param(["b@x", "c@x"], None, id="RCV-4 two"),
        pytest.param(["b@x", "bad@x"], "<b@x>", id="RCV-4 one that was taken"),
        pytest.param(["PostMaster"], "<PostMaster>", id="TV-CMD-23"),
        pytest.param(['"a) (b"@x'], '<"a) (b"@x>', id="RCV-7 quoted"),
    ],
)
def test_trace_for(recipients: list[str], expected: str | None) -> None:
    with connected() as client:
        client.log_in()
        client.say("EHLO c.example", "MAIL FROM:<>")
        for recipient in recipients:
            client.reply(f"RCPT TO:<{recipient}>")
        client.reply(f"BDAT {len(CONTENT)} LAST", CONTENT)
        found = re.search(r" for (.*);", trace(client))
        assert (found[1] if found else None) == expected


def test_no_trace() -> None:
    with connected("submission_add_received_header = no") as client:
        hand_in(client, "EHLO c.example", "MAIL FROM:<>", "RCPT TO:<b@x>")
        assert client.delivery.messages == [(b"", CONTENT)]


@pytest.mark.parametrize(("hops", "expected"), [(MAX_RECEIVED, STORED), (MAX_RECEIVED + 1, replies.LOOPING)])
def test_loop(hops: int, expected: Reply) -> None:
    """LIM-8."""
    with connected() as client:
        content = b"Received: x\r\n" * hops + CONTENT
        assert hand_in(client, "EHLO c", "MAIL FROM:<>", "RCPT TO:<b@x>", content=content) == expected
        assert len(client.delivery.messages) == (expected == STORED)


@pytest.mark.parametrize("final", [Reply(550, "5.7.1", "Spam"), Refused(replies.RELAY_LOST)], ids=["answer", "lost"])
def test_refusal_of_the_next_hop(final: Reply | Refused, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<>", "RCPT TO:<b@x>")
        client.delivery.final = final
        reply = client.reply(f"BDAT {len(CONTENT)} LAST", CONTENT)
        assert reply == (final.reply if isinstance(final, Refused) else final)
        assert client.session.transaction is None
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Failed to relay message"]


def test_the_transaction_is_over_whatever_happens() -> None:
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<>", "RCPT TO:<b@x>")
        assert client.session.transaction is not None
        client.session.transaction.body.append(CONTENT)
        client.delivery.final = Refused(replies.RELAY_SLOW)
        assert submit(client.session, client.session.transaction) == replies.RELAY_SLOW
        assert client.reply("DATA") == replies.MAIL_FIRST


@pytest.mark.parametrize(
    ("content", "msgid"),
    [
        pytest.param(CONTENT, "<1@x>", id="Message-ID"),
        pytest.param(b"Message-ID: <\x1b[2J>\r\n\r\n", "<", id="CMD-24 control character"),
        pytest.param(b"\r\nMessage-ID: <2@x>\r\n\r\n", "", id="no header, so no Message-ID"),
    ],
)
def test_log_line(content: bytes, msgid: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.log_in()
        client.say("EHLO c", 'MAIL FROM:<"é\u2028"@x> SMTPUTF8', "RCPT TO:<b@x>")
        client.reply(f"BDAT {len(content)} LAST", content)
        ident = client.session.id
    assert caplog.messages == [
        f"Relayed message: id={ident}, from=<??@x>, nrcpt=1, to=<b@x>, size={len(content)}, msgid={msgid}, relay=here, "
        "reply=`250 2.0.0 Stored'"
    ]


def test_transaction_ids() -> None:
    with connected(next_hop=NextHop()) as client:
        client.log_in()
        client.say("EHLO c")
        seen = []
        for _ in range(2):
            client.say("MAIL FROM:<>")
            assert client.session.transaction is not None
            seen.append(client.session.transaction.id)
            client.say("RSET")
        assert seen == [client.session.id, f"{client.session.id}:T2"]
