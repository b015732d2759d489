"""Extra fields: what a passdb knows of a user beside the password, such as `allow_nets` and `proxy`."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from gsubmit.auth.names import values
from gsubmit.auth.passdb import Origin
from gsubmit.settings.variables import expand

_ONLY_IF_UNSET = frozenset({"protected", "default"})  # suffixes of a name, in 2.3 and in 2.4
_REMOVE = "remove"

# Of use in the passdb that set them, and never beyond it.
PRIVATE = frozenset({"nopassword", "noauthenticate", "password", "password_noscheme"})

# What a master user has for himself, and not for the users that he acts for.
OF_ONESELF = frozenset({"senders", "sieve"})

# They change the name of the user, and have done so once the passdb has answered.
NAMES = frozenset({"user", "username", "domain"})


def parse(text: str) -> dict[str, str]:
    """Words `name=value`, or `name` alone for yes; a value cannot hold a space. Fields for the userdb are left out."""
    fields = {}
    for word in filter(None, text.split(" ")):  # at SP only, as Dovecot does: others of Unicode's are part of a value
        name, equals, value = word.partition("=")
        if not name.startswith("userdb_"):
            fields[name] = value if equals else "yes"
    return fields


def expanded(
    fields: Mapping[str, str], user: str, origin: Origin, further: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Values with their %-variables filled in, `further` ones among them.

    The words were cut before, so that no name of a user adds fields.
    """
    if not fields:  # most entries
        return {}
    known = values(user) | {
        "remote_ip": origin.remote_ip,
        "local_ip": origin.local_ip,
        "mechanism": origin.mechanism,
        "service": "submission",
        "session": origin.session,
        **(further or {}),
    }
    return {name: expand(value, known) for name, value in fields.items()}


def merge(fields: MutableMapping[str, str], added: Mapping[str, str]) -> None:
    """Add fields; `name:protected` only where there is no such field yet, `name:remove` takes one away."""
    for key, value in added.items():
        name, _, suffix = key.partition(":")
        if suffix == _REMOVE:
            fields.pop(name, None)
        elif suffix not in _ONLY_IF_UNSET or name not in fields:
            fields[name] = value


def user_in(fields: Mapping[str, str], user: str) -> str:
    """The name of the user, where `user`, `username` or `domain` change it."""
    if "user" in fields:
        return fields["user"] or user
    username, _, domain = user.partition("@")
    username = fields.get("username") or username
    domain = fields.get("domain", domain)
    return f"{username}@{domain}" if domain else username
