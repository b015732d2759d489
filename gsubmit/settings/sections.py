"""Every setting, once: its type, its default, and what it is for.

The attribute has the setting's name. The man page gsubmit.conf.5 and the files in conf.d are held to these declarations
by tests. Times are seconds; sizes are octets, and 0 is unlimited.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cache

from gsubmit.settings.blocks import LocalAddress, LocalName, PassdbSettings, ServiceSettings
from gsubmit.settings.burl import BurlSettings, ImapServerSettings
from gsubmit.settings.declare import (
    addresses,
    boolean,
    enum,
    host,
    limit,
    log_place,
    networks,
    pairs,
    path,
    seconds,
    setting,
    size,
    string,
    template,
    uint,
    word_list,
)
from gsubmit.settings.relay import RelaySettings
from gsubmit.settings.tls import SslSettings

MECHANISMS = (
    *("plain", "login", "scram-sha-256-plus", "scram-sha-256", "scram-sha-1-plus", "scram-sha-1"),
    *("external", "oauthbearer", "xoauth2", "cram-md5"),
)
DEFAULT_MECHANISMS = ("plain", "login")
USERNAME_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@"  # Dovecot's default
USERNAME_VARIABLES = ("user", "username", "domain")
WORKAROUNDS = ("whitespace-before-path", "mailbox-for-path", "implicit-auth-external", "exotic-backend", "bare-newline")
WORKAROUNDS_WITHOUT_EFFECT = frozenset({"exotic-backend"})
LOGOUT_VARIABLES = ("input", "output", "session", "command_count", "reply_count")
FACILITIES = (
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip


@cache
def _system_name() -> str:
    """The name of this machine; asked once, because the answer may come from DNS."""
    return socket.getfqdn()


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The server as a whole. `hostname` is never empty here."""

    hostname: str = setting(
        host, "", "Name of this server in replies, Received lines and EHLO; empty means the system's full name."
    )
    listen: tuple[str, ...] = setting(
        addresses, ("*", "::"), "Addresses to listen on; * is every IPv4 address, :: every IPv6 address."
    )
    login_greeting: str = setting(string, "gsubmit ready.", "Text of the greeting that a client gets first.")
    mail_temp_dir: str = setting(path, "/tmp", "Folder for large messages while they are received.")  # noqa: S108
    rawlog_dir: str = setting(path, "", "Folder that gets a copy of what clients say and hear; empty means none.")
    default_internal_user: str = setting(
        string, "", "User to become once the ports are open; empty means to stay who started the server, even root."
    )

    def __post_init__(self) -> None:
        if not self.hostname:
            object.__setattr__(self, "hostname", _system_name())


