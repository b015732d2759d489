"""Where another SMTP server is and how to speak to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from gsubmit.dial.loginhabits import LoginHabits
from gsubmit.settings.hosts import host_and_port
from gsubmit.settings.relay import RelayLogin
from gsubmit.tls.certificates import server_name

UNIX = "unix:"
NO_LOGIN = RelayLogin()


@dataclass(frozen=True)
class NextHop:
    """Everything that makes one connection to it like another. Times in seconds."""

    host: str  # a name, an address, or unix:PATH
    port: int
    hostname: str  # ours, for EHLO
    connect_timeout: float = 30.0
    command_timeout: float = 300.0
    data_done_timeout: float = 600.0  # for the reply to the message
    tls: str = "no"  # no, smtps or starttls
    context: ssl.SSLContext | None = field(default=None, repr=False)
    login: RelayLogin = NO_LOGIN
    trusted: bool = False  # tell it who the client is, by XCLIENT
    rawlog_dir: str = ""
    source_ip: str = ""  # ours, for the connection; empty: the system's choice
    discarded: frozenset[str] = frozenset()  # EHLO keywords to take as not said, upper case
    login_habits: LoginHabits = field(default_factory=LoginHabits, repr=False, compare=False)

    def __str__(self) -> str:
        return self.host if self.host.startswith(UNIX) else host_and_port(self.host, self.port)

    @property
    def tls_name(self) -> str:
        """The name that its certificate must have."""
        return "localhost" if self.unix_path else server_name(self.host)

    @property
    def unix_path(self) -> str:
        """The path of a unix socket, or empty."""
        return self.host.removeprefix(UNIX) if self.host.startswith(UNIX) else ""
