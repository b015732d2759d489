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
    log_place,
    path,
    setting,
    size,
    string,
    template,
    uint,
    word_list,
)
from gsubmit.settings.login import AuthSettings, PasswordSettings, UsernameSettings
from gsubmit.settings.relay import RelaySettings
from gsubmit.settings.tls import SslClientSettings, SslSettings

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
    ssl_client: SslClientSettings = field(default_factory=SslClientSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    usernames: UsernameSettings = field(default_factory=UsernameSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    burl: BurlSettings = field(default_factory=BurlSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    services: ServiceSettings = field(default_factory=ServiceSettings)
    local_names: tuple[LocalName, ...] = ()
    local_addresses: tuple[LocalAddress, ...] = ()
    passdbs: tuple[PassdbSettings, ...] = ()
    imap_servers: tuple[ImapServerSettings, ...] = ()  # all of BURL's

    @property
    def client_min_protocol(self) -> str:
        """The lowest TLS version of connections that we make."""
        return self.ssl_client.ssl_client_min_protocol or self.ssl.ssl_min_protocol

    @property
    def client_cipher_list(self) -> str:
        """The ciphers of connections that we make."""
        return self.ssl_client.ssl_client_cipher_list or self.ssl.ssl_cipher_list


# The sections whose settings stand outside any block, by attribute of Settings.
SECTIONS = {
    "server": ServerSettings,
    "submission": SubmissionSettings,
    "relay": RelaySettings,
    "ssl": SslSettings,
    "ssl_client": SslClientSettings,
    "auth": AuthSettings,
    "usernames": UsernameSettings,
    "passwords": PasswordSettings,
    "burl": BurlSettings,
    "logging": LoggingSettings,
}
