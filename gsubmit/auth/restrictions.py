"""Extra fields of a passdb entry that forbid a login although the password is right."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.sasl.claims import Admitted, Barred, Denied, Elsewhere, Identity, Verdict
from gsubmit.settings.hosts import host_and_port
from gsubmit.settings.kinds import NO
from gsubmit.settings.passdbs import FINGERPRINTS, NETWORKS


class Disabled(Barred):
    """The password is right and the account may not log in; `text` is for the client, from the field `reason`.

    `referral` tells it where the user does log in, from the field `host`; empty for nowhere.
    """

    def __init__(self, text: str, *, referral: str = "", nodelay: bool = False) -> None:
        super().__init__("login disabled", nodelay=nodelay)
        self.text = text
        self.referral = referral


def verdict(identity: Identity) -> Verdict:
    """What the entry says of a user who has proven himself. Networks were checked with each passdb's yes.

    Raises Barred or Disabled where `nologin` or `fail` say so; Unavailable for what we cannot do.
    """
    fields = identity.fields
    nodelay = "nodelay" in fields
    if "fail" in fields:
        raise Barred("the passdb entry says fail", nodelay=nodelay)
    if "nologin" in fields:
        raise Disabled(fields.get("reason", ""), referral=_referral(identity), nodelay=nodelay)
    for name in FINGERPRINTS:  # who asks for one is not let in without
        if name in fields:
            raise Unavailable(f"the passdb entry asks for {name}, which is not supported")
    return whereabouts(identity)


def whereabouts(identity: Identity) -> Verdict:
    """Where a user is served who may log in."""
    is_elsewhere = any(identity.fields.get(name, "no").lower() not in NO for name in ("proxy", "proxy_maybe"))
    return Elsewhere(identity) if is_elsewhere else Admitted(identity)


def _referral(identity: Identity) -> str:
    fields = identity.fields
    if not fields.get("host"):
        return ""
    return f"<{fields.get('destuser') or identity.user}@{host_and_port(fields['host'], fields.get('port', 587))}>"


def check_networks(fields: Mapping[str, str], origin: Origin) -> None:
    """Raise Denied where `allow_nets` says so of the client, or `allow_real_nets` of whoever speaks to us for it."""
    for name in NETWORKS:
        if name not in fields:
            continue
        address = origin.remote_ip if name == "allow_nets" else origin.real_ip or origin.remote_ip
        if not _is_in(address, fields[name]):
            raise Denied(f"{name} check failed", nodelay="nodelay" in fields)


def _is_in(ip: str, nets: str) -> bool:
    """Whether the address is in one of the comma-separated networks; what is no network matches nothing."""
    address = ip_address(ip)
    for net in nets.split(","):
        try:
            if address in ip_network(net, strict=False):
                return True
        except ValueError:
            continue  # such as `local`, which is for unix sockets
    return False
