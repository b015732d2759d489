"""A Relay before a scripted server, and what its clients do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.body import MessageBody
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.pool import Pool
from gsubmit.relay.relay import Relay
from gsubmit.smtp.envelope import read_recipient, read_sender
from gsubmit.smtp.reply import Reply
from tests.harness.smtpserver import Server, served

OFFERED = {"8BITMIME", "SMTPUTF8", "DSN", "SIZE", "BINARYMIME"}
ALICE = ClientFacts(addr="192.0.2.10", port=40000, helo="alice.example", login="alice", session="A")
BOB = ClientFacts(addr="192.0.2.11", port=50000, helo="bob.example", login="bob", session="B")
XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN"


@contextmanager
def relaying(server: Server, *, limit: int = 0, idle: float = 60.0, **more: object) -> Iterator[Relay]:
    with served(server):
        hop = NextHop("127.0.0.1", server.port, "msa.example.org", connect_timeout=1.0, command_timeout=1.0)
        relay = Relay(Pool(replace(hop, **more), idle, limit))  # type: ignore[arg-type]
        yield relay
        relay.close()


def begin(relay: Relay, client: ClientFacts = ALICE) -> RelayDelivery:
    return relay.begin(read_sender("FROM:<a@example.org>", OFFERED, ()), client, "test")


def recipient(delivery: RelayDelivery, name: str = "b") -> Reply:
    return delivery.recipient(read_recipient(f"TO:<{name}@example.net>", OFFERED, (), smtputf8=True)).reply()


def message(relay: Relay, folder: Path, client: ClientFacts = ALICE) -> Reply:
    """One whole message."""
    body = MessageBody(str(folder))
    body.append(b"Subject: x\r\n\r\ntext\r\n")
    delivery = begin(relay, client)
    try:
        recipient(delivery)
        return delivery.send(lambda _: b"", body)
    finally:
        delivery.abort()
        body.close()


def busy(relay: Relay) -> int:
    return relay.pool.busy
