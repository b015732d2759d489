"""TLS as a client: whom to believe, and how to show who we are."""

from __future__ import annotations

import ssl

from gsubmit import certificates
from gsubmit.settings.sections import SslSettings


def client_context(settings: SslSettings, *, verify: bool) -> ssl.SSLContext:
    """The TLS settings for connections that we make. Raises CertificateError, also for unusable CA files."""
    try:
        context = ssl.create_default_context(
            cafile=settings.ssl_client_ca_file or None, capath=settings.ssl_client_ca_dir or None
        )
    except OSError as error:
        place = settings.ssl_client_ca_file or settings.ssl_client_ca_dir
        raise certificates.CertificateError(f"cannot use the CA certificates in {place}: {error}") from error
    context.minimum_version = certificates.VERSIONS[settings.ssl_min_protocol]
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.ssl_client_cert:
        certificates.load(context, settings.ssl_client_cert, settings.ssl_client_key, "", "ssl_client_cert")
    return context
