"""The settings of TLS with clients, and with the servers that we connect to."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.settings.declare import NO_CONTENT, FileContent, part, setting
from gsubmit.settings.kinds import boolean, ciphers, enum, name_field, path, pem, string

OLD_TLS_VERSIONS = ("ANY", "TLSv1", "TLSv1.1")  # RFC 8996
TLS_VERSIONS = (*OLD_TLS_VERSIONS, "TLSv1.2", "TLSv1.3", "LATEST")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, the server's or that of a `local_name` or `local` block."""

    ssl_cert: FileContent = setting(pem, NO_CONTENT, "Certificate with its chain, PEM; write <path to name a file.")
    ssl_key: FileContent = setting(
        pem,
        NO_CONTENT,
        "Private key of the certificate, PEM; write <path to name a file.",
        "A handshake with ECDSA (P-256) takes half of the time that one with RSA takes.",
        secret=True,
    )
    ssl_key_password: str = setting(string, "", "Password of the private key.", secret=True)
    ssl_alt_cert: FileContent = setting(
        pem, NO_CONTENT, "Second certificate with its chain, PEM, with a key of another kind (RSA beside ECDSA)."
    )
    ssl_alt_key: FileContent = setting(
        pem, NO_CONTENT, "Private key of the second certificate, PEM; its password is ssl_key_password.", secret=True
    )


@dataclass(frozen=True, slots=True)
class SslClientSettings:
    """TLS with the servers that we connect to."""

    ssl_client_min_protocol: str = setting(
        enum("", *TLS_VERSIONS),
        "",
        "Lowest TLS version with relay and IMAP servers; empty means ssl_min_protocol.",
        "An old relay needs `TLSv1` here, or one of the lists below, and is never taken by default.",
    )
    ssl_client_cipher_list: str = setting(
        ciphers,
        "",
        "Ciphers for TLS 1.2 and older with relay and IMAP servers; empty means ssl_cipher_list.",
        "`DEFAULT` also talks to relays that know only RSA key exchange or SHA-1, and `DEFAULT:@SECLEVEL=1` to those"
        " with keys or Diffie-Hellman groups of 1024 bits.",
    )
    ssl_client_cert: FileContent = setting(
        pem, NO_CONTENT, "Certificate to show to the relay, PEM; write <path to name a file."
    )
    ssl_client_key: FileContent = setting(
        pem, NO_CONTENT, "Private key of the certificate for the relay, PEM.", secret=True
    )
    ssl_client_ca_file: str = setting(path, "", "File of CA certificates to verify the relay with.")
    ssl_client_ca_dir: str = setting(
        path, "", "Folder of CA certificates to verify the relay with; without file and folder: the system's."
    )


@dataclass(frozen=True, slots=True)
class SslSettings(Certificate):
    """TLS with clients."""

    ssl: str = setting(
        enum("no", "yes", "required"), "yes", "TLS for clients: no, yes, or required before AUTH in any form."
    )
    ssl_min_protocol: str = setting(
        enum(*TLS_VERSIONS),
        "TLSv1.2",
        "Lowest TLS version with clients, relay and IMAP servers.",
        "Versions below `TLSv1.2` come with OpenSSL's security level 0 and its `DEFAULT` ciphers, unless the list of"
        " ciphers says otherwise.",
    )
    ssl_cipher_list: str = setting(
        ciphers,
        "",
        "Ciphers for TLS 1.2 and older in OpenSSL's notation; empty means none without forward secrecy.",
        "Those are AES and ChaCha20 with ECDHE or DHE, without SHA-1, at OpenSSL's security level 2; a list that names"
        " no `@SECLEVEL` keeps that level. `DEFAULT` is OpenSSL's own choice.",
    )
    ssl_prefer_server_ciphers: bool = setting(boolean, False, "Whether our order of ciphers wins over the client's.")
    ssl_ca: FileContent = setting(
        pem, NO_CONTENT, "CA certificates that client certificates are verified with, and the CRLs of these CAs, PEM."
    )
    ssl_verify_client_cert: bool = setting(
        boolean,
        False,
        "Whether to ask clients for a certificate; one that is not valid ends the connection.",
        "A client without one may still log in with a password.",
    )
    ssl_require_crl: bool = setting(
        boolean, True, "Whether each CA above a client's certificate needs a current CRL; no means to ignore CRLs."
    )
    ssl_cert_username_field: str = setting(
        name_field,
        "commonName",
        "Field of a client certificate's subject that names the user, as OpenSSL calls it.",
        "A certificate that has the field twice names nobody.",
    )
    client: SslClientSettings = part(SslClientSettings)

    @property
    def client_min_protocol(self) -> str:
        """The lowest TLS version of connections that we make."""
        return self.client.ssl_client_min_protocol or self.ssl_min_protocol

    @property
    def client_cipher_list(self) -> str:
        """The ciphers of connections that we make."""
        return self.client.ssl_client_cipher_list or self.ssl_cipher_list
