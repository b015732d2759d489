"""Where a user is served, as the extra fields of its passdb entry say: `host` and its like, by Dovecot's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gsubmit.sasl.claims import Identity
from gsubmit.sasl.mechanisms import CLIENT_NAMES, TOKEN_MECHANISMS
from gsubmit.settings.hosts import canonical, is_address, server
from gsubmit.settings.kinds import NO, YES, alternatives, port, positive_seconds
from gsubmit.settings.relay import RelayLogin

SUBMISSION_PORT, SUBMISSIONS_PORT = 587, 465

_OF_PLACES = ("host", "hostip", "port", "ssl", "starttls", "proxy_not_trusted", "source_ip")
_ANY_CERTIFICATE = "any-cert"
_REFERRAL = re.compile(r"<(?:([^<>]*)@)?(\[[0-9A-Fa-f:.]+\]|[^<>@:\s]+)(?::([0-9]{1,5}))?>")


class BadTarget(ValueError):
    """The fields make no sense; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class Place:
    """A backend, and how to speak to it; two users of the same one share what is known of it."""

    hosts: tuple[str, ...]  # names and addresses: any of them will do
    port: int
    hostip: str = ""  # the address of the host, when the name is only for its certificate
    tls: str = "no"  # no, smtps or starttls
    verify: bool = True
    trusts_us: bool = True  # tell it who the client is, by XCLIENT, where it lists that
    source_ip: str = ""

    def __str__(self) -> str:
        return f"{','.join(self.hosts)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one user is served, and as whom we log in there."""

    place: Place
    user: str
    master_user: str = ""  # whose password it is, when that is somebody else's
    password: str = field(default="", repr=False)  # empty: the client's
    mechanism: str = ""  # the only one to log in with; empty means the best
    timeout: float | None = None  # seconds, in place of login_proxy_timeout
    is_maybe: bool = False  # not when the place is this server
    has_login: bool = True  # AUTH; else the backend takes our word for the user, by XCLIENT
    forward: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the backend's passdbs are told

    @property
    def vouched_by(self) -> str:
        """The field with which the backend takes our word for the user, and never sees the client's password."""
        if not self.has_login:
            return "proxy_noauth"
        return "pass" if self.password else ""

    def login(self, password: str, token: str) -> RelayLogin:
        """What to log in with, of what the client has sent. Raises BadTarget when that cannot be passed on."""
        login = RelayLogin(self.user, self.master_user, self.password or password, True, self.mechanism)
        if not self.has_login or login.password:
            return replace(login, is_token=self.mechanism in TOKEN_MECHANISMS)
        if token and not self.master_user:
            return replace(login, password=token, is_token=True)
        raise BadTarget("proxy: the client's login has no password that could be passed on, so that pass= is needed")

    def referred(self, text: str) -> Target | None:
        """The target that a backend names in its reply; None when it names none."""
        matched = _REFERRAL.search(text)
        if matched is None:
            return None
        try:
            place = replace(
                self.place,
                hosts=(server.read(matched[2]),),
                hostip="",
                port=port.read(matched[3]) if matched[3] else self.place.port,
            )
        except ValueError:
            return None
        return replace(self, place=place, user=matched[1] or self.user)


def target_of(identity: Identity) -> Target:
    """The target of a user who has logged in. Raises BadTarget."""
    fields = identity.fields
    place = _place(tuple((name, fields[name]) for name in _OF_PLACES if name in fields))
    mechanism = fields.get("proxy_mech", "").upper()
    if mechanism and mechanism not in CLIENT_NAMES:
        raise BadTarget(f"proxy_mech: expected {alternatives(CLIENT_NAMES)}, not '{fields['proxy_mech']}'")
    return Target(
        place=place,
        user=fields.get("destuser") or identity.user,
        master_user=fields.get("master") or identity.master_user,
        password=fields.get("pass", ""),
        mechanism=mechanism,
        timeout=_timeout(fields),
        is_maybe=_is_set(fields, "proxy_maybe") and not _is_set(fields, "proxy"),
        has_login=not _is_set(fields, "proxy_noauth"),
        forward={name.removeprefix("forward_"): text for name, text in fields.items() if name.startswith("forward_")},
    )


@lru_cache(maxsize=1000)
def _place(given: tuple[tuple[str, str], ...]) -> Place:
    fields = dict(given)
    tls, verify = _tls(fields)
    try:
        place = Place(
            hosts=_hosts(fields),
            port=port.read(fields["port"]) if "port" in fields else _usual_port(tls),
            hostip=_address(fields, "hostip"),
            tls=tls,
            verify=verify,
            trusts_us=not _is_set(fields, "proxy_not_trusted"),
            source_ip=_address(fields, "source_ip"),
        )
    except BadTarget:
        raise
    except ValueError as error:
        raise BadTarget(f"proxy: {error}") from None
    if place.hostip and len(place.hosts) > 1:
        raise BadTarget("hostip goes with one host")
    return place


def _hosts(fields: Mapping[str, str]) -> tuple[str, ...]:
    words = [word for word in fields.get("host", "").split(",") if word] or [fields.get("hostip", "")]
    if not words[0]:
        raise BadTarget("proxy needs host, the backend's name or address")
    hosts = tuple(server.read(word) for word in words)
    if any(host.startswith("unix:") for host in hosts):
        raise BadTarget("host: a backend has a name or an address")
    return hosts


def _address(fields: Mapping[str, str], name: str) -> str:
    text = fields.get(name, "")
    if text and not is_address(text.strip("[]")):
        raise BadTarget(f"{name}: expected an address, not '{text}'")
    return canonical(text) if text else ""


def _tls(fields: Mapping[str, str]) -> tuple[str, bool]:
    """How TLS begins, and whether the backend's certificate must be valid."""
    found = [(name, fields[name].lower()) for name in ("ssl", "starttls") if fields.get(name, "no").lower() not in NO]
    if len(found) > 1:
        raise BadTarget("ssl and starttls exclude each other")
    for name, value in found:
        if value not in (*YES, _ANY_CERTIFICATE):
            raise BadTarget(f"{name}: expected yes, no or any-cert, not '{value}'")
        return "smtps" if name == "ssl" else "starttls", value != _ANY_CERTIFICATE
    return "no", True


def _usual_port(tls: str) -> int:
    return SUBMISSIONS_PORT if tls == "smtps" else SUBMISSION_PORT


def _timeout(fields: Mapping[str, str]) -> float | None:
    text = fields.get("proxy_timeout")
    if text is None:
        return None
    try:
        return positive_seconds.read(f"{text} secs" if text.isdecimal() else text)
    except ValueError as error:
        raise BadTarget(f"proxy_timeout: {error}") from None


def _is_set(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "no").lower() not in NO