@dataclass(frozen=True, slots=True)
class SubmissionSettings:
    """What clients may submit."""

    submission_max_mail_size: int = setting(size, 40 << 20, "Largest message accepted; 0 means unlimited.")
    submission_max_recipients: int = setting(uint, 0, "Most recipients of one message; 0 means unlimited.")
    submission_client_workarounds: tuple[str, ...] = setting(
        word_list(WORKAROUNDS, "Unknown workaround"),
        (),
        "Client faults to overlook: whitespace-before-path, mailbox-for-path, implicit-auth-external,"
        " bare-newline (CRLF is made of each bare LF in a message).",
    )
    submission_logout_format: str = setting(
        template(LOGOUT_VARIABLES),
        "in=%i out=%o",
        "Figures logged at the end of a session: %{input}, %{output}, %{session}, %{command_count}, %{reply_count}.",
    )
    submission_add_received_header: bool = setting(
        boolean, True, "Whether to add a Received field to each message (RFC 5321 4.4)."
    )


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How clients log in."""

    disable_plaintext_auth: bool = setting(
        boolean, True, "Whether passwords are taken only inside TLS, or from this machine itself."
    )
    login_trusted_networks: tuple[str, ...] = setting(
        networks, (), "Networks from which passwords are taken without TLS, and guesses are not slowed down."
    )
    auth_mechanisms: tuple[str, ...] = setting(
        word_list(MECHANISMS, "Unknown mechanism"), DEFAULT_MECHANISMS, "SASL mechanisms offered to clients."
    )
    auth_username_format: str = setting(
        template(USERNAME_VARIABLES), "%Lu", "Name of a user as passdbs, log and relay see it; %Lu is lower case."
    )
    auth_username_chars: str = setting(
        string, USERNAME_CHARS, "Characters allowed in the names of users; empty means all but controls."
    )
    auth_username_translation: str = setting(
        pairs, "", "Pairs of characters in names: the first of each pair becomes the second."
    )
    auth_default_realm: str = setting(string, "", "Domain to add to names that have none.")
    auth_master_user_separator: str = setting(
        string, "", "Text in a name with a master user's name behind it, who logs in for the user before it."
    )
    auth_ssl_require_client_cert: bool = setting(
        boolean, False, "Whether a login needs a client certificate that ssl_ca verifies."
    )
    auth_ssl_username_from_cert: bool = setting(
        boolean, False, "Whether the client certificate's name replaces the one that the client gives."
    )
    auth_allow_weak_schemes: bool = setting(
        boolean, False, "Whether passwords stored by weak schemes, such as MD5 or DES, are compared."
    )
    auth_max_hash_time: float = setting(seconds, 2.0, "Longest time that a stored hash may take; 0 means unlimited.")
    auth_max_hash_memory: int = setting(size, 256 << 20, "Most memory that one may take; 0 means unlimited.")
    auth_failure_delay: float = setting(seconds, 2.0, "Time before the answer to a failed login.")
    auth_penalty: bool = setting(
        boolean,
        True,
        "Whether logins from addresses with failed logins wait one after the other, up to 15 seconds each.",
    )
    auth_max_failures_per_connection: int = setting(
        uint, 5, "Failed logins on a connection after which the next ends it; 0 means unlimited."
    )
    mail_max_userip_connections: int = setting(
        limit, 10, "Most connections of one user from one address or IPv6 network; 0 means unlimited."
    )
    auth_verbose: bool = setting(boolean, False, "Whether to log why a login failed.")
    auth_cache_size: int = setting(size, 0, "Memory for verified logins, so that they need no hashing; 0 means none.")
    auth_cache_ttl: float = setting(seconds, 3600.0, "Time for which a verified login is remembered.")
    auth_cache_negative_ttl: float = setting(seconds, 3600.0, "Time for which a refused password is remembered.")


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """Where the log goes and how its lines begin."""

    log_path: str = setting(log_place, "", "File for the log, syslog or /dev/stderr; empty means /dev/stderr.")
    info_log_path: str = setting(log_place, "", "The same for lines below a warning; empty means log_path.")
    syslog_facility: str = setting(enum(*FACILITIES), "mail", "Facility of lines sent to syslog.")
    log_timestamp: str = setting(string, "%b %d %H:%M:%S ", "What each line in a file begins with, see strftime(3).")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration."""

    server: ServerSettings = field(default_factory=ServerSettings)
    submission: SubmissionSettings = field(default_factory=SubmissionSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    ssl: SslSettings = field(default_factory=SslSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    burl: BurlSettings = field(default_factory=BurlSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    services: ServiceSettings = field(default_factory=ServiceSettings)
    local_names: tuple[LocalName, ...] = ()
    local_addresses: tuple[LocalAddress, ...] = ()
    passdbs: tuple[PassdbSettings, ...] = ()
    imap_servers: tuple[ImapServerSettings, ...] = ()  # all of BURL's


# The sections whose settings stand outside any block, by attribute of Settings.
SECTIONS = {
    "server": ServerSettings,
    "submission": SubmissionSettings,
    "relay": RelaySettings,
    "ssl": SslSettings,
    "auth": AuthSettings,
    "burl": BurlSettings,
    "logging": LoggingSettings,
}
