"""One step of one copy: into the mailbox, or a look at it there; then it waits for the next, or has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, TypeVar

from gsubmit.logs.failures import log_failure
from gsubmit.logs.text import safe_words
from gsubmit.metrics import current
from gsubmit.metrics.figures import SENT_COPIES
from gsubmit.net.imap import ImapFault, LoginRefused, Lost
from gsubmit.net.imappool import NoConnection, Pool, Who
from gsubmit.net.slots import SlotsByKey
from gsubmit.sent import procedure
from gsubmit.sent.client import No, SentClient
from gsubmit.sent.entry import Entry, Held, Kept
from gsubmit.sent.mailboxes import Mailboxes, Remembered
from gsubmit.sent.procedure import FINAL, Hopeless
from gsubmit.sent.record import DAY, Record

SentPool: TypeAlias = Pool[SentClient, Any]

LOOKS = (60.0, 600.0)  # seconds after APPEND; clients upload within seconds, large messages within minutes
RETRIES = (60.0, 300.0, 900.0, 3600.0)  # seconds; the last one again and again
RETRIES_HERE = (5.0, 61.0)  # of what is in memory only; the last is longer than BREAK
GIVE_UP = DAY  # after the message came
BREAK = 60.0  # seconds in which a server that cannot be reached is left alone
OF_ONE_USER = 10  # in work; one after the other, so that two of the same message see each other
FOR_NOW = frozenset({"UNAVAILABLE", "CONTACTADMIN", "SERVERBUG", "LIMIT", "INUSE"})  # RFC 5530: of no single user
ASK_TIME = 10.0  # seconds for a question whose asker has a client that waits
BUSY_TIME = 1.0  # seconds until there may be fewer
R = TypeVar("R")
_log = logging.getLogger("gsubmit.sent")


class Rules(NamedTuple):
    """From the settings: the mailbox where none is marked, whether it is made, seconds of delay and for a message."""

    mailbox: str
    creates: bool
    delay: float
    seconds: float
    directory: str  # for large messages in memory


class _LeftAlone(ImapFault):
    """The server was not asked."""


class _KeptOneDied(ImapFault):
    """A connection that was kept was lost."""


class Steps:
    """`master` makes a login for any user, where there is a master user."""

    def __init__(self, pool: SentPool, master: Callable[[str], Who] | None, rules: Rules) -> None:
        self.pool = pool
        self.master = master
        self.rules = rules
        self._mailboxes = Mailboxes(rules.mailbox, creates=rules.creates)
        self._complained = Remembered()  # of users
        self._refused = Remembered()  # logins for users: some have no mailboxes, and send thousands of messages
        self._users = SlotsByKey()
        self._broken_until = 0.0  # monotonic

    @property
    def is_broken(self) -> bool:
        """Whether the server was found to be out of reach a moment ago."""
        return time.monotonic() < self._broken_until

    def asked(self, user: str, own: Who | None, act: Callable[[SentClient], R]) -> R:
        """What it comes to, for somebody who waits; `own` is the client's login. Raises ImapFault, No."""
        who = self._login(user) if self.master is not None else own
        if who is None or self.is_broken:
            raise _LeftAlone("the server could not be reached" if who else "there is no way to log in for this user")
        try:
            return self._at_most_twice(who, act, ASK_TIME)
        except ImapFault as fault:
            self._note(fault, user)
            raise

    def work(self, entry: Entry) -> None:
        """The next step; what goes wrong is logged."""
        user = entry.record.user
        try:
            if self._users.crowd(user) >= OF_ONE_USER:
                entry.wait(time.time() + BUSY_TIME)
                return
            with self._users.slot(user, 1, self.rules.seconds) as is_taken:
                if is_taken:
                    self._take_step(entry)
                else:
                    entry.wait(time.time() + BUSY_TIME)
        except OSError as error:
            log_failure(
                "copy %s: %s", str(entry.record), error, extra={"prefix": entry.record.label}, level=logging.ERROR
            )
            self._put_off(entry, RETRIES[0])
        except Exception:
            _log.exception("copy %s", entry.record, extra={"prefix": entry.record.label})
            self._put_off(entry, RETRIES[-1])

    @staticmethod
    def _put_off(entry: Entry, seconds: float) -> None:
        """It is released in any case, as it was saved last."""
        with suppress(OSError):
            entry.wait(time.time() + seconds)

    def _take_step(self, entry: Entry) -> None:
        """Store it, or look at it; then it waits for the next step, or is at its end."""
        try:
            (self._look if entry.record.is_stored else self._store)(entry)
        except Hopeless as hopeless:
            self._complain_once(entry, hopeless.reason)
        except No as no:
            self._refused_there(entry, no)
        except _LeftAlone as alone:
            if isinstance(entry, Kept) and entry.record.age <= GIVE_UP:
                entry.wait(time.time() + BREAK)
            else:
                self._later(entry, alone.reason)
        except ImapFault as fault:
            self._note(fault, entry.record.user)
            self._later(entry, fault.reason)
        except OSError as error:
            self._later(entry, str(error))

    def _refused_there(self, entry: Entry, no: No) -> None:
        self._mailboxes.forget(entry.record.user)
        if no.code not in FINAL:
            self._later(entry, no.reason)
        elif entry.record.is_stored:
            entry.end()  # that a look is refused does no harm
        else:
            self._complain_once(entry, no.reason)

    def _note(self, fault: ImapFault, user: str) -> None:
        """What others are to be spared."""
        if isinstance(fault, NoConnection):
            self._broken_until = time.monotonic() + BREAK
        elif isinstance(fault, LoginRefused) and fault.code not in FOR_NOW:
            self._refused.put(user, fault.reason)

    def _store(self, entry: Entry) -> None:
        record = entry.record
        octets = entry.octets()

        def act(client: SentClient) -> procedure.Stored:
            return procedure.store(client, record, octets, self._mailboxes, self.rules.directory, entry.save)

        result = self._connected(entry, act)
        current.row[SENT_COPIES.at(result)] += 1
        if result == "there":
            _log.info("Copy is in Sent already: %s", record, extra={"prefix": record.label})
            entry.end()
            return
        place = record.place
        assert place is not None
        text = "Stored copy: %s, mailbox=%s, uid=%d"
        _log.info(text, record, safe_words(place.mailbox), place.uid, extra={"prefix": record.label})
        if not place.uid:  # nobody knows which is ours
            entry.end()
            return
        record.tries, record.error = 0, ""
        entry.save()
        entry.end_content()
        entry.wait(time.time() + LOOKS[0])

    def _look(self, entry: Entry) -> None:
        record = entry.record
        result = self._connected(entry, lambda client: procedure.look(client, record, entry.save))
        record.looks += 1
        if result == "taken_back":
            current.row[SENT_COPIES.at(result)] += 1
            _log.info("Took copy back, for the client has stored its own: %s", record, extra={"prefix": record.label})
        is_over = isinstance(entry, Held) and entry.is_over is not None and entry.is_over()
        if result != "alone" or record.looks >= len(LOOKS) or is_over:
            entry.end()
        else:
            record.tries, record.error = 0, ""
            entry.save()
            entry.wait(time.time() + LOOKS[record.looks] - LOOKS[record.looks - 1])

    def _connected(self, entry: Entry, act: Callable[[SentClient], R]) -> R:
        """What it comes to over a connection."""
        who = entry.who if isinstance(entry, Held) else self._login(entry.record.user)
        if self.is_broken:
            raise _LeftAlone("the server was left alone, since it could not be reached")
        if (refused := self._refused.get(entry.record.user)) and not who.is_users_own:
            raise _LeftAlone(f"not tried for an hour: {refused}")
        return self._at_most_twice(who, act, self.rules.seconds)

    def _login(self, user: str) -> Who:
        assert self.master is not None
        return self.master(user)

    def _at_most_twice(self, who: Who, act: Callable[[SentClient], R], seconds: float) -> R:
        """A kept connection may have died: the steps can be taken again, whatever was."""
        try:
            return self._once(who, act, seconds, new=False)
        except _KeptOneDied:
            return self._once(who, act, seconds, new=True)

    def _once(self, who: Who, act: Callable[[SentClient], R], seconds: float, *, new: bool) -> R:
        with self.pool.connection(who, new=new) as client:
            try:
                with client.begun(seconds):
                    return act(client)
            except Lost as lost:
                if client.has_served:
                    raise _KeptOneDied(lost.reason) from None
                raise

    # What does not succeed

    def _later(self, entry: Entry, reason: str) -> None:
        """Once more, unless it was tried for long enough."""
        record = entry.record
        record.error = reason
        record.tries += 1
        waits = RETRIES_HERE if isinstance(entry, Held) else RETRIES
        is_last = record.tries > len(waits) if isinstance(entry, Held) else record.age > GIVE_UP
        if is_last and record.is_stored:
            entry.end()  # it is there, and a look more would be for the sake of doubles
        elif is_last:
            entry.end(is_lost=True)  # first: as long as that fails it is not settled
            self.failed(record, reason)
        else:
            seconds = waits[min(record.tries, len(waits)) - 1]
            if record.tries == 1:
                text = "Copy is not in Sent yet: %s, reason=`%s'"
                log_failure(
                    text, str(record), safe_words(reason), extra={"prefix": record.label}, level=logging.WARNING
                )
            entry.save()
            entry.wait(time.time() + seconds)

    def failed(self, record: Record, reason: str) -> None:
        """There will be no copy."""
        current.row[SENT_COPIES.at("failed")] += 1
        text = "No copy in Sent: user=<%s>, %s, reason=`%s'"
        words = (text, record.user, str(record), safe_words(reason))
        log_failure(*words, extra={"prefix": record.label}, level=logging.ERROR)

    def _complain_once(self, entry: Entry, reason: str) -> None:
        """It will not succeed, and the user's next message neither, perhaps: said once for all of them."""
        record = entry.record
        entry.end()
        current.row[SENT_COPIES.at("failed")] += 1
        if self._complained.get(record.user) != reason:
            self._complained.put(record.user, reason)
            text = "No copies in Sent for now: user=<%s>, %s, reason=`%s'"
            words = (text, record.user, str(record), safe_words(reason))
            log_failure(*words, extra={"prefix": record.label}, level=logging.WARNING)
