"""What SASL mechanisms can build on in a connection: its protection, channel bindings, the client's certificate."""

from __future__ import annotations

import ssl
from dataclasses import replace

from gsubmit.sasl.mechanism import Channel
from gsubmit.server.service import Service
from gsubmit.tls.bindings import bindings
from gsubmit.tls.clientcertificate import user_name


def channel_of(service: Service, tls: ssl.SSLSocket | None, *, is_secured: bool) -> Channel:
    """The channel as it is now, with the mechanisms that can be used on it."""
    channel = Channel(hostname=service.hostname)
    if tls is not None and service.tls is not None:
        if service.binds_channels:
            channel = replace(channel, bindings=bindings(tls, service.tls.certificate(tls)))
        if service.settings.ssl.ssl_verify_client_cert:
            name = user_name(tls, service.settings.ssl.ssl_cert_username_field)
            separator = service.settings.auth.usernames.auth_master_user_separator
            if not (separator and separator in name):  # a certificate is its owner's, and no master's for somebody
                channel = replace(channel, certificate_name=name)
    offered = frozenset(
        mechanism.name
        for mechanism in service.mechanisms.values()
        if (is_secured or not mechanism.cleartext) and mechanism.is_possible(channel)
    )
    return replace(channel, offered=offered)
