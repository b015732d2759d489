"""The passdbs, asked one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from gsubmit.auth import restrictions
from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.decoy import Decoys
from gsubmit.auth.drivers import make
from gsubmit.auth.fields import OF_ONESELF
from gsubmit.auth.lastingsecret import lasting_secret
from gsubmit.auth.link import Link
from gsubmit.auth.looks import Looks
from gsubmit.auth.means import Means
from gsubmit.auth.names import Names
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.schemes.cost import Limits
from gsubmit.auth.walk import Observer, Walk
from gsubmit.sasl.claims import (
    Account,
    Admission,
    Claim,
    Cleartext,
    Denied,
    Identity,
    KeysWanted,
    LateKeys,
    Proven,
    Verdict,
)
from gsubmit.settings.problem import Problem, SettingsError
from gsubmit.settings.sections import Settings


def _nobody(_: str, __: str) -> None:
    """The observer of walks that nobody observes."""


class Chain:
    """What the server asks."""

    def __init__(self, links: Sequence[Link], names: Names, decoys: Decoys | None = None) -> None:
        self.links = tuple(link for link in links if not link.settings.master)
        self.masters = tuple(link for link in links if link.settings.master)
        self.names = names
        self._decoys = decoys or Decoys()
        self.asks_others = any(link.passdb.reach == "remote" for link in links)

    def verify(self, claim: Claim, origin: Origin, observe: Observer = _nobody) -> Verdict:
        """What is to come of a login with this claim. Raises Denied or Unavailable."""
        return restrictions.verdict(self._identity(claim, origin, observe)[0])

    def account(self, claim: KeysWanted, origin: Origin, observe: Observer = _nobody) -> Account:
        """The keys of a user, or made-up ones with the reason why. Raises Unavailable where there is no passdb.

        Where a passdb cannot be asked, one user may be found in another and the next one not: nobody learns of it
        before the proof.
        """
        self._check_any()
        keys: LateKeys | None = None
        outcome: Admission | Denied | Unavailable
        mismatch: Denied | Unavailable = Denied("password mismatch")
        try:
            identity, walk = self._identity(claim, origin, observe)
            outcome = partial(restrictions.verdict, identity)
            keys, mismatch = walk.keys, walk.refusal(Denied("password mismatch"))
            if keys is None:
                outcome = walk.refusal(Denied("no keys, only a yes without a password"))
        except (Denied, Unavailable) as refusal:
            outcome = refusal
        decoy = self._decoy(claim, origin)  # also for those who need none: the time it takes tells nothing
        return Account(keys or decoy, outcome, mismatch)

    def _check_any(self) -> None:
        if not self.links and not self.masters:
            raise Unavailable("no passdb")

    def _identity(self, claim: Claim, origin: Origin, observe: Observer) -> tuple[Identity, Walk]:
        """Who it is, and the walk that has the keys if those were wanted."""
        self._check_any()
        if not claim.authentication_id:  # a token tells itself whose it is
            walk = self._walk(claim, origin, observe, self.links)
            user = self.names.canonical(walk.user)
            if not all(link.is_for(user) for link in walk.accepted_by):  # the name that they were asked about was empty
                raise Denied("not for this user name")
            if any(link.is_for(user) and not link.is_for("") for link in self.links):  # these were not asked yet
                walk = self._walk(replace(claim, authentication_id=user), origin, observe, self.links)
                user = self.names.canonical(walk.user)
            self._check_denied(user, origin, observe)
            return Identity(user, walk.fields, is_proven=walk.is_proven), walk
        user, authenticator = self.names.parties(claim)
        if (claim.authentication_id, claim.authorization_id) != (authenticator, ""):
            claim = replace(claim, authentication_id=authenticator, authorization_id="")
        if user == authenticator:
            walk = self._walk(claim, origin, observe, self.links)
            return Identity(walk.user, walk.fields, is_proven=walk.is_proven), walk
        if not self.masters:
            raise Denied("authorization id not permitted")
        walk = self._walk(claim, origin, observe, self.masters)
        fields = {name: value for name, value in walk.fields.items() if name not in OF_ONESELF}
        if walk.wants_target:
            target = self._walk(Proven(user), origin, observe, self.links)
            user, fields = target.user, fields | target.fields
        return Identity(user, fields, master_user=authenticator, is_proven=walk.is_proven), walk

    def _check_denied(self, user: str, origin: Origin, observe: Observer) -> None:
        """Raise Denied where `deny = yes` keeps out a user whose name was not known before."""
        walk = Walk(Proven(user), origin, observe)
        walk.is_success = True
        walk.along([link for link in self.links if link.settings.deny])

    def _walk(self, claim: Claim, origin: Origin, observe: Observer, links: Sequence[Link]) -> Walk:
        walk = Walk(claim, origin, observe)
        try:
            walk.along(links)
        except (Denied, Unavailable):
            # Now each passdb has compared one password, known user or not, and the delay tells nothing.
            if isinstance(claim, Cleartext):
                for link in walk.unknown_in:
                    link.passdb.pretend(claim, origin)
            raise
        return walk

    def _decoy(self, claim: KeysWanted, origin: Origin) -> LateKeys:
        """Keys of nobody, like those that the passdbs have."""
        links = self.links
        with suppress(Denied):
            user, authenticator = self.names.parties(claim)
            links = self.links if user == authenticator else self.masters
            claim = replace(claim, authentication_id=authenticator)
        looks: Looks = Counter()
        for link in links:
            if KeysWanted in link.passdb.serves:
                looks += link.passdb.pretend(claim, origin) or Counter()
        return self._decoys.keys(claim, looks)


def build_chain(settings: Settings) -> Chain:
    """The chain of these settings, or SettingsError."""
    passwords, ssl = settings.auth.passwords, settings.ssl
    cache = VerifiedCache(passwords.auth_cache_size, passwords.auth_cache_ttl, passwords.auth_cache_negative_ttl)
    limits = Limits(passwords.auth_max_hash_time, passwords.auth_max_hash_memory)
    decoys = Decoys(lasting_secret(ssl.ssl_key.encode() if ssl.ssl != "no" else b""))
    tls = ssl.client_min_protocol, ssl.client_cipher_list
    means = Means(cache, passwords.auth_allow_weak_schemes, limits, decoys, *tls)
    links: list[Link] = []
    problems: list[Problem] = []
    for passdb in settings.passdbs:
        try:
            link = Link(make(passdb.driver, passdb.args, means), passdb)
        except ValueError as error:
            problems.append(Problem(passdb.place, f"{passdb.driver}: {error}"))
            continue
        if link.settings.deny and Proven not in link.passdb.serves:
            text = f"deny = yes needs a driver that can look users up, which {passdb.driver} cannot"
            problems.append(Problem(passdb.place, text))
        links.append(link)
    if problems:
        raise SettingsError(problems)
    return Chain(links, Names(settings.auth.usernames), decoys)
