"""What was asked in one transaction: MAIL, and RCPT for each recipient, with the answers that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gsubmit.dial.answer import RelayFailed
from gsubmit.relay.promise import Collector, Promise
from gsubmit.relay.refusal import log_refused
from gsubmit.smtp.envelope import Recipient, Sender


def not_refused(asked: Sequence[Promise]) -> list[Recipient]:
    """The recipients that the relay has taken, or has not answered yet."""
    return [
        promise.request
        for promise in asked
        if isinstance(promise.request, Recipient) and (promise.answer is None or promise.answer.code < 400)
    ]


def amended(
    asked: Sequence[Promise], sender: Sender, recipients: Sequence[Recipient], collector: Collector
) -> list[Promise]:
    """The promises of another envelope, in its order: those that have an answer already keep it."""
    known: dict[Recipient, list[Promise]] = defaultdict(list)
    for promise in asked:
        if isinstance(promise.request, Recipient) and not promise.is_refused:
            known[promise.request].append(promise)
    mail = asked[0] if asked[0].request == sender else Promise(collector, sender)
    return [mail, *(known[one].pop(0) if known.get(one) else Promise(collector, one) for one in recipients)]


def added(asked: Sequence[Promise], wanted: Sequence[Promise]) -> Sequence[Promise] | None:
    """What `wanted` has behind all that was not refused of `asked`; None where it differs from that."""
    taken = [promise for promise in asked if not promise.is_refused]
    is_more = len(wanted) >= len(taken) and all(one is other for one, other in zip(taken, wanted, strict=False))
    return wanted[len(taken) :] if is_more else None


def fail_all(asked: Sequence[Promise], failure: RelayFailed, label: str) -> None:
    """Give every promise that waits the same bad news."""
    for promise in asked:
        if promise.answer is None:
            promise.settle(failure.reply)
            log_refused(promise.request, asked[0].request, failure.by, failure.reply, label)
