"""Another envelope than the client gave: asked of the relay when the message is complete."""

from __future__ import annotations

import logging
from collections.abc import Collection

from gsubmit.dial.answer import RelayFailed
from gsubmit.relay.promise import Promise
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.address import Address
from gsubmit.smtp.envelope import Envelope, Recipient
from gsubmit.smtp.replies import RELAY_LOST
from gsubmit.smtp.reply import Refused

_log = logging.getLogger("gsubmit.session")


def amend(session: Session, transaction: Transaction, wanted: Envelope, required: Collection[Address] = ()) -> None:
    """Ask the relay for what has become of the envelope, or another relay for all of it. Raises Refused.

    Of the recipients that came by plugins and scripts, those are left out that the relay refuses, but for the required
    ones; without any recipient the message is refused.
    """
    had = transaction.envelope
    relay = had.handling.relay if had.handling is not None else ""
    has_moved = wanted.handling is not None and wanted.handling.relay != relay
    had.handling = wanted.handling
    if has_moved:
        refused = _moved(session, transaction, wanted)
    elif wanted.sender != had.sender or wanted.recipients != had.recipients:
        refused = transaction.delivery.amend(wanted.sender, wanted.recipients)
    else:
        return
    old = set(had.recipients)
    for promise in refused:
        request = promise.request
        assert isinstance(request, Recipient)
        assert promise.answer is not None
        if request in old and not has_moved:
            raise Refused(RELAY_LOST)
        # An old one was taken with 250, by another relay: the refusal of this one is that of the message.
        if request in old or any(request.forward_path.is_same_mailbox(one) for one in required):
            raise _refusal(promise)
        text = "%s: recipient <%s>, which was added, is left out: %s"
        _log.warning(text, transaction.id, request.forward_path, promise.answer, extra={"prefix": session.label})
    had.sender = wanted.sender
    had.recipients = [one for one in wanted.recipients if all(promise.request != one for promise in refused)]
    if not had.recipients:
        raise _refusal(refused[-1])


def _moved(session: Session, transaction: Transaction, wanted: Envelope) -> list[Promise]:
    """Ask another relay for all of the envelope; the recipients that it refuses.

    Those that are refused for good come first: a client that hears 4yz asks again, which would be in vain.
    """
    assert wanted.handling is not None
    transaction.delivery.abort()
    hop = session.service.relay_named(wanted.handling.relay)
    delivery = transaction.delivery = hop.begin(wanted.sender, session.client, session.label)
    promises = [delivery.recipient(one) for one in wanted.recipients]
    delivery.accepted(is_final=False)  # DATA is not sent ahead, for one refusal may be the end
    if delivery.sender.is_refused:
        raise _refusal(delivery.sender)
    refused = [promise for promise in promises if promise.is_refused]
    return sorted(refused, key=lambda promise: promise.reply().code, reverse=True)


def _refusal(promise: Promise) -> RelayFailed:
    """What the client hears of it: the relay's own words."""
    reply = promise.reply()
    return RelayFailed(reply, str(reply), said=reply)
