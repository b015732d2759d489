"""The relay: the next hop of every message, and what it last said that it can do."""

from __future__ import annotations

import time
from collections.abc import Sequence

import gevent

from gsubmit.dial.answer import RelayFailed, for_client, is_answer
from gsubmit.dial.xclient import ClientFacts
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.pool import Pool
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.replies import CANNOT_VERIFY
from gsubmit.smtp.reply import Reply

LEARN_TIMEOUT = 3.0  # seconds that an EHLO waits for a relay that was never reached
LEARN_AGAIN = 10.0  # seconds before a relay that could not be reached is tried again for an EHLO


class Relay:
    """A NextHops with one next hop. `announced`, when not empty, are the keywords to tell clients without asking it."""

    def __init__(self, pool: Pool, announced: Sequence[str] = ()) -> None:
        self.pool = pool
        words = {word.upper(): "" for word in announced if word != "none"}
        self._announced = Capabilities(words) if announced else None
        self._learning: gevent.Greenlet[[], None] | None = None
        self._learning_since = 0.0
        self._learn_after = 0.0

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> RelayDelivery:
        """Start a mail transaction for `client`; `label` names it in the log. Raises Refused."""
        try:
            return RelayDelivery(self.pool, sender, client, label)
        except RelayFailed as failure:
            failure.log(label)
            raise

    # What the relay can do

    def capabilities(self) -> Capabilities:
        """What the relay last announced; waits a little for a relay that has not been asked yet."""
        if self._announced is not None:
            return self._announced
        if self.pool.capabilities is None:
            self.start()
            if self._learning is not None:
                self._learning.join(max(0.0, self._learning_since + LEARN_TIMEOUT - time.monotonic()))
        return self.pool.capabilities or NOTHING

    def start(self) -> None:
        """Connect in the background to hear what the relay announces; the connection is kept."""
        if self._learning is None and time.monotonic() >= self._learn_after:
            self._learning_since = time.monotonic()
            self._learning = gevent.spawn(self._learn)

    def _learn(self) -> None:
        self._learn_after = time.monotonic() + LEARN_AGAIN
        try:
            self.pool.give_back(self.pool.take(None), "")
        except RelayFailed as failure:
            failure.log()
        finally:
            self._learning = None

    def verify(self, argument: str, client: ClientFacts, label: str) -> Reply:
        """The relay's answer to VRFY, for the client. Raises Refused."""
        try:
            return self._verify(argument, client)
        except RelayFailed as failure:
            failure.log(label)
            raise

    def _verify(self, argument: str, client: ClientFacts) -> Reply:
        connection = self.pool.take(client)
        line = f"VRFY {argument}"
        try:
            try:
                reply = connection.ask(line)
            except RelayFailed as failed:
                if not (failed.lost and connection.is_reused):
                    raise
                connection.close()
                connection = self.pool.dial(client)
                reply = connection.ask(line)
            if not is_answer(reply):
                connection.close()  # to something else
        except RelayFailed:
            connection.close()
            raise
        finally:
            self.pool.give_back(connection, client.login)
        return CANNOT_VERIFY if reply.code in (500, 502) else for_client(reply)

    def leave(self, client: ClientFacts) -> None:
        """This client begins no further transactions."""
        self.pool.leave(client)

    def close(self) -> None:
        """Say goodbye on every kept connection, and on those in use when they are given back."""
        self.pool.close()
