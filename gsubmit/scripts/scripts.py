"""Scripts: what all sessions share of them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import fields

from gsubmit.logs.text import safe_name, safe_words
from gsubmit.scripts.cache import Cache, version_of
from gsubmit.scripts.places import FIELD, Administrators, Source, UserScripts, is_understood
from gsubmit.scripts.tracker import Memory
from gsubmit.settings.sieve import SieveLimitSettings, SieveSettings
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.vocabulary import EXTENSIONS

OF_MAILBOXES = frozenset({"fileinto", "mailbox", "special-use"})
COMPLAINT_TIME = 3600.0  # seconds from one line about a user's script to the next
MAX_COMPLAINTS = 10_000  # users
_log = logging.getLogger("gsubmit.sieve")


class Scripts:
    """Of one configuration. `amending` are the users whose scripts have changed an envelope, and may do so again."""

    def __init__(self, settings: SieveSettings, *, has_mailboxes: bool, is_traced: bool = False) -> None:
        """Raises OSError where a folder of administrators' scripts cannot be read."""
        offered = EXTENSIONS if has_mailboxes else EXTENSIONS - OF_MAILBOXES
        self.settings = settings
        limits, folder = limits_of(settings.limits), settings.submission_sieve_global
        self.cache = Cache(limits, folder, offered, is_traced=is_traced)
        self.memory = Memory(settings.submission_sieve_duplicate_period, settings.submission_sieve_duplicate_max_period)
        self.amending: set[str] = set()
        self.variables: Mapping[str, str] = dict(settings.submission_sieve_env)
        self._users = UserScripts(settings.submission_sieve)
        self.before = Administrators(settings.submission_sieve_before)
        self.after = Administrators(settings.submission_sieve_after)
        self._complained: OrderedDict[str, float] = OrderedDict()

    def may_have(self, user: str, passdb_fields: Mapping[str, str]) -> bool:
        """Whether there is any script for a user's message: one stat says that there is none, for most messages."""
        if self.settings.submission_sieve_before or self.settings.submission_sieve_after or FIELD in passdb_fields:
            return True
        return version_of(self._users.path(user, passdb_fields)) is not None

    def of(self, user: str, passdb_fields: Mapping[str, str]) -> Iterator[Source]:
        """The scripts for a user's message, in order; some may not be there."""
        for path in self.before:
            yield Source(path, is_administrators=True)
        said = passdb_fields.get(FIELD, "")
        if not is_understood(said) and self.complains(user):
            text = "user <%s>: passdb field sieve: expected an absolute path, yes or no, not '%s'"
            _log.warning(text, safe_name(user), safe_words(said))
        own = self._users.source(user, passdb_fields)
        if own is not None:
            yield own
        for path in self.after:
            yield Source(path, is_administrators=True)

    def complains(self, user: str) -> bool:
        """Whether it is time for a line in the log about the user's script."""
        now = time.monotonic()
        if now - self._complained.get(user, float("-inf")) < COMPLAINT_TIME:
            return False
        self._complained.pop(user, None)
        self._complained[user] = now
        if len(self._complained) > MAX_COMPLAINTS:
            self._complained.popitem(last=False)
        return True


def limits_of(settings: SieveLimitSettings) -> Limits:
    """As the engine has them."""
    return Limits(**{one.name: getattr(settings, one.name) for one in fields(Limits)})
