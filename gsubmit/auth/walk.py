"""One claim on its way along the passdbs, by the rules of Dovecot's `result_success` and its like."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from gsubmit.auth import fields, restrictions
from gsubmit.auth.link import Link
from gsubmit.auth.passdb import Answer, Origin, Unavailable, UnknownUser
from gsubmit.sasl.claims import Claim, Cleartext, Denied, LateKeys, Proven, Token

# Told of every step: the passdb, and what came of it.
Observer = Callable[[str, str], None]

_log = logging.getLogger("gsubmit.auth")


class Walk:
    """The state of one walk. What a passdb that failed has set does not count."""

    def __init__(self, claim: Claim, origin: Origin, observe: Observer) -> None:
        self.user = claim.authentication_id
        self.fields = {f"forward_{name}": value for name, value in origin.forward.items()}
        self.keys: LateKeys | None = None
        self.unknown_in: list[Link] = []  # those that did not know the user, and compared no password
        self.accepted_by: list[Link] = []  # those that said yes
        self.is_success = False
        self.is_proven = not isinstance(claim, Cleartext | Token)  # a passdb has looked at the password
        self.wants_target = False  # a master user's password was right, and the user to act for is to be looked up
        self._claim = claim
        self._origin = origin
        self._observe = observe
        self._denied: Denied | None = None
        self._unavailable: Unavailable | None = None
        self._is_down = False  # whether a passdb failed that could be asked at other times

    def along(self, links: Sequence[Link]) -> None:
        """Ask one passdb after the other, until one's rule says to return. Raises Denied or Unavailable."""
        for link in links:
            why = link.skips(self._claim, self._origin, is_success=self.is_success)
            if why:
                self._observe(str(link), f"skipped, {why}")
            elif not (self._ask(link) if link.serves(self._claim) else self._pass_by(link)):
                break
        if self.is_success or self.wants_target:
            return
        raise self.refusal(self._denied or UnknownUser())

    def refusal(self, denied: Denied) -> Denied | Unavailable:
        """What to raise for a denial by those passdbs that could be asked: another one might have let the user in."""
        if self._unavailable is None:
            return denied
        # Who is unknown is counted like who is known, or the count would tell; but not where nobody was asked.
        if not self._is_down and (self._denied or self.unknown_in or self.accepted_by):
            self._unavailable.denied = denied
        return self._unavailable

    def _ask(self, link: Link) -> bool:
        """Ask one passdb; whether to go on to the next."""
        known = {name: value for name, value in self.fields.items() if name not in fields.NAMES}
        try:
            answer = link.ask(self._claim, self._origin, known)
        except UnknownUser as unknown:
            self._observe(str(link), unknown.reason)
            if link.settings.deny:
                return True
            self.unknown_in.append(link)
            return self._follow(link.settings.result_failure)
        except Denied as denied:
            if link.settings.deny:  # it is not unknown, so it is there
                return self._keep_out(link)
            self._observe(str(link), denied.reason)
            self._denied = denied
            return self._follow(link.settings.result_failure)
        except Unavailable as unavailable:
            self._observe(str(link), f"not available: {unavailable.reason}")
            if not link.is_absent:  # which check-config and the start have told
                _log.error("%s: %s", link, unavailable.reason)
                self._is_down = True
            self._unavailable = unavailable
            if link.may_keep_out(is_success=self.is_success):
                self.is_success = False
                return False
            return self._follow(link.settings.result_internalfail)
        if link.settings.deny:
            return self._keep_out(link)
        # Here, not at the end: what the next passdb says of networks, or a master user's target, is no way around it.
        restrictions.check_networks(answer.fields, self._origin)
        self._observe(str(link), "yes")
        return self._take(link, answer)

    def _pass_by(self, link: Link) -> bool:
        """Go by a passdb that cannot answer claims of this kind; whether to go on to the next."""
        self._observe(str(link), "skipped, not for claims of this kind")
        rule = link.rule_without_answer(self._claim)
        if rule != "continue":
            reason = f"{link} decides who gets in, and cannot be asked for {self._origin.mechanism}"
            self._unavailable = Unavailable(reason)
        return self._follow(rule)

    def _keep_out(self, link: Link) -> bool:
        """A passdb with `deny = yes` knows the user."""
        self._observe(str(link), "found, and deny = yes")
        self.is_success, self._denied, self._unavailable = False, Denied("denied by a passdb"), None
        return False

    def _take(self, link: Link, answer: Answer) -> bool:
        """A passdb has said yes."""
        self.accepted_by.append(link)
        self.user = fields.user_in(answer.fields, self.user)
        skips_password = "noauthenticate" in answer.fields
        self.fields = {name: value for name, value in answer.fields.items() if name not in fields.PRIVATE}
        if skips_password:  # this passdb only had fields to add
            self._claim = replace(self._claim, authentication_id=self.user)
            return True
        self.keys = answer.keys or self.keys
        if isinstance(self._claim, Cleartext | Token):
            self.is_proven = "nopassword" not in answer.fields
        self._claim = Proven(self.user)  # nobody is asked for the password again
        if link.settings.master and link.settings.result_success.startswith("continue"):
            self.wants_target = True
            return False
        return self._follow(link.settings.result_success)

    def _follow(self, rule: str) -> bool:
        """What a `result_...` setting says; whether to go on."""
        if rule.endswith("-ok"):
            self.is_success = True
        elif rule.endswith("-fail"):
            self.is_success = False
        return rule.startswith("continue")
