"""`gsubmit check-config --dial`, the passdbs that ask other servers: connect as the server would, and log nobody in."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from gsubmit.auth.oauth.endpoint import Client
from gsubmit.auth.passdb import Passdb, Unavailable
from gsubmit.auth.passdbs.dovecot import DovecotAuth
from gsubmit.auth.passdbs.dovecotconnection import AuthConnection
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.auth.passdbs.oauth2 import OAuth2
from gsubmit.net.imap import ImapClient, ImapFault
from gsubmit.settings.hosts import host_and_port
from gsubmit_cli.dial import Unusable, tls_facts
from gsubmit_cli.dial_imap import imap_advice

IMAP_TIME = 10.0  # seconds to connect
OF_USE = ("PLAIN", "OAUTHBEARER", "XOAUTH2")  # mechanisms by which Dovecot is asked


def dial_passdb(passdb: Passdb) -> Iterator[str]:
    """What is there; nothing for a passdb that asks nobody. Raises Unusable."""
    match passdb:
        case DovecotAuth():
            yield from _dovecot(passdb)
        case ImapServer():
            yield from _imap(passdb)
        case OAuth2():
            yield from _oauth2(passdb)


def _dovecot(passdb: DovecotAuth) -> Iterator[str]:
    try:
        connection = AuthConnection(passdb.place)
    except Unavailable as error:
        advice = ""
        if passdb.place.path and getattr(error.__cause__, "errno", None) in (errno.ENOENT, errno.ECONNREFUSED):
            advice = "; a running Dovecot makes this socket by a unix_listener in its service auth"
        raise Unusable(f"{passdb}: {error.reason}{advice}") from error
    mechanisms = connection.mechanisms
    connection.close()
    yield f"{passdb} offers {' '.join(sorted(mechanisms)) or 'no mechanism'}"
    if mechanisms.isdisjoint(OF_USE):
        raise Unusable(
            f"{passdb}: nobody can log in there without {' or '.join(OF_USE)}, see Dovecot's auth_mechanisms"
        )


def _imap(passdb: ImapServer) -> Iterator[str]:
    name = host_and_port(passdb.host, passdb.port)
    if "%" in passdb.host:
        yield f"not tried: {name} is another server for each user"
        return
    try:
        client = ImapClient(passdb.host, passdb.port, passdb.context if passdb.ssl == "imaps" else None, IMAP_TIME)
        try:
            if passdb.ssl == "starttls":
                assert passdb.context is not None
                with client.begun(IMAP_TIME):
                    client.go_over_to_tls(passdb.context)
            yield f"imap {name} answers"
            if client.tls is not None:
                yield from tls_facts(client.tls)
            if "LOGINDISABLED" in client.capabilities and "AUTH=PLAIN" not in client.capabilities:
                raise Unusable(f"imap {name}: it allows no login{'' if client.tls else ' without TLS'}")
        finally:
            client.leave()
    except ImapFault as fault:
        advice = imap_advice(fault, passdb.ssl, "ssl=", "ssl_ca_file=")
        raise Unusable(f"imap {name} cannot be used: {fault.reason}{advice}") from fault


def _oauth2(passdb: OAuth2) -> Iterator[str]:
    settings = passdb.settings
    client = Client(settings.context, settings.timeout_msecs / 1000)
    names = ("tokeninfo_url", "introspection_url", "jwks_url", "openid_configuration_url")
    asked = names[:2] if not settings.is_local else names[2:]
    for name in asked:
        endpoint = getattr(settings, name)
        if endpoint is None:
            continue
        try:
            version = client.reach(endpoint)
        except Unavailable as error:
            raise Unusable(f"{passdb}: {name}: {error.reason}") from error
        yield f"{name} {endpoint} answers{f', {version}' if version else ''}"
