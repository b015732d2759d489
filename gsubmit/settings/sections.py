"""Every setting, once: its type, its default, and what it is for.

Times are seconds; sizes are octets, and 0 is unlimited.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cache

from gsubmit.settings.blocks import LocalAddress, LocalName, PassdbSettings, ServiceSettings
from gsubmit.settings.burl import BURL_PREFIX, BurlSettings
from gsubmit.settings.declare import part, setting
from gsubmit.settings.fixups import FixUpSettings
from gsubmit.settings.kinds import (
    SHUTDOWN_TIME,
    addresses,
    boolean,
    enum,
    host,
    log_place,
    path,
    program,
    shutdown,
    size,
    string,
    template,
    uint,
    word_list,
)
from gsubmit.settings.login import AuthSettings
from gsubmit.settings.plugins import PluginsSettings
from gsubmit.settings.proxy import ProxySettings
from gsubmit.settings.relay import RELAY_PREFIX, RelaySettings
from gsubmit.settings.senders import SenderSettings
from gsubmit.settings.sent import SentSettings
from gsubmit.settings.sieve import SieveSettings
from gsubmit.settings.tls import SslSettings
from gsubmit.smtp.keywords import NAMES

CAPABILITIES = (*sorted({*NAMES, "etrn"}), "none")
ALWAYS = ("odd-local-part", "odd-domain")  # workarounds that need not be asked for
WORKAROUNDS = (
    *("whitespace-before-path", "mailbox-for-path", "implicit-auth-external", "exotic-backend"),
    *("bare-newline", "lone-lf", *ALWAYS),
)
LOGOUT_VARIABLES = (
    "input", "output", "session", "command_count", "reply_count", "transaction_id",
    "user", "username", "domain", "service", "local_ip", "remote_ip", "hostname", "pid",
)  # fmt: skip
FACILITIES = (
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
DEFAULT_PROCESS_LIMIT, DEFAULT_CLIENT_LIMIT = 100, 1000  # Dovecot's


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
        string,
        "",
        "User to become once the ports are open; empty means to stay who started the server, even root.",
        "Root has no need to stay: give it a user of its own, which can read passwd-files and write `mail_temp_dir`,"
        " the log and the folders of rawlogs.",
    )
    default_login_user: str = setting(
        string,
        "",
        "User to become where default_internal_user is empty: here both are one.",
    )
    shutdown_clients: float = setting(
        shutdown,
        SHUTDOWN_TIME,
        "Time after a reload until idle clients of the old settings hear 421; yes is 30 secs, no is never.",
        "A message is always taken to its end, and `421 4.3.2` is said only to clients that wait for a command.",
    )

    base_dir: str = setting(
        path,
        "/run/gsubmit",
        "Folder of the socket by which gsubmit who, kick, penalty and stats ask a running server; empty means none.",
        "It is made at the start where it is not there, if the server may. Without it the server serves all the same,"
        " and says so in the log.",
    )

    default_process_limit: int = setting(uint, DEFAULT_PROCESS_LIMIT, "process_limit of services that do not set it.")
    default_client_limit: int = setting(uint, DEFAULT_CLIENT_LIMIT, "client_limit of services that do not set it.")

    def __post_init__(self) -> None:
        if not self.hostname:
            object.__setattr__(self, "hostname", _system_name())

    @property
    def user(self) -> str:
        """The name of the user to become when root has started us; empty: to stay root."""
        return self.default_internal_user or self.default_login_user


@dataclass(frozen=True, slots=True)
class SubmissionSettings:
    """What clients may submit."""

    submission_max_mail_size: int = setting(
        size,
        0,
        "Largest message accepted; 0 means as large as the relay announces by SIZE, or unlimited.",
        "Large messages are kept in `mail_temp_dir` until the relay has them.",
    )
    submission_max_recipients: int = setting(uint, 0, "Most recipients of one message; 0 means unlimited.")
    submission_client_workarounds: tuple[str, ...] = setting(
        word_list(WORKAROUNDS, "Unknown workaround"),
        (),
        "Client faults to overlook: whitespace-before-path, mailbox-for-path, implicit-auth-external,"
        " bare-newline or lone-lf (CRLF is made of each bare LF in a message); and exotic-backend: nothing is announced"
        " that submission_backend_capabilities does not list.",
    )
    submission_logout_format: str = setting(
        template(LOGOUT_VARIABLES),
        "in=%i out=%o",
        "Figures logged at the end of a session: %{input}, %{output}, %{command_count}, %{reply_count}, and %{session},"
        " %{transaction_id} of the message that was not finished, %{user} and others of Dovecot's.",
    )
    submission_backend_capabilities: tuple[str, ...] = setting(
        word_list(CAPABILITIES, "Unknown SMTP capability"),
        (),
        "EHLO keywords to take for the relay's when telling clients what there is, or none; empty means to ask it.",
    )
    submission_add_received_header: bool = setting(
        boolean, True, "Whether to add a Received field to each message (RFC 5321 4.4)."
    )
    senders: SenderSettings = part(SenderSettings)
    plugins: PluginsSettings = part(PluginsSettings)
    sieve: SieveSettings = part(SieveSettings)


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """Where the log goes and how its lines begin."""

    log_path: str = setting(log_place, "", "File for the log, syslog, journal or /dev/stderr; empty means /dev/stderr.")
    info_log_path: str = setting(log_place, "", "The same for lines below a warning; empty means log_path.")
    syslog_facility: str = setting(enum(*FACILITIES), "mail", "Facility of lines sent to syslog.")
    instance_name: str = setting(
        program,
        "gsubmit",
        "Name of the program in syslog: dovecot for what looks for Dovecot's lines there, such as fail2ban's filter.",
    )
    log_format: str = setting(
        enum("dovecot", "json"),
        "dovecot",
        "Form of each line: Dovecot's, or a JSON object with its fields.",
    )
    log_timestamp: str = setting(string, "%b %d %H:%M:%S ", "What each line in a file begins with, see strftime(3).")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration: parts whose settings stand outside any block, and what blocks say."""

    server: ServerSettings = part(ServerSettings)
    submission: SubmissionSettings = part(SubmissionSettings)
    fixups: FixUpSettings = part(FixUpSettings)
    sent: SentSettings = part(SentSettings)
    relay: RelaySettings = part(RelaySettings, RELAY_PREFIX)
    ssl: SslSettings = part(SslSettings)
    auth: AuthSettings = part(AuthSettings)
    proxy: ProxySettings = part(ProxySettings)
    burl: BurlSettings = part(BurlSettings, BURL_PREFIX)
    logging: LoggingSettings = part(LoggingSettings)
    services: ServiceSettings = field(default_factory=ServiceSettings)
    local_names: tuple[LocalName, ...] = ()
    local_addresses: tuple[LocalAddress, ...] = ()
    passdbs: tuple[PassdbSettings, ...] = ()
