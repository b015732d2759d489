"""What was asked in one transaction: MAIL, and RCPT for each recipient, with the answers that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import inf

from gsubmit.dial.answer import RelayFailed
from gsubmit.relay.lines import rcpt_line
from gsubmit.relay.promise import Collector, Promise
from gsubmit.relay.refusal import log_refused
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.replies import TOO_MANY_RECIPIENTS
from gsubmit.smtp.reply import Refused, Reply


def not_refused(asked: Sequence[Promise]) -> list[Recipient]:
    """The recipients that the relay has taken, or has not answered yet."""
    return [
        promise.request
        for promise in asked
        if isinstance(promise.request, Recipient) and (promise.answer is None or promise.answer.code < 400)
    ]


def amended(
    asked: Sequence[Promise],
    sender: Sender,
    recipients: Sequence[Recipient],
    collector: Collector,
    relay: Capabilities,
) -> tuple[list[Promise], list[Promise]]:
    """The promises of another envelope, in its order: those that have an answer already keep it.

    Behind them those of recipients that the relay cannot be asked for, which are refused.
    """
    known: dict[Recipient, list[Promise]] = defaultdict(list)
    for promise in asked:
        if isinstance(promise.request, Recipient) and not promise.is_refused:
            known[promise.request].append(promise)
    wanted = [asked[0] if asked[0].request == sender else Promise(collector, sender)]
    hopeless = []
    room = (relay.limit("RCPTMAX") or inf) - sum(promise.is_refused for promise in asked)
    for one in recipients:
        promise = known[one].pop(0) if known.get(one) else Promise(collector, one)
        if promise.answer is None and (refusal := _refusal(one, relay, has_room=len(wanted) <= room)) is not None:
            promise.settle(refusal)
            hopeless.append(promise)
        else:
            wanted.append(promise)
    return wanted, hopeless


def _refusal(recipient: Recipient, relay: Capabilities, *, has_room: bool) -> Reply | None:
    """Why this relay cannot be asked for it."""
    try:
        rcpt_line(recipient, relay)
    except Refused as refused:
        return refused.reply
    return None if has_room else TOO_MANY_RECIPIENTS


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
