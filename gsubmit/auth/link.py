"""One `passdb { }` block: a passdb, when to ask it, and what its answer leads to."""

from __future__ import annotations

from fnmatch import fnmatchcase

from gsubmit.auth import fields
from gsubmit.auth.passdb import Answer, Origin, Passdb
from gsubmit.sasl.claims import Claim, Proven, Token
from gsubmit.settings.blocks import PassdbSettings


class Link:
    """A link of the chain."""

    def __init__(self, passdb: Passdb, settings: PassdbSettings) -> None:
        self.passdb = passdb
        self.settings = settings
        self.is_absent = passdb.reach == "absent"
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
        if self.settings.skip == ("authenticated" if is_success else "unauthenticated"):
            return f"skip = {self.settings.skip}"
        if self._mechanisms and origin.mechanism.lower() not in self._mechanisms:
            return "not for this mechanism"
        if not self.is_for(claim.authentication_id):
            return "not for this user name"
        return ""

    def serves(self, claim: Claim) -> bool:
        """Whether this passdb can answer claims of this kind. A user to keep out is only looked up."""
        return self.settings.deny or isinstance(claim, self.passdb.serves)

    def rule_without_answer(self, claim: Claim) -> str:
        """What follows where it cannot. Never a yes, and a no only where a passdb that is left out would be a gate.

        Dovecot fails internally where keys or a lookup are wanted, and takes a token for a password, which has a
        yes (`nopassword`) or a no.
        """
        if not isinstance(claim, Token):
            rule = self.settings.result_internalfail
            return "continue" if rule.endswith("-ok") else rule
        is_gate = self.settings.result_success not in ("return-ok", "continue", "continue-ok")
        is_gate = is_gate or self.settings.result_failure in ("return", "return-fail", "continue-fail")
        return "return-fail" if is_gate else "continue"

    def may_keep_out(self, *, is_success: bool) -> bool:
        """Whether a user about whom this passdb cannot be asked may be one whom it would keep out.

        `deny = yes` does. So does `result_success = return` where nobody has said yes before: it ends there with a no.
        """
        return self.settings.deny or (self.is_absent and self.settings.result_success == "return" and not is_success)

    def is_for(self, user: str) -> bool:
        """Whether `username_filter` lets this user pass."""
        if any(fnmatchcase(user, word) for word in self._unwanted):
            return False
        return not self._wanted or any(fnmatchcase(user, word) for word in self._wanted)

    def ask(self, claim: Claim, origin: Origin, known: dict[str, str]) -> Answer:
        """The passdb's answer, its fields on top of those `known`. Raises what Passdb.verify does."""
        user = claim.authentication_id
        if self.settings.deny:  # it is enough that the user is found
            claim = Proven(user)
        answer = self.passdb.verify(claim, origin)
        merged: dict[str, str] = {}
        fields.merge(merged, fields.expanded(self._default_fields, user, origin))
        merged |= known
        fields.merge(merged, answer.fields)
        fields.merge(merged, fields.expanded(self._override_fields, user, origin))
        if "nopassword" in answer.fields:  # whoever takes it away has not compared a password
            merged["nopassword"] = answer.fields["nopassword"]
        return Answer(merged, answer.keys)
