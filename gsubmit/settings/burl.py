"""The settings of BURL: IMAP servers whose URLs are taken, and how each is asked for a message."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsubmit.settings.declare import part, setting
from gsubmit.settings.hosts import is_loopback, server
from gsubmit.settings.kinds import boolean, enum, port, positive_seconds, string, uint, word_list
from gsubmit.settings.problem import NOWHERE, Place

METHODS = ("auto", "urlfetch", "owner")
ACCESSES = ("submit", "user", "authuser", "anonymous")
BURL_PREFIX = "imap_urlauth_"


@dataclass(frozen=True, slots=True)
class ImapServerSettings:
    """An IMAP server: the one of `imap_urlauth_*`, or that of a block `imap_urlauth_server NAME { }`."""

    name: str = ""
    host: str = setting(
        server, "", "Name or address of the IMAP server, as the URLs that BURL takes have it; empty means none."
    )
    port: int = setting(
        port, 143, "Its TCP port, as its URLs have it: they must name it if it is not 143, or 993 with imaps."
    )
    ssl: str = setting(
        enum("no", "starttls", "imaps"), "no", "TLS to the IMAP server: no, starttls, or imaps (from the first octet)."
    )
    ssl_verify: bool = setting(boolean, True, "Whether the IMAP server's certificate must be valid for its name.")
    method: str = setting(
        enum(*METHODS), "auto", "How URLs are resolved: urlfetch (as a service), owner (for the user) or auto."
    )
    submit_user: str = setting(string, "submit", "User of the IMAP server that resolves submit+ URLs by URLFETCH.")
    submit_password: str = setting(string, "", "Password of that user.", secret=True)
    master_user: str = setting(
        string, "", "User of the IMAP server that may log in for others, by a SASL authorization id."
    )
    master_password: str = setting(string, "", "Password of that user.", secret=True)
    forward_credentials: bool = setting(
        boolean, False, "Whether to log in at the IMAP server with the password that the client used here."
    )
    cleartext: bool = setting(
        boolean, False, "Whether to send passwords without TLS to an IMAP server on another machine."
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)  # where it is set

    @property
    def has_submit(self) -> bool:
        """Whether it can be asked by URLFETCH as the submission service."""
        return self.method != "owner" and bool(self.submit_user and self.submit_password)

    @property
    def has_master(self) -> bool:
        """Whether one can log in for any user."""
        return self.method != "urlfetch" and bool(self.master_user and self.master_password)

    @property
    def forwards(self) -> bool:
        """Whether one can log in as the user who has just logged in here."""
        return self.method != "urlfetch" and self.forward_credentials

    @property
    def unused(self) -> list[str]:
        """Settings that the method makes no use of."""
        given = {
            "submit_password": self.method == "owner" and self.submit_password,
            "master_user": self.method == "urlfetch" and self.master_user,
            "forward_credentials": self.method == "urlfetch" and self.forward_credentials,
        }
        return [name for name, is_vain in given.items() if is_vain]

    @property
    def is_useful(self) -> bool:
        """Whether there is any way to resolve a URL."""
        return self.has_submit or self.has_master or self.forwards

    @property
    def shows_passwords(self) -> bool:
        """Whether passwords would cross a network readable, against what was allowed."""
        return self.ssl == "no" and not self.cleartext and not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class BurlSettings:
    """What holds for all IMAP servers, and the one server that stands outside blocks."""

    server: ImapServerSettings = part(ImapServerSettings)
    access: tuple[str, ...] = setting(
        word_list(ACCESSES, "Unknown access"),
        ("submit",),
        "Access identifiers of URLs that are taken: submit, user, authuser, anonymous.",
    )
    connect_timeout: float = setting(positive_seconds, 30.0, "Time to reach an IMAP server and log in there.")
    timeout: float = setting(positive_seconds, 300.0, "Time for the whole of a message to come.")
    max_connections: int = setting(uint, 100, "Most connections to an IMAP server at a time; 0 means unlimited.")
    servers: tuple[ImapServerSettings, ...] = ()  # all there are: `server`, and those of blocks
