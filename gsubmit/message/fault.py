"""Why a message cannot be converted."""

from __future__ import annotations


class CannotConvert(Exception):
    """The message stays as it is: no conversion is allowed, or none is certain to keep its meaning (DWN-1).

    `reason` says which part and field, in printable ASCII: the client hears it with 554 5.6.3.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
