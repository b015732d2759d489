"""The settings of a relay: those of `submission_relay_*`."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.settings.declare import part, setting
from gsubmit.settings.hosts import server
from gsubmit.settings.kinds import boolean, enum, path, port, positive_seconds, seconds, string, uint, word_list
from gsubmit.smtp.keywords import NAMES

# We make no use of these when a relay says them; about STARTTLS decides submission_relay_ssl.
_NOT_OF_RELAYS = {"burl", "enhancedstatuscodes", "starttls"}
RELAY_KEYWORDS = sorted({*NAMES, "limits", "xclient"} - _NOT_OF_RELAYS)
RELAY_PREFIX = "submission_relay_"


@dataclass(frozen=True, slots=True)
class RelayLogin:
    """How we log in at a relay. Without `user` we do not."""

    user: str = setting(string, "", "User to log in as at the relay; empty means no login.")
    master_user: str = setting(
        string, "", "User whose password it is, when submission_relay_user is another; empty means the same."
    )
    password: str = setting(string, "", "Password for the login at the relay.", secret=True)
    auth_cleartext: bool = setting(boolean, False, "Whether to log in without TLS at a relay on another machine.")
    mechanism: str = ""  # the only one to try; empty means the best
    is_token: bool = False  # the password is a bearer token


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The MTA that gets messages."""

    host: str = setting(server, "", "Name or address of the relay, or unix:PATH; needed unless all users are proxied.")
    port: int = setting(port, 25, "TCP port of the relay.")
    ssl: str = setting(
        enum("no", "smtps", "starttls"), "no", "TLS to the relay: no, smtps (from the first octet) or starttls."
    )
    ssl_verify: bool = setting(boolean, True, "Whether the relay's certificate must be valid for its name.")
    login: RelayLogin = part(RelayLogin)
    trusted: bool = setting(
        boolean, False, "Whether to tell the relay by XCLIENT, when it offers that, who the client is."
    )
    discard_ehlo_keywords: tuple[str, ...] = setting(
        word_list(RELAY_KEYWORDS, "Unknown EHLO keyword"),
        (),
        "EHLO keywords of the relay to take as not said, such as chunking, for a relay that does not honour them.",
    )
    rawlog_dir: str = setting(
        path, "", "Folder that gets a copy of what is said to the relay and heard from it; empty means none."
    )
    connect_timeout: float = setting(
        positive_seconds, 30.0, "Time to reach the relay, for each step until login, and for a free connection."
    )
    command_timeout: float = setting(
        positive_seconds, 300.0, "Time without progress after which the relay counts as lost."
    )
    data_done_timeout: float = setting(
        seconds,
        0.0,
        "Time to wait for the reply to a message that was sent whole; 0 means twice submission_relay_command_timeout.",
    )
    max_idle_time: float = setting(
        positive_seconds, 1740.0, "Time after which an unused connection to the relay is closed."
    )
    max_connections: int = setting(uint, 100, "Most connections to the relay at a time; 0 means unlimited.")
