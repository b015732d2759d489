"""The passdbs, asked one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.names import canonical
from gsubmit.auth.passdb import Denied, Identity, Passdb, Unavailable, UnknownUser
from gsubmit.auth.passwdfile import PasswdFile
from gsubmit.sasl.mechanism import Cleartext
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.problem import Problem, SettingsError

# What makes a passdb of the setting `args`, by driver; ValueError for bad args.
DRIVERS: dict[str, Callable[[str, VerifiedCache], Passdb]] = {"passwd-file": PasswdFile.from_args}

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


def build_chain(passdbs: Sequence[PassdbSettings], cache_size: int, cache_ttl: float) -> Chain:
    """The chain of these settings (auth_cache_size in octets, auth_cache_ttl in seconds), or SettingsError."""
    cache = VerifiedCache(cache_size, cache_ttl)
    built: list[Passdb] = []
    problems: list[Problem] = []
    for settings in passdbs:
        driver = DRIVERS.get(settings.driver)
        if driver is None:  # the settings have complained about it
            log.warning("passdb driver %s is not supported, the passdb is skipped", settings.driver)
            continue
        try:
            built.append(driver(settings.args, cache))
        except ValueError as error:
            problems.append(Problem(settings.file, settings.line, str(error)))
    if problems:
        raise SettingsError(problems)
    return Chain(built)
