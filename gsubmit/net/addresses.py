"""A name's addresses in the order to try them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gsubmit.net.resolve import LOOKUP_TIME, LookupFailed, addresses_of, doubt

FIRST_BACKOFF = 1.0  # seconds for which an address that failed is left alone while another works; doubles each time
LONGEST_BACKOFF = 60.0
LEAST_SHARE = 0.5  # seconds for one address, when there are many


class Addresses:
    """A name's addresses, those that failed recently at the end."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._backoffs: dict[str, tuple[float, float]] = {}  # address -> until when (monotonic), and for how long

    def in_order(self, seconds: float = LOOKUP_TIME) -> list[str]:
        """Those to try, the best first. Raises LookupFailed."""
        now = time.monotonic()

        def left_alone_until(address: str) -> float:
            return max(self._backoffs.get(address, (now,))[0], now)

        return sorted(addresses_of(self._host, seconds), key=left_alone_until)

    def to_try(self, seconds: float) -> Iterator[tuple[str, float]]:
        """One after the other, each with the seconds that it may take; together, with the lookup, `seconds`.

        When all have failed, DNS may know others by now: it is asked past what is kept of it. Raises LookupFailed.
        """
        deadline = time.monotonic() + seconds
        candidates = self.in_order(seconds)
        tried: set[str] = set()
        while candidates:
            for number, address in enumerate(candidates):
                left = deadline - time.monotonic()
                if tried and left <= 0:
                    break
                tried.add(address)
                yield address, max(left / (len(candidates) - number), LEAST_SHARE)
            doubt(self._host)
            candidates = self._news(tried, deadline - time.monotonic())

    def _news(self, tried: set[str], seconds: float) -> list[str]:
        """Addresses that were not tried yet; nothing when there is no time to ask."""
        if seconds <= 0:
            return []
        try:
            return [address for address in self.in_order(seconds) if address not in tried]
        except LookupFailed:
            return []

    def failed(self, address: str) -> None:
        """Leave this address alone for a while, longer each time."""
        now = time.monotonic()
        backoff = min(self._backoffs.get(address, (0.0, FIRST_BACKOFF / 2))[1] * 2, LONGEST_BACKOFF)
        # A name may have other addresses each time it is asked for.
        self._backoffs = {one: known for one, known in self._backoffs.items() if known[0] + LONGEST_BACKOFF > now}
        self._backoffs[address] = (now + backoff, backoff)

    def worked(self, address: str) -> None:
        """This address is as good as ever."""
        self._backoffs.pop(address, None)
