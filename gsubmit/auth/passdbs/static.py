"""The passdb driver static: the same password, or none, and the same extra fields for every user."""

from __future__ import annotations

import logging
from typing import Self

from gsubmit.auth import fields, hashing
from gsubmit.auth.keys import wanted
from gsubmit.auth.looks import Looks, looks_of
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Origin, Reach
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import Rules, parse
from gsubmit.sasl.claims import Claim, Cleartext, Denied, KeysWanted, Proven, Token
from gsubmit.settings.kinds import NO

DEFAULT_SCHEME = "PLAIN"  # as in Dovecot

_log = logging.getLogger("gsubmit.auth")


class Static:
    """A passdb of driver static."""

    serves: tuple[type[Claim], ...] = (Cleartext, KeysWanted, Proven)
    reach: Reach = "here"

    def __init__(self, given: dict[str, str], means: Means) -> None:
        """`given` are fields; `password` or `nopassword` is among them for a yes to be possible."""
        self._fields = {name: value for name, value in given.items() if name not in ("password", "noauthenticate")}
        self._nopassword = "nopassword" in given
        if self._nopassword and given.get("proxy", "no").lower() not in NO:  # the backend looks at the token
            self.serves = (*Static.serves, Token)
        self._password = given.get("password", "")
        self._means = means

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of the setting `args = password=P|nopassword [field=value]...`, or ValueError."""
        given = fields.parse(args)
        if ("nopassword" in given) == bool(given.get("password")):
            raise ValueError("args need either password= or nopassword")
        try:
            Rules(limits=means.limits).check(parse(given.get("password", ""), DEFAULT_SCHEME))
        except SchemeError as error:
            raise ValueError(str(error)) from None
        fields.expanded(given, "user@domain", Origin())
        return cls(given, means)

    def __str__(self) -> str:
        return "static"

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Yes to everybody who knows the password."""
        user = claim.authentication_id
        keys = None
        try:
            if isinstance(claim, Cleartext) and not self._nopassword:
                stored = parse(self._password, DEFAULT_SCHEME)
                if not hashing.compare(stored, claim, origin, self._means.rules):
                    raise Denied("password mismatch")
            elif isinstance(claim, KeysWanted):
                keys = wanted(self._password, DEFAULT_SCHEME, claim, self._means)
        except SchemeError as fault:
            _log.error("%s: stored password: %s", self, fault)
            raise Denied(f"stored password: {fault}") from None
        return Answer(fields.expanded(self._fields, user, origin), keys)

    def pretend(self, claim: Claim, _: Origin) -> Looks | None:
        """Nobody is unknown here."""
        if not isinstance(claim, KeysWanted) or not self._password:
            return None
        return looks_of([self._password], DEFAULT_SCHEME, self._means.limits)
