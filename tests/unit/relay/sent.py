"""One delivery from MAIL to its end."""

from __future__ import annotations

from pathlib import Path

from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.body import MessageBody
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.relay import Relay
from gsubmit.smtp.envelope import read_recipient, read_sender
from gsubmit.smtp.reply import Refused, Reply
from tests.unit.relay.relaying import OFFERED, busy

ALICE = ClientFacts(addr="192.0.2.10", login="alice@example.org")
TEXT = b"Subject: x\r\n\r\ntext\r\n"


class Sent:
    """One delivery from MAIL to the end: the replies by name, or the refusal."""

    def __init__(
        self, relay: Relay, folder: Path, *recipients: str, mail: str = "<a@example.org>", content: bytes = TEXT
    ) -> None:
        body = MessageBody(str(folder))
        body.append(content)
        self.sender: Reply | None = None
        self.recipients: list[Reply] = []
        delivery: RelayDelivery | None = None
        try:
            delivery = relay.begin(read_sender(f"FROM:{mail}", OFFERED, ()), ALICE, "test")
            promises = [
                delivery.recipient(read_recipient(f"TO:<{name}@example.net>", OFFERED, (), smtputf8=True))
                for name in recipients or ("b",)
            ]
            self.sender = delivery.sender.reply()
            self.recipients = [promise.reply() for promise in promises]
            self.final = delivery.send(lambda _: b"Received: here\r\n", body)
        except Refused as refused:
            self.final = refused.reply
        finally:
            if delivery is not None:
                delivery.abort()
            body.close()
        assert busy(relay) == 0
