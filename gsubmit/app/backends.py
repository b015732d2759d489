"""The backends that a configuration itself names, in passdbs of driver static: checked before anybody logs in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsubmit.auth import fields, restrictions
from gsubmit.net.resolve import LookupFailed, addresses_of
from gsubmit.proxy.itself import Itself
from gsubmit.proxy.target import BadTarget, Target, target_of
from gsubmit.sasl.claims import Elsewhere, Identity
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.hosts import is_address, is_loopback
from gsubmit.settings.problem import Problem, SettingsError
from gsubmit.settings.sections import Settings

# Mechanisms whose logins bring nothing that a backend could be told.
_WITHOUT_PASSWORD = ("scram-sha-256-plus", "scram-sha-256", "scram-sha-1-plus", "scram-sha-1", "external", "cram-md5")
_ANYBODY = "user@example.org"


def named_targets(settings: Settings) -> list[tuple[PassdbSettings, Target]]:
    """Where passdbs of driver static send users; those whose host is another for each user are left out.

    Raises SettingsError for fields that make no sense.
    """
    found: list[tuple[PassdbSettings, Target]] = []
    problems: list[Problem] = []
    for passdb in settings.passdbs:
        given = _fields(passdb) if passdb.driver == "static" else {}
        if "nologin" in given or not isinstance(restrictions.whereabouts(Identity(_ANYBODY, given)), Elsewhere):
            continue
        if any("%" in given.get(name, "") for name in ("host", "hostip", "port", "source_ip")):
            continue
        try:
            found.append((passdb, target_of(Identity(_ANYBODY, given))))
        except BadTarget as bad:
            problems.append(Problem(passdb.place, f"static: {bad}"))
    if problems:
        raise SettingsError(problems)
    return found


def sends_elsewhere(passdb: PassdbSettings) -> bool:
    """Whether the passdb by itself sends all its users to another server."""
    return isinstance(restrictions.whereabouts(Identity(_ANYBODY, _fields(passdb))), Elsewhere)


def _fields(passdb: PassdbSettings) -> Mapping[str, str]:
    merged: dict[str, str] = {}
    own = passdb.args if passdb.driver == "static" else ""
    for text in (passdb.default_fields, own, passdb.override_fields):
        fields.merge(merged, fields.parse(text))
    return merged


def warnings(settings: Settings) -> Iterator[str]:
    """What is likely to be wrong with where users and messages are sent, by the addresses that names have now."""
    itself, relay = Itself.of(settings), settings.relay
    may_be_here = relay.port in {listener.port for listener in settings.services.inet_listeners}
    is_name = relay.host and not relay.host.startswith("unix:") and not is_address(relay.host)
    if may_be_here and is_name and any(itself.is_at(address, relay.port) for address in _addresses(relay.host)):
        yield f"submission_relay_host: {relay.host} port {relay.port} is this server: no message would go anywhere"
    for passdb, target in named_targets(settings):
        place = target.place
        if not target.is_maybe:
            for host in place.hosts:
                if any(itself.is_at(address, place.port) for address in _addresses(host)):
                    yield f"{passdb.place}: {host} port {place.port} is this server: such logins fail"
        if place.tls == "no" and not all(map(is_loopback, place.hosts)) and target.has_login:
            yield f"{passdb.place}: passwords go to {place} without TLS (starttls=yes or ssl=yes)"
        mechanisms = passdb.mechanisms or settings.auth.auth_mechanisms
        lost = [name for name in _WITHOUT_PASSWORD if name in {word.lower() for word in mechanisms}]
        if target.vouched_by and "nopassword" in _fields(passdb):
            why = f"nopassword and {target.vouched_by} would let everybody in"
            yield f"{passdb.place}: logins by password fail, for {why}"
        if lost and not target.vouched_by:
            yield f"{passdb.place}: logins by {', '.join(lost)} fail, for there is no password to pass on, nor pass="


def _addresses(host: str) -> list[str]:
    try:
        return [host] if is_address(host) else addresses_of(host)
    except LookupFailed:
        return []
