"""Who may submit what a URL leads to (RFC 4468 3.3, RFC 4467 3)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gsubmit.burl.url import ImapUrl
from gsubmit.smtp.replies import URL_EXPIRED, URL_FORBIDDEN
from gsubmit.smtp.reply import Refused


@dataclass(frozen=True)
class Submitter:
    """Who submits. `is_named` tells whether a name out of a URL is this user's; the password may be empty."""

    user: str
    is_named: Callable[[str], bool]
    password: str = field(default="", repr=False)


def check(url: ImapUrl, submitter: Submitter, accesses: Collection[str]) -> None:
    """Raise Refused where a URL is not this user's to submit. No server is asked before."""
    if url.urlauth is None:
        # The user's own mailboxes only; a URL without a user means whoever is logged in.
        if url.user and not submitter.is_named(url.user):
            raise Refused(URL_FORBIDDEN)
        return
    # The IMAP server does not know who is logged in here, so that this is the only check there is (RFC 4467 3).
    if url.urlauth.userid and not submitter.is_named(url.urlauth.userid):
        raise Refused(URL_FORBIDDEN)
    if url.urlauth.access not in accesses:
        raise Refused(URL_FORBIDDEN)
    if url.is_expired(datetime.now(UTC)):
        raise Refused(URL_EXPIRED)
