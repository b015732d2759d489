"""The passdb driver imap: whoever can log in at an IMAP server is who he says."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from time import monotonic
from typing import Final, Self

from gsubmit.auth.cache import Finding
from gsubmit.auth.means import Means
from gsubmit.auth.names import CONTROL, values
from gsubmit.auth.passdb import Answer, Origin, Reach, Unavailable, held
from gsubmit.auth.passdbs.options import is_yes, read_options
from gsubmit.net.imap import ImapClient, ImapFault, LoginRefused
from gsubmit.net.slots import Slots
from gsubmit.sasl.claims import Claim, Cleartext, Denied
from gsubmit.settings import variables
from gsubmit.settings.hosts import is_address, is_loopback
from gsubmit.settings.login import USERNAME_VARIABLES
from gsubmit.tls import certificates
from gsubmit.tls.certificates import CertificateError

DEFAULTS = {
    "host": "",
    "port": "",
    "username": "%u",
    "ssl": "",
    "ssl_ca_dir": "",
    "ssl_ca_file": "",
    "allow_invalid_cert": "no",
    "rawlog_dir": "",
    "cleartext": "no",  # ours, not Dovecot's
}
PORT, TLS_PORT = 143, 993
LOGIN_TIME = 60.0  # seconds for all of it; servers hold refusals back
MAX_CONNECTIONS = 100
SLOT_TIMEOUT = 10.0  # seconds to wait for one of them

# RFC 5530. Gmail says ALERT and WEBALERT. Any other code is no answer to whether the password is right.
_DENIALS: Final = {
    "": "refused by the IMAP server",
    "ALERT": "refused by the IMAP server: ALERT",
    "WEBALERT": "refused by the IMAP server: WEBALERT",
    "AUTHENTICATIONFAILED": "refused by the IMAP server: AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED": "refused by the IMAP server: AUTHORIZATIONFAILED",
    "EXPIRED": "password expired",
}
_KNOWN_CODES: Final = frozenset(
    {"UNAVAILABLE", "CONTACTADMIN", "SERVERBUG", "CLIENTBUG", "LIMIT", "INUSE", "NOPERM", "PRIVACYREQUIRED"}
)

_HOST = re.compile(r"[0-9A-Za-z][0-9A-Za-z.:_-]{0,252}")

_log = logging.getLogger("gsubmit.auth")


class ImapServer:
    """A passdb of driver imap.

    The server sees our address with every login, the client's never: a Dovecot there should have it in
    login_trusted_networks, so that one client's wrong passwords do not delay the others' logins.
    """

    serves: tuple[type[Claim], ...] = (Cleartext,)
    reach: Reach = "remote"

    def __init__(self, options: Mapping[str, str], means: Means) -> None:
        """The options as in DEFAULTS; ValueError where they make no sense."""
        self.host = _unbracketed(options["host"])
        self.username = options["username"]
        self.ssl = options["ssl"]
        self.port = _port(options)
        self.context = _context(options, means) if self.ssl else None
        self._cache = means.cache
        self._slots = Slots(MAX_CONNECTIONS)
        # For the cache: another passdb of this server may know the users by other names.
        self._place = f"{self} {self.username} {self.ssl}"
        _check(options)

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of `args = host=HOST [port=PORT] [username=%u] [ssl=imaps|starttls] ...`, or ValueError."""
        options = read_options(args.split(), DEFAULTS)
        return cls(options, means)

    def __str__(self) -> str:
        return f"imap {self.host}:{self.port}"

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Log in there, or remember how it went."""
        if not isinstance(claim, Cleartext):
            raise Unavailable("an IMAP server tells nothing about a user without a password")
        user, password = claim.authentication_id, claim.password
        if CONTROL.search(user) or "\0" in password:
            raise Denied("control character in user name or password")
        finding = self._cache.recall(self._place, user, password)
        if finding is None:
            self._ask(user, password)
        elif finding.fields is None:
            raise Denied("refused by the IMAP server a short while ago")
        return Answer()

    def pretend(self, claim: Claim, origin: Origin) -> None:
        """Nothing: the server is asked about every user, and answers when it likes."""
        return

    def _ask(self, user: str, password: str) -> None:
        known = values(user)
        host = variables.expand(self.host, known)
        if "%" in self.host and not _HOST.fullmatch(host):
            raise Denied("no host name comes of this user name")
        with held(self._slots, SLOT_TIMEOUT, f"all {MAX_CONNECTIONS} connections are busy"):
            try:
                self._log_in(host, variables.expand(self.username, known), password)
            except Denied:
                self._cache.remember(self._place, user, password, Finding(None))
                raise
        self._cache.remember(self._place, user, password, Finding({}))

    def _log_in(self, host: str, name: str, password: str) -> None:
        """Raises Denied or Unavailable. All of it has to be done within LOGIN_TIME."""
        end = monotonic() + LOGIN_TIME
        connection: ImapClient | None = None
        try:
            connection = ImapClient(host, self.port, self.context if self.ssl == "imaps" else None, LOGIN_TIME)
            with connection.begun(end - monotonic()):
                if self.ssl == "starttls":
                    assert self.context is not None
                    connection.go_over_to_tls(self.context)
                connection.log_in(name, password)
        except LoginRefused as refused:
            raise _refusal(host, self.port, refused.code) from None
        except ImapFault as fault:
            raise Unavailable(f"{host}:{self.port}: {fault.reason}") from None
        finally:
            if connection is not None:
                connection.leave()


def _refusal(host: str, port: int, code: str) -> Denied | Unavailable:
    """What a NO means."""
    if code in _DENIALS:
        return Denied(_DENIALS[code])
    return Unavailable(
        f"{host}:{port}: the server refused the login: {code if code in _KNOWN_CODES else 'unknown response code'}"
    )


def _unbracketed(host: str) -> str:
    """An IPv6 address without the brackets that it may stand in, anything else as it is."""
    inside = host.removeprefix("[").removesuffix("]")
    return inside if is_address(inside) else host


def _port(options: Mapping[str, str]) -> int:
    text = options["port"] or str(TLS_PORT if options["ssl"] == "imaps" else PORT)
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ValueError(f"port={text}: no port")
    return int(text)


def _context(options: Mapping[str, str], means: Means) -> ssl.SSLContext:
    verify = not is_yes(options, "allow_invalid_cert")
    try:
        context = certificates.client_context(
            options["ssl_ca_file"],
            options["ssl_ca_dir"],
            verify=verify,
            min_protocol=means.tls_min_protocol,
            ciphers=means.tls_ciphers,
        )
    except CertificateError as error:
        raise ValueError(str(error)) from None
    if not verify:
        _log.warning("imap: allow_invalid_cert=yes lets anybody in between read the passwords")
    return context


def _check(options: Mapping[str, str]) -> None:
    """Warn of what will not be done or should not; raise ValueError for what is refused."""
    host = _unbracketed(options["host"])
    if options["ssl"] not in ("", "imaps", "starttls"):
        raise ValueError(f"ssl={options['ssl']}: must be imaps or starttls")
    is_yes(options, "allow_invalid_cert")
    if not host:
        raise ValueError("host is missing")
    for name in ("host", "username"):
        try:
            variables.check(options[name], USERNAME_VARIABLES)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if "%" not in host and not _HOST.fullmatch(host) and not is_address(host):
        raise ValueError(f"host={host}: no host name")
    if not (is_yes(options, "cleartext") or options["ssl"] or is_loopback(host)):
        raise ValueError(
            f"passwords would go to {host} in clear text; set ssl=imaps or ssl=starttls,"
            " or cleartext=yes if nobody else sees that network"
        )
    if "%" in host:
        _log.warning("imap: host=%s: whoever owns a domain is a user, unless username_filter says which domains", host)
    if options["rawlog_dir"]:
        _log.warning("imap: rawlog_dir is ignored: it would hold passwords")
