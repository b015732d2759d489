"""What a relay turned out not to honour, although it lists it: left out for a while, said once in the log."""

from __future__ import annotations

import logging
import time

from gsubmit.dial.answer import is_about_us
from gsubmit.dial.connection import RelayConnection
from gsubmit.logs.complaints import Complaint
from gsubmit.smtp.reply import Reply

# Long enough that hardly any message pays for it, short enough that a relay that was mended is used as it is.
REMEMBERED = 3600.0  # seconds

# What MAIL may carry that the client did not ask for, in the order in which it is given up (RFC 4954 5 asks for none).
OWN_PARAMETERS = ("AUTH=", "SIZE=", "BODY=")
KEEPING = "keeping connections"

_log = logging.getLogger("gsubmit.relay")


class Learnt:
    """EHLO keywords, parameters of MAIL (with their `=`) and KEEPING, each until its time is over.

    What a relay has honoured once is `proven`: a refusal later is about one message, and nothing is learnt from it.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # monotonic
        self.proven: set[str] = set()
        self._terms = Complaint(_log, logging.ERROR)

    def leave_out(self, what: str, why: str) -> None:
        """Do without it from now on; `why` names the relay and what it said, for the log."""
        if what not in self.left_out:
            _log.warning("relay: %s: going on without %s for %d minutes", why, what, REMEMBERED // 60)
        self._until[what] = time.monotonic() + REMEMBERED

    def mistrust(self, why: str) -> None:
        """It said more than it was asked: from now on one command at a time, and one message on a connection.

        One reply too many among those to several commands would shift the others, and all that follow.
        """
        self.leave_out(KEEPING, why)
        self.leave_out("PIPELINING", why)

    def complain(self, relay: object, reply: Reply) -> None:
        """It takes no mail from us as we are: an error, however many clients it is said to."""
        self._terms.say("relay: %s does not take our mail: %s", relay, reply)

    def note_final(self, connection: RelayConnection, reply: Reply) -> None:
        """This is what it said to a whole message."""
        if not reply.refuses:
            self.proven.add("CHUNKING" if connection.takes_chunks else "DATA")
        elif is_about_us(reply):
            self.complain(connection, reply)

    @property
    def left_out(self) -> frozenset[str]:
        """All that is left out now."""
        if not self._until:
            return frozenset()
        now = time.monotonic()
        self._until = {what: until for what, until in self._until.items() if until > now}
        return frozenset(self._until)
