"""Senders: whether an address is a user's, and by which rule."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import lru_cache

from gsubmit.sasl.claims import Identity
from gsubmit.senders.addresses import Key, folded, key_of, read_address, untagged
from gsubmit.senders.loginmap import LoginMap, domain_keys
from gsubmit.settings.senders import SenderSettings
from gsubmit.smtp.address import Address, BadAddress

FIELD = "senders"  # of passdbs
EVERYTHING = "*"
MAX_KNOWN = 1000  # rules that are kept: most users send from one address

_log = logging.getLogger("gsubmit")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the field `senders` says: addresses, and domains without local part, each as it is written there."""

    written: dict[Key, str]
    primary: Address | None  # the first full address
    is_everything: bool


@lru_cache(maxsize=1000)
def read_senders(text: str) -> Listed:
    """The field `senders`: addresses, @domains or *, divided by commas. What is none of these is logged, once."""
    written: dict[Key, str] = {}
    primary = None
    words = [word.strip() for word in text.split(",")]
    for word in filter(None, words):
        if word == EVERYTHING:
            continue
        try:
            address = read_address(f"x{word}" if word.startswith("@") else word)
        except BadAddress:
            _log.warning("passdb field senders: neither an address nor a domain: %s", word)
            continue
        if word.startswith("@"):
            written.setdefault(key_of(address)._replace(local_part=""), word)
        else:
            written.setdefault(key_of(address), word)
            primary = primary or address
    return Listed(written, primary, EVERYTHING in words)


class Senders:
    """The rules of a configuration."""

    def __init__(self, settings: SenderSettings) -> None:
        """Raises BadMap."""
        self.action = settings.submission_sender_action
        self.checks_header = settings.submission_sender_check == "both"
        self.takes_sender = settings.submission_sender_header == "from-or-sender"
        self._map = LoginMap(settings.submission_sender_login_map) if settings.submission_sender_login_map else None
        self._domains = domain_keys(settings.submission_domains)
        self._delimiters = settings.recipient_delimiter
        self._known: dict[tuple[str, str, Address], str] = {}  # rules that were found, by user, field and address

    def rule(self, identity: Identity, address: Address) -> str:
        """The rule by which an address is a user's, in words of the configuration; empty if it is not."""
        if self._map is not None and time.monotonic() >= self._map.next_look and self._map.has_changed():
            self._known.clear()
        asked = identity.user, identity.fields.get(FIELD, ""), address
        rule = self._known.get(asked)
        if rule is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            rule = self._known[asked] = self._find_rule(identity, address)
        return rule

    def _find_rule(self, identity: Identity, address: Address) -> str:
        key = key_of(address)
        bare = Key(untagged(key.local_part, self._delimiters), key.domain)
        text = identity.fields.get(FIELD, "")
        if text:
            listed = read_senders(text)
            for owned in (key, bare, Key("", key.domain)):
                if owned in listed.written:
                    return f"{FIELD}={listed.written[owned]}"
            if listed.is_everything:
                return f"{FIELD}={EVERYTHING}"
        if self._map is not None:
            entry = self._map.find(key, self._delimiters, self._domains)
            if entry is not None and folded(identity.user) in entry.owners:
                return f"submission_sender_login_map {self._map.path}:{entry.line}"
        if "@" in identity.user:
            login = _login_address(identity.user)
            return "login" if login is not None and key_of(login) in (key, bare) else ""
        is_login = folded(identity.user) in (key.local_part, bare.local_part)
        return "submission_domains" if is_login and key.domain in self._domains else ""

    @staticmethod
    def primary(identity: Identity) -> Address | None:
        """What other addresses are rewritten to."""
        text = identity.fields.get(FIELD, "")
        listed = read_senders(text).primary if text else None
        return listed or _login_address(identity.user)


@lru_cache(maxsize=1000)
def _login_address(user: str) -> Address | None:
    try:
        return read_address(user)
    except BadAddress:
        return None
