"""From configuration files to Settings: everything is read, then every problem is reported at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from gsubmit.settings import foreign
from gsubmit.settings.blocks import LocalAddress, LocalName, PassdbSettings
from gsubmit.settings.burl import BURL_PREFIX, ImapServerSettings
from gsubmit.settings.consistency import check_consistency
from gsubmit.settings.declare import NO_CONTENT, declarations
from gsubmit.settings.imapservers import check_servers, read_server
from gsubmit.settings.known import Known
from gsubmit.settings.parse import Block, Value, parse, parse_text
from gsubmit.settings.passdbs import read_passdb
from gsubmit.settings.problem import Notice, Place, Report, SettingsError, nearest
from gsubmit.settings.reading import given, known_values, read_section
from gsubmit.settings.sections import Settings
from gsubmit.settings.services import Services
from gsubmit.settings.tls import Certificate, SslSettings

PROTOCOL = "submission"
BLOCKS = frozenset({"service", "passdb", "imap_urlauth_server", "local_name", "local", "remote", "protocol"})
CERTIFICATE_NAMES = tuple(declarations(Certificate))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration, and what there is to say about it."""

    settings: Settings
    notices: tuple[Notice, ...]


def load(path: Path, known: Known) -> Loaded:
    """Read a file, or the *.conf of a folder. Raises SettingsError with every problem found.

    `known` are the drivers and mechanisms that there are, as auth.drivers has them.
    """
    report = Report()
    return _load(parse(path, _default_text, report), known, report)


def load_text(text: str, file: Path = Path("<text>"), known: Known | None = None) -> Loaded:
    """Read a configuration from a string; `file` is the name that problems show. Raises SettingsError.

    Without `known` any driver and mechanism is taken.
    """
    report = Report()
    return _load(parse_text(text, file, _default_text, report), known, report)


def _default_text(name: str) -> str | None:
    if declaration := declarations(Settings).get(name):
        return declaration.value_type.show(declaration.default)
    return foreign.default_text(name)


def _load(root: Block, known: Known | None, report: Report) -> Loaded:
    if report.problems and not root.entries:  # nothing was read, so there is nothing more to say
        raise SettingsError(report.problems)
    settings = _Reader(known, report).read(root)
    if report.problems:
        raise SettingsError(report.problems)
    return Loaded(settings, tuple(sorted(report.notices, key=lambda notice: (notice.file, notice.line))))


class _Reader:
    """Goes through the tree of a configuration."""

    def __init__(self, known: Known | None, report: Report) -> None:
        self._known = known
        self._report = report
        self._services = Services(report)
        self._imap_servers: list[tuple[ImapServerSettings, Place]] = []
        self._passdbs: list[PassdbSettings] = []
        self._filters: list[Block] = []
        self._names = declarations(Settings).keys()

    def read(self, root: Block) -> Settings:
        values, blocks = self._applicable(root)
        known_values(values.values(), self._names, self._report, foreign.pass_over, foreign.names())
        for block in blocks:
            self._read_block(block)
        settings = read_section(Settings, values, self._report)
        ssl, own = settings.ssl, settings.burl.server
        if own.host:
            host = values.get(f"{BURL_PREFIX}host")
            self._imap_servers.insert(0, (own, host.place if host else root.place))
        check_servers(self._imap_servers, self._report)
        settings = replace(
            settings,
            services=self._services.settings(tls=ssl.ssl != "no"),
            passdbs=tuple(self._passdbs),
            imap_servers=tuple(server for server, _ in self._imap_servers),
            local_names=tuple(self._local_name(block, ssl) for block in self._filters if block.word == "local_name"),
            local_addresses=tuple(self._local_addresses(ssl)),
        )
        check_consistency(settings, values, root.place, self._services.places, self._known, self._report)
        return settings

    def _applicable(self, block: Block) -> tuple[dict[str, Value], list[Block]]:
        """The values and blocks that hold for submission; those of a `protocol` block win over those around it."""
        values = {value.key: value for value in block.values()}
        blocks = [inner for inner in block.blocks() if inner.word != "protocol"]
        for inner in block.blocks():
            if inner.word != "protocol":
                continue
            if inner.name == PROTOCOL or (inner.name.startswith("!") and inner.name != f"!{PROTOCOL}"):
                inner_values, inner_blocks = self._applicable(inner)
                values.update(inner_values)
                blocks.extend(inner_blocks)
            else:
                self._report.notice("ignored", inner.place, f"'{inner}' is ignored, it is for another protocol")
        return values, blocks

    def _read_block(self, block: Block) -> None:
        match block.word:
            case "service":
                self._services.read(block)
            case "passdb":
                if passdb := read_passdb(block, self._known, self._report):
                    self._passdbs.append(passdb)
            case "imap_urlauth_server":
                if server := read_server(block, self._report):
                    self._imap_servers.append((server, block.place))
            case "local_name" | "local":
                self._filters.append(block)
            case "remote":
                foreign.pass_over_filter(block, self._report)
            case word if word in foreign.BLOCKS:
                self._report.notice("ignored", block.place, f"'{word}' is ignored, {foreign.NO_USE}")
            case word:
                near = nearest(word, {*BLOCKS, *foreign.BLOCKS})
                self._report.problem(block.place, f"unknown block '{word}'{near}")

    def _local_name(self, block: Block, ssl: SslSettings) -> LocalName:
        names = tuple(block.name.lower().split())
        if not names:
            self._report.problem(block.place, "local_name needs a name")
        for name in names:
            if "*" in name.removeprefix("*."):
                self._report.problem(block.place, f"'{name}': only a leading '*.' stands for a label")
        return LocalName(**self._certificate(block, ssl), names=names)

    def _local_addresses(self, ssl: SslSettings) -> list[LocalAddress]:
        addresses = []
        for block in self._filters:
            if block.word != "local":
                continue
            certificate = self._certificate(block, ssl)
            if network := self._network(block):
                addresses.append(LocalAddress(**certificate, network=network))
        return addresses

    def _network(self, block: Block) -> IPv4Network | IPv6Network | None:
        try:
            return ip_network(block.name, strict=False)
        except ValueError:
            self._report.problem(block.place, f"expected an address or a network after local, not '{block.name}'")
            return None

    def _certificate(self, block: Block, ssl: SslSettings) -> dict[str, Any]:
        """The certificate in a `local_name` or `local` block; what it does not set is the server's.

        Only the server's second certificate does not go with a block's own: the client would choose between two names.
        """
        values, blocks = self._applicable(block)
        for inner in blocks:
            foreign.pass_over_filter(inner, self._report)

        def pass_over(value: Value, report: Report) -> bool:
            is_known = value.key in self._names or foreign.is_known(value.key)
            if is_known:
                foreign.pass_over_filtered(value, block, report)
            return is_known

        own = known_values(values.values(), CERTIFICATE_NAMES, self._report, pass_over, self._names)
        inherited = {name: getattr(ssl, name) for name in CERTIFICATE_NAMES}
        if "ssl_cert" in own:
            inherited |= {"ssl_alt_cert": NO_CONTENT, "ssl_alt_key": NO_CONTENT}
        return inherited | given(Certificate, own, self._report)
