"""Where a transaction with the relay is.

    OPEN        it holds a connection, on which Requests asks; a lost one is replaced once, and all is asked again
     |  ^  park(), while the client is idle and others wait  |  the client moves, or the message comes
     v  |
    PARKED      its connection serves others
    OPEN -> COMMITTED   the last octets leave; from here on the message is never sent a second time, but for a relay
     ^          |       that has refused the command itself (KeywordRefused), so that it cannot have taken the message
     +----------+
    OVER        from each of them: the reply has come, the sender was refused, or _fail() has told all that wait

Whoever leaves OPEN or COMMITTED gives the connection back, in whatever state it is.
"""

from __future__ import annotations

from enum import Enum, auto


class Stage(Enum):
    """It holds a connection, and with it a slot, in OPEN and COMMITTED only."""

    OPEN = auto()
    PARKED = auto()  # the connection was given back while the client takes its time; MAIL and RCPT are asked again
    COMMITTED = auto()  # the end of the message may have reached the relay: never a second time
    OVER = auto()


OPEN, PARKED, COMMITTED, OVER = Stage  # as attributes of the class they would be looked up at each use
