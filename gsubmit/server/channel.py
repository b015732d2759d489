"""What SASL mechanisms can build on in a connection: its protection, channel bindings, the client's certificate."""

from __future__ import annotations

import ssl
from dataclasses import replace

from gsubmit.sasl.mechanism import Channel
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.service import Service
from gsubmit.settings.kinds import long_name
from gsubmit.settings.tls import SslSettings
from gsubmit.tls.bindings import bindings
from gsubmit.tls.clientcertificate import user_name


def channel_of(service: Service, tls: ssl.SSLSocket | None, ends: Endpoints, *, is_secured: bool) -> Channel:
    """The channel as it is now, with the mechanisms that can be used on it.

    After XCLIENT the TLS here, and the certificate shown in it, are a front end's and not its client's.
    """
    channel = Channel(hostname=service.hostname)
    is_clients = not (ends.tls or ends.peer_ip)
    if tls is not None and is_clients and service.tls is not None and service.binds_channels:
        channel = replace(channel, bindings=bindings(tls, service.tls.certificate(tls)))
    name = "" if ends.peer_ip else _certificate_name(service.settings.ssl, tls, ends)
    separator = service.settings.auth.usernames.auth_master_user_separator
    if name and not (separator and separator in name):  # a certificate is its owner's, and no master's for somebody
        channel = replace(channel, certificate_name=name)
    offered = frozenset(
        mechanism.name
        for mechanism in service.mechanisms.values()
        if (is_secured or not mechanism.cleartext) and mechanism.is_possible(channel)
    )
    return replace(channel, offered=offered)


def _certificate_name(settings: SslSettings, tls: ssl.SSLSocket | None, ends: Endpoints) -> str:
    """Whom the client's verified certificate names, by our handshake or by a PROXY header, which has common names."""
    if not settings.ssl_verify_client_cert:
        return ""
    field = settings.ssl_cert_username_field
    if ends.tls:  # the client's TLS ends there, and ours is with the front end
        return ends.certificate_name if long_name(field) == "commonName" else ""
    return user_name(tls, field) if tls is not None else ""
