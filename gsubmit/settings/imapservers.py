"""`imap_urlauth_server NAME { }`, and whether the IMAP servers of BURL make sense."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gsubmit.settings.burl import BURL_PREFIX, ImapServerSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.hosts import canonical, is_loopback
from gsubmit.settings.parse import Block
from gsubmit.settings.problem import Place, Report
from gsubmit.settings.reading import block_values, read_section


def read_servers(
    blocks: Iterable[Block], own: ImapServerSettings, place: Place, report: Report
) -> tuple[ImapServerSettings, ...]:
    """The servers of BURL: the one outside blocks, which is set at `place`, if there is one, and those of blocks."""
    servers = [replace(own, place=place)] if own.host else []
    for block in blocks:
        values = block_values(block, declarations(ImapServerSettings), report)
        if not block.name:
            report.problem(block.place, "imap_urlauth_server needs a name")
        server = read_section(ImapServerSettings, values, report, name=block.name, place=block.place)
        if server.host:
            servers.append(server)
        elif "host" not in values or not values["host"].text:
            report.problem(block.place, f"'{block}' needs a host")
    taken: set[tuple[str, int]] = set()
    for server in servers:
        _check(server, report)
        address = canonical(server.host), server.port
        if address in taken:
            report.problem(server.place, f"{server.host} port {server.port} is there twice")
        taken.add(address)
    return tuple(servers)


def _check(server: ImapServerSettings, report: Report) -> None:
    place, prefix = server.place, "" if server.name else BURL_PREFIX
    if server.host == "*":
        text = f"{prefix}host = * would let clients choose the server; name it, or add imap_urlauth_server blocks"
        report.problem(place, text)
    elif server.method == "urlfetch" and not server.has_submit:
        report.problem(place, f"{prefix}method = urlfetch needs {prefix}submit_password")
    elif server.method == "owner" and not server.is_useful:
        text = f"{prefix}method = owner needs {prefix}master_user and its password, or {prefix}forward_credentials"
        report.problem(place, text)
    elif not server.is_useful:
        text = f"no password is set for {server.host}, so BURL does not take its URLs; set {prefix}master_user and its"
        text += f" password, {prefix}submit_password, or {prefix}forward_credentials"
        report.notice("warning", place, text)
    elif server.shows_passwords:
        text = (
            f"passwords would go to {server.host} in clear text; set {prefix}ssl,"
            f" or {prefix}cleartext = yes if nobody else sees that network"
        )
        report.problem(place, text)
    elif server.ssl != "no" and not server.ssl_verify and not is_loopback(server.host):
        text = f"{prefix}ssl_verify = no lets anybody between here and {server.host} read the passwords"
        report.notice("warning", place, text)
    for name in server.unused:
        text = f"{prefix}{name} has no effect with {prefix}method = {server.method}"
        report.notice("warning", place, text)
    if bool(server.master_user) != bool(server.master_password):
        report.problem(place, f"{prefix}master_user and {prefix}master_password need each other")
