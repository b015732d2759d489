"""What a transcript says about the IMAP server that BURL asks, and that has the copies: scripts for its connections."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.harness import escapes
from tests.harness.relayscript import EVERY_OTHER, Does, Hears, Says, Waits

TOKEN = "91354a473744909de610943775f92038"
SUBMIT_PASSWORD = "s3cret-of-submit"
MASTER_PASSWORD = "s3cret-of-proxy"
_COPIES = "copies"
_URLS = {
    "nobody": (),
    "urlfetch": (f"imap_urlauth_submit_password = {SUBMIT_PASSWORD}",),
    "owner": ("imap_urlauth_master_user = proxy", f"imap_urlauth_master_password = {MASTER_PASSWORD}"),
    "forward": ("imap_urlauth_forward_credentials = yes",),
}
_KEEPING = ("imap_host = 127.0.0.1", "imap_master_user = proxy", f"imap_master_password = {MASTER_PASSWORD}")


@dataclass(frozen=True)
class Repeats:
    """`I-- ENDLESS text --`: until the other side closes."""

    octets: bytes


@dataclass(frozen=True)
class Drips:
    """`I-- DRIPS n MS text --`: an octet each n milliseconds."""

    seconds: float
    octets: bytes


Step = Hears | Says | Does | Waits | Repeats | Drips


@dataclass
class ImapScript:
    """All that is special about the IMAP server of one transcript."""

    ways: tuple[str, ...] = ()
    is_reachable: bool = True
    implicit_tls: bool = False
    connected: int | None = None  # how often one must have connected
    connections: dict[int, list[Step]] = field(default_factory=dict)

    def steps(self, number: int) -> list[Step]:
        """The script of the connection with this number, the first being 1."""
        return list(self.connections.get(number, self.connections.get(EVERY_OTHER, [])))

    def settings(self, port: int) -> list[str]:
        """Lines of the server's configuration."""
        lines = [line for way in self.ways if way != _COPIES for line in _URLS[way]]
        if set(self.ways) - {_COPIES}:
            lines += ["imap_urlauth_host = 127.0.0.1", f"imap_urlauth_port = {port}"]
        return [*lines, *_KEEPING, f"imap_port = {port}"] if _COPIES in self.ways else lines


@dataclass(frozen=True)
class Names:
    """What transcripts write for texts that hold the server's port: `{url}`, `{rump}`, `{plain}`, `{imap}`."""

    port: int

    def _pairs(self) -> list[tuple[bytes, bytes]]:
        place = f"127.0.0.1:{self.port}"
        plain = f"imap://user@{place}/INBOX/;UID=1"
        rump = f"{plain};URLAUTH=submit+user"
        named = {"{url}": f"{rump}:INTERNAL:{TOKEN}", "{rump}": rump, "{plain}": plain, "{imap}": place}
        return [(name.encode(), text.encode()) for name, text in named.items()]

    def written_out(self, octets: bytes) -> bytes:
        """With the texts in place of the names."""
        for name, text in self._pairs():
            octets = octets.replace(name, text)
        return octets

    def named(self, octets: bytes) -> bytes:
        """With the names in place of the texts."""
        for name, text in self._pairs():
            octets = octets.replace(text, name)
        return octets


def ways(text: str) -> tuple[str, ...]:
    """`@imap` with what the server is for: the ways in which it is to resolve URLs, and copies. Raises ValueError."""
    words, known = tuple(text.split()), {*_URLS, _COPIES}
    if not words or not set(words) <= known:
        raise ValueError(f"@imap takes {', '.join(known)}, not {text!r}")
    return words


_ACTIONS = re.compile(
    r"(?P<what>CLOSES|SILENT|TLS)|WAITS (?P<wait>\d+) MS|ENDLESS (?P<text>.+)|DRIPS (?P<ms>\d+) MS (?P<drops>.+)"
)


def action(text: str) -> Step:
    """The step that `I-- text --` names. Raises ValueError."""
    found = _ACTIONS.fullmatch(text)
    if found is None:
        raise ValueError(f"unknown IMAP action {text!r}")
    if found["what"]:
        return Does(found["what"])
    if found["wait"]:
        return Waits(int(found["wait"]) / 1000)
    if found["text"]:
        return Repeats(escapes.octets(found["text"]))
    return Drips(int(found["ms"]) / 1000, escapes.octets(found["drops"]))
