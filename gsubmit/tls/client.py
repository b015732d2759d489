"""TLS as a client: whom to believe, and how to show who we are."""

from __future__ import annotations

import ssl

from gsubmit.settings.tls import SslSettings
from gsubmit.tls import certificates


def client_context(settings: SslSettings, *, verify: bool) -> ssl.SSLContext:
    """The TLS settings for connections that we make. Raises CertificateError, also for unusable CA files."""
    own = settings.client
    context = certificates.client_context(
        own.ssl_client_ca_file,
        own.ssl_client_ca_dir,
        verify=verify,
        min_protocol=settings.client_min_protocol,
        ciphers=settings.client_cipher_list,
    )
    if own.ssl_client_cert:
        certificates.load(context, own.ssl_client_cert, own.ssl_client_key, "", certificates.CLIENT)
    return context
