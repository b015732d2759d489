"""What SASL mechanisms can build on in a connection: its protection, channel bindings, the client's certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gsubmit.sasl.mechanism import Channel
from gsubmit.tls.bindings import bindings
from gsubmit.tls.clientcertificate import user_name

if TYPE_CHECKING:
    from gsubmit.server.session import Session


def channel_of(session: Session) -> Channel:
    """The channel as it is now, with the mechanisms that can be used on it."""
    service = session.service
    ssl = service.settings.ssl
    channel = Channel(hostname=service.hostname)
    tls = session.wire.tls
    if tls is not None and service.tls is not None:
        if service.binds_channels:
            channel = replace(channel, bindings=bindings(tls, service.tls.certificate(tls)))
        if ssl.ssl_verify_client_cert:
            name = user_name(tls, ssl.ssl_cert_username_field)
            separator = service.settings.auth.usernames.auth_master_user_separator
            if not (separator and separator in name):  # a certificate is its owner's, and no master's for somebody
                channel = replace(channel, certificate_name=name)
    offered = frozenset(
        mechanism.name
        for mechanism in service.mechanisms.values()
        if (session.is_secured or not mechanism.cleartext) and mechanism.is_possible(channel)
    )
    return replace(channel, offered=offered)
