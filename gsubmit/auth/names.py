"""User names as a client sends them, and as passdbs, logs and relay see them."""

from __future__ import annotations

import re

from gsubmit.sasl.claims import Claim, Denied
from gsubmit.settings.login import UsernameSettings
from gsubmit.settings.variables import expand

NOT_UTF8 = re.compile("[\ud800-\udfff]")  # what Python makes of other octets, see sasl.claims.text_from
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")  # and octets that are not UTF-8: for no other server


class Names:
    """What the settings say about names, in Dovecot's order: separator, realm, translation, characters, format."""

    def __init__(self, settings: UsernameSettings) -> None:
        self._separator = settings.auth_master_user_separator
        self._realm = settings.auth_default_realm
        pairs = settings.auth_username_translation
        self._translation = str.maketrans(pairs[::2], pairs[1::2])
        self._characters = frozenset(settings.auth_username_chars)
        self._format = settings.auth_username_format

    def parties(self, claim: Claim) -> tuple[str, str]:
        """Who logs in, and whose password proves it: the same, unless it is a master user's. Raises Denied.

        Someone else's name stands before the separator, or is the authorization id (RFC 4422 2).
        """
        authenticator, user = claim.authentication_id, claim.authorization_id
        if self._separator and self._separator in authenticator:
            target, _, authenticator = authenticator.partition(self._separator)
            if not target:
                raise Denied("nobody to act for before the separator")
            if user and self.canonical(user) != self.canonical(target):
                raise Denied("two different users to act for")
            user = target
        canonical = self.canonical(authenticator)
        return self.canonical(user) if user else canonical, canonical

    def canonical(self, name: str) -> str:
        """The name as everybody here knows it; Denied if a character is not allowed, or nothing is left."""
        if not name:
            raise Denied("empty user name")
        if NOT_UTF8.search(name):  # whatever auth_username_chars says: log, relay and other servers take names as text
            raise Denied("user name is not UTF-8")
        if self._realm and "@" not in name:
            name = f"{name}@{self._realm}"
        name = name.translate(self._translation)
        if self._characters and not self._characters.issuperset(name):
            raise Denied("character not allowed in user name")
        if self._format == "%Lu":  # nearly always
            return name.lower()
        formatted = expand(self._format, values(name))
        if not formatted:
            raise Denied("user name is empty after auth_username_format")
        return formatted

    def is_of(self, user: str, name: str) -> bool:
        """Whether `name`, as somebody wrote it, is the name of `user`."""
        try:
            return self.canonical(name) == user
        except Denied:
            return False


def values(user: str) -> dict[str, str]:
    """The variables that a user name gives."""
    username, _, domain = user.partition("@")
    return {"user": user, "username": username, "domain": domain}
