"""Another envelope than the client gave: asked of the relay when the message is complete."""

from __future__ import annotations

import logging
from collections.abc import Collection

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
        assert wanted.handling is not None
        transaction.delivery.abort()
        hop = session.service.relay_named(wanted.handling.relay)
        transaction.delivery = hop.begin(wanted.sender, session.client, session.label)
        promises = [transaction.delivery.recipient(one) for one in wanted.recipients]
        transaction.delivery.accepted()
        if transaction.delivery.sender.is_refused:
            raise Refused(transaction.delivery.sender.reply())
        refused = [promise for promise in promises if promise.is_refused]
    elif wanted.sender != had.sender or wanted.recipients != had.recipients:
        refused = transaction.delivery.amend(wanted.sender, wanted.recipients)
    else:
        return
    old = set(had.recipients)
    for promise in refused:
        request = promise.request
        assert isinstance(request, Recipient)
        assert promise.answer is not None
        if request in old:
            raise Refused(RELAY_LOST)
        if any(request.forward_path.is_same_mailbox(one) for one in required):
            raise Refused(promise.answer)
        text = "%s: recipient <%s>, which was added, is left out: %s"
        _log.warning(text, transaction.id, request.forward_path, promise.answer, extra={"prefix": session.label})
    had.sender = wanted.sender
    had.recipients = [one for one in wanted.recipients if all(promise.request != one for promise in refused)]
    if not had.recipients:
        assert refused[-1].answer is not None
        raise Refused(refused[-1].answer)
