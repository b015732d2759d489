"""The settings of BURL: IMAP servers whose URLs are taken, and how each is asked for a message."""

from __future__ import annotations

from dataclasses import dataclass, fields

from gsubmit.settings.declare import boolean, enum, port, positive_seconds, setting, string, uint, word_list
from gsubmit.settings.hosts import is_loopback, server

METHODS = ("auto", "urlfetch", "owner")
ACCESSES = ("submit", "user", "authuser", "anonymous")
PREFIX = "imap_urlauth_"


@dataclass(frozen=True, slots=True)
class BurlSettings:
    """The one IMAP server that most have, and what holds for all."""

    imap_urlauth_host: str = setting(
        server, "", "Name or address of the IMAP server whose URLs BURL takes; empty means none."
    )
    imap_urlauth_port: int = setting(port, 143, "Its TCP port; URLs must name it if it is not 143, or 993 with imaps.")
    imap_urlauth_ssl: str = setting(
        enum("no", "starttls", "imaps"), "no", "TLS to the IMAP server: no, starttls, or imaps (from the first octet)."
    )
    imap_urlauth_ssl_verify: bool = setting(
        boolean, True, "Whether the IMAP server's certificate must be valid for its name."
    )
    imap_urlauth_method: str = setting(
        enum(*METHODS), "auto", "How URLs are resolved: urlfetch (as a service), owner (for the user) or auto."
    )
    imap_urlauth_submit_user: str = setting(
        string, "submit", "User of the IMAP server that resolves submit+ URLs by URLFETCH."
    )
    imap_urlauth_submit_password: str = setting(string, "", "Password of that user.", secret=True)
    imap_urlauth_master_user: str = setting(
        string, "", "User of the IMAP server that may log in for others, by a SASL authorization id."
    )
    imap_urlauth_master_password: str = setting(string, "", "Password of that user.", secret=True)
    imap_urlauth_forward_credentials: bool = setting(
        boolean, False, "Whether to log in at the IMAP server with the password that the client used here."
    )
    imap_urlauth_cleartext: bool = setting(
        boolean, False, "Whether to send passwords without TLS to an IMAP server on another machine."
    )
    imap_urlauth_access: tuple[str, ...] = setting(
        word_list(ACCESSES, "Unknown access"),
        ("submit",),
        "Access identifiers of URLs that are taken: submit, user, authuser, anonymous.",
    )
    imap_urlauth_connect_timeout: float = setting(
        positive_seconds, 30.0, "Time to reach an IMAP server and log in there."
    )
    imap_urlauth_timeout: float = setting(positive_seconds, 300.0, "Time for the whole of a message to come.")
    imap_urlauth_max_connections: int = setting(
        uint, 100, "Most connections to an IMAP server at a time; 0 means unlimited."
    )


@dataclass(frozen=True, slots=True)
class ImapServerSettings:
    """`imap_urlauth_server NAME { }`: a further IMAP server. Nothing is taken over from the one outside the block."""

    name: str = ""
    host: str = setting(server, "", "Name or address of the server, as its URLs have it.")
    port: int = setting(port, 143, "TCP port of the server, as its URLs have it.")
    ssl: str = setting(enum("no", "starttls", "imaps"), "no", "TLS to this server, as imap_urlauth_ssl.")
    ssl_verify: bool = setting(boolean, True, "Whether this server's certificate must be valid for its name.")
    method: str = setting(enum(*METHODS), "auto", "How its URLs are resolved, as imap_urlauth_method.")
    submit_user: str = setting(string, "submit", "User of this server that resolves submit+ URLs.")
    submit_password: str = setting(string, "", "Password of submit_user.", secret=True)
    master_user: str = setting(string, "", "User of this server that may log in for others.")
    master_password: str = setting(string, "", "Password of master_user.", secret=True)
    forward_credentials: bool = setting(
        boolean, False, "Whether to log in at this server with the password that the client used here."
    )
    cleartext: bool = setting(boolean, False, "Whether to send passwords without TLS to this server elsewhere.")

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


def own_server(burl: BurlSettings) -> ImapServerSettings | None:
    """The server of the settings outside any block, if there is one."""
    if not burl.imap_urlauth_host:
        return None
    names = [field.name for field in fields(ImapServerSettings) if field.name != "name"]
    return ImapServerSettings(**{name: getattr(burl, PREFIX + name) for name in names})
