"""`imap_urlauth_server NAME { }`, and whether the IMAP servers of BURL make sense."""

from __future__ import annotations

from collections.abc import Mapping

from gsubmit.settings.burl import BURL_PREFIX, ImapServerSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.hosts import canonical, is_loopback
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Place, Report
from gsubmit.settings.reading import block_values, read_section


class ImapServers:
    """What is read from the blocks, and where each begins."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._servers: list[tuple[ImapServerSettings, Place]] = []

    def read(self, block: Block) -> None:
        """Take in one block."""
        values = block_values(block, declarations(ImapServerSettings), self._report)
        if not block.name:
            self._report.problem(block.place, "imap_urlauth_server needs a name")
        server = read_section(ImapServerSettings, values, self._report, name=block.name)
        if not server.host:
            if "host" not in values or not values["host"].text:
                self._report.problem(block.place, f"'{block}' needs a host")
            return
        self._servers.append((server, block.place))

    def settings(
        self, own: ImapServerSettings, values: Mapping[str, Value], whole: Place
    ) -> tuple[ImapServerSettings, ...]:
        """All servers, the one outside the blocks first; problems are reported."""
        servers = list(self._servers)
        if own.host:
            place = values[f"{BURL_PREFIX}host"].place if f"{BURL_PREFIX}host" in values else whole
            servers.insert(0, (own, place))
        taken: set[tuple[str, int]] = set()
        for server, place in servers:
            self._check(server, place)
            if (canonical(server.host), server.port) in taken:
                self._report.problem(place, f"{server.host} port {server.port} is there twice")
            taken.add((canonical(server.host), server.port))
        return tuple(server for server, _ in servers)

    def _check(self, server: ImapServerSettings, place: Place) -> None:
        prefix = "" if server.name else BURL_PREFIX
        if server.host == "*":
            text = f"{prefix}host = * would let clients choose the server; name it, or add imap_urlauth_server blocks"
            self._report.problem(place, text)
        elif server.method == "urlfetch" and not server.has_submit:
            self._report.problem(place, f"{prefix}method = urlfetch needs {prefix}submit_password")
        elif server.method == "owner" and not server.is_useful:
            text = f"{prefix}method = owner needs {prefix}master_user and its password, or {prefix}forward_credentials"
            self._report.problem(place, text)
        elif not server.is_useful:
            text = f"no password is set for {server.host}, so its URLs cannot be resolved and BURL does not take them"
            self._report.notice("warning", place, text)
        elif server.shows_passwords:
            text = (
                f"passwords would go to {server.host} in clear text; set {prefix}ssl,"
                f" or {prefix}cleartext = yes if nobody else sees that network"
            )
            self._report.problem(place, text)
        elif server.ssl != "no" and not server.ssl_verify and not is_loopback(server.host):
            text = f"{prefix}ssl_verify = no lets anybody between here and {server.host} read the passwords"
            self._report.notice("warning", place, text)
        for name in server.unused:
            text = f"{prefix}{name} has no effect with {prefix}method = {server.method}"
            self._report.notice("warning", place, text)
        if bool(server.master_user) != bool(server.master_password):
            self._report.problem(place, f"{prefix}master_user and {prefix}master_password need each other")
