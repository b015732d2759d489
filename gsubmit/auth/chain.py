"""The passdbs, asked one after the other."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gsubmit.auth.names import canonical
from gsubmit.auth.passdb import Denied, Identity, Passdb, Unavailable, UnknownUser
from gsubmit.sasl.mechanism import Cleartext

log = logging.getLogger("gsubmit.auth")


class Chain:
    """What the server asks. The first passdb that accepts the credentials wins."""

    def __init__(self, passdbs: Sequence[Passdb]) -> None:
        self.passdbs = tuple(passdbs)

    def verify(self, credentials: Cleartext) -> Identity:
        """The identity these credentials prove. Unavailable if a passdb could not answer and no other one said yes."""
        credentials = _prepared(credentials)
        unavailable = None if self.passdbs else Unavailable("no passdb")
        denied: Denied = UnknownUser()
        strangers: list[Passdb] = []
        for passdb in self.passdbs:
            try:
                return passdb.verify(credentials)
            except UnknownUser:
                strangers.append(passdb)
            except Denied as answer:
                denied = answer
            except Unavailable as failure:
                log.error("%s: %s", passdb, failure.reason)
                unavailable = failure
        # Now each passdb has compared one password, known user or not, and the delay tells nothing.
        for passdb in strangers:
            passdb.pretend(credentials)
        raise unavailable or denied


def _prepared(credentials: Cleartext) -> Cleartext:
    """The credentials with the user name as passdbs know it. Nobody may act as somebody else (RFC 4616 2)."""
    user = canonical(credentials.authentication_id)
    if credentials.authorization_id and canonical(credentials.authorization_id) != user:
        raise Denied("authorization id not permitted")
    return Cleartext(authentication_id=user, authorization_id="", password=credentials.password)
