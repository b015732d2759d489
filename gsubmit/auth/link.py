"""One `passdb { }` block: a passdb, when to ask it, and what its answer leads to."""

from __future__ import annotations

from fnmatch import fnmatchcase

from gsubmit.auth import fields
from gsubmit.auth.passdb import Answer, Origin, Passdb
from gsubmit.sasl.claims import Claim, Proven
from gsubmit.settings.blocks import PassdbSettings


class Link:
    """A link of the chain."""

    def __init__(self, passdb: Passdb, settings: PassdbSettings) -> None:
        self.passdb = passdb
        self.is_deny = settings.deny
        self.is_master = settings.master
        self.on_success = settings.result_success
        self.on_failure = settings.result_failure
        self.on_internalfail = settings.result_internalfail
        self._skip = settings.skip
        self._mechanisms = frozenset(word.lower() for word in settings.mechanisms)
        words = [word.replace("[", "[[]") for word in settings.username_filter]  # only * and ? are special
        self._wanted = [word for word in words if not word.startswith("!")]
        self._unwanted = [word[1:] for word in words if word.startswith("!")]
        self._default_fields = fields.parse(settings.default_fields)
        self._override_fields = fields.parse(settings.override_fields)

    def __str__(self) -> str:
        return str(self.passdb)

    def skips(self, claim: Claim, origin: Origin, *, is_success: bool) -> str:
        """Why this passdb is not to be asked; empty if it is."""
        if self._skip == ("authenticated" if is_success else "unauthenticated"):
            return f"skip = {self._skip}"
        if self._mechanisms and origin.mechanism.lower() not in self._mechanisms:
            return "not for this mechanism"
        if not self.is_for(claim.authentication_id):
            return "not for this user name"
        if not self.is_deny and not isinstance(claim, self.passdb.serves):
            return "not for claims of this kind"
        return ""

    def is_for(self, user: str) -> bool:
        """Whether `username_filter` lets this user pass."""
        if any(fnmatchcase(user, word) for word in self._unwanted):
            return False
        return not self._wanted or any(fnmatchcase(user, word) for word in self._wanted)

    def ask(self, claim: Claim, origin: Origin, known: dict[str, str]) -> Answer:
        """The passdb's answer, its fields on top of those `known`. Raises what Passdb.verify does."""
        user = claim.authentication_id
        if self.is_deny:  # it is enough that the user is found
            claim = Proven(user)
        answer = self.passdb.verify(claim, origin)
        merged: dict[str, str] = {}
        fields.merge(merged, fields.expanded(self._default_fields, user, origin))
        merged |= known
        fields.merge(merged, answer.fields)
        fields.merge(merged, fields.expanded(self._override_fields, user, origin))
        return Answer(merged, answer.keys)
