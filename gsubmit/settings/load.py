"""From configuration files to Settings: everything is read, then every problem is reported at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from gsubmit.settings import foreign, newer, obsolete
from gsubmit.settings.blocks import LocalAddress, LocalName
from gsubmit.settings.burl import BURL_PREFIX
from gsubmit.settings.consistency import check_consistency
from gsubmit.settings.declare import NO_CONTENT, declarations
from gsubmit.settings.imapservers import read_servers
from gsubmit.settings.known import Known
from gsubmit.settings.parse import Block, Value, parse, parse_text
from gsubmit.settings.passdbs import read_passdb
from gsubmit.settings.plugins import read_plugins, read_relays
from gsubmit.settings.problem import Notice, Place, Report, SettingsError, nearest
from gsubmit.settings.reading import given, known_values, read_section
from gsubmit.settings.sections import ServerSettings, Settings
from gsubmit.settings.sent import with_server
from gsubmit.settings.services import read_services
from gsubmit.settings.tls import Certificate, SslSettings

BLOCKS = frozenset(
    {
        *("service", "passdb", "imap_urlauth_server", "local_name", "local", "remote", "protocol"),
        *("submission_plugin", "submission_relay"),
    }
)
CERTIFICATE_NAMES = tuple(declarations(Certificate))
_NAMES = declarations(Settings)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without errors in itself, what there is to say about it, and where its settings stand."""

    settings: Settings
    notices: tuple[Notice, ...]
    values: Mapping[str, Value]  # those that were set outside blocks
    whole: Place

    def place(self, *names: str) -> Place:
        """Where the first of these settings that was set stands; else the configuration as a whole."""
        return next((self.values[name].place for name in names if name in self.values), self.whole)


def load(path: Path, known: Known) -> Loaded:
    """Read a file, or the *.conf of a folder. Raises SettingsError with every problem found.

    `known` are the drivers and mechanisms that there are, as auth.drivers has them.
    """
    report = Report()
    return _load(parse(path, _default_text, report), known, report)


def base_dir(path: Path) -> str:
    """Where a server with this configuration can be asked, whatever else is wrong with it. Raises SettingsError."""
    report = Report()
    root = parse(path, _default_text, report)
    if report.problems and not root.entries:
        raise SettingsError(report.problems)
    values, _ = _applicable(root, report)
    name = base_dir.__name__
    found = given(ServerSettings, {name: values[name]} if name in values else {}, report)
    return str(found.get(name, declarations(ServerSettings)[name].default))


def load_text(text: str, file: Path = Path("<text>"), known: Known | None = None) -> Loaded:
    """Read a configuration from a string; `file` is the name that problems show. Raises SettingsError.

    Without `known` any driver and mechanism is taken.
    """
    report = Report()
    return _load(parse_text(text, file, _default_text, report), known, report)


def _default_text(name: str) -> str | None:
    if declaration := _NAMES.get(name):
        return declaration.value_type.show(declaration.default)
    return foreign.default_text(name)


def _load(root: Block, known: Known | None, report: Report) -> Loaded:
    if report.problems and not root.entries:  # nothing was read, so there is nothing more to say
        raise SettingsError(report.problems)
    if not newer.translate(root, report):
        raise SettingsError(report.problems)
    obsolete.translate(root, report)
    values, blocks = _applicable(root, report)
    settings = _read(root, values, blocks, known, report)
    if report.problems:
        raise SettingsError(report.believable)
    return Loaded(settings, tuple(sorted(report.notices, key=lambda notice: notice.place)), values, root.place)


def _read(
    root: Block, values: Mapping[str, Value], blocks: Sequence[Block], known: Known | None, report: Report
) -> Settings:
    """The settings, and everything that is wrong in the report."""
    known_values(values.values(), _NAMES, report, _pass_over, foreign.names())
    values = foreign.without_mechanisms(values, known, report)
    settings = read_section(Settings, values, report)
    of: dict[str, list[Block]] = {word: [] for word in BLOCKS}
    for block in blocks:
        if block.word in of:
            of[block.word].append(block)
        elif block.word in foreign.BLOCKS:
            report.notice("ignored", block.place, f"'{block.word}' is ignored, {foreign.NO_USE}")
        else:
            near = nearest(block.word, {*BLOCKS, *foreign.BLOCKS})
            report.problem(block.place, f"unknown block '{block.word}'{near}")
    for block in of["remote"]:
        foreign.pass_over_filter(block, report)
    ssl, own = settings.ssl, settings.burl.server
    place = values[f"{BURL_PREFIX}host"].place if own.host else root.place
    servers = read_servers(of["imap_urlauth_server"], own, place, report)
    addresses = [_local_address(block, ssl, report) for block in of["local"]]
    plugins = replace(
        settings.submission.plugins,
        blocks=read_plugins(
            of["submission_plugin"],
            settings.submission.plugins.submission_plugins,
            values["submission_plugins"].place if "submission_plugins" in values else root.place,
            report,
        ),
        relays=read_relays(of["submission_relay"], report),
    )
    settings = replace(
        settings,
        services=read_services(of["service"], settings.server, root.place, report, tls=ssl.ssl != "no"),
        passdbs=tuple(read_passdb(block, known, report) for block in of["passdb"]),
        submission=replace(settings.submission, plugins=plugins),
        burl=replace(settings.burl, servers=servers),
        sent=with_server(settings.sent, servers[0] if servers else None, values),
        local_names=tuple(_local_name(block, ssl, report) for block in of["local_name"]),
        local_addresses=tuple(address for address in addresses if address),
    )
    check_consistency(settings, values, root.place, known, report)
    return settings


def _pass_over(value: Value, report: Report) -> bool:
    if instead := newer.advice(value):
        report.problem(value.place, f"{value.key} is of Dovecot 2.4; in the words of 2.3: {instead}")
    return bool(instead) or foreign.pass_over(value, report)


def _applicable(block: Block, report: Report) -> tuple[dict[str, Value], list[Block]]:
    """The values and blocks that hold for submission; those of a `protocol` block win over those around it."""
    values = {value.key: value for value in block.values()}
    blocks = [inner for inner in block.blocks() if inner.word != "protocol"]
    for inner in block.blocks():
        if foreign.is_for_others(inner):
            report.notice("ignored", inner.place, f"'{inner}' is ignored, it is for another protocol")
        elif inner.word == "protocol":
            inner_values, inner_blocks = _applicable(inner, report)
            values.update(inner_values)
            blocks.extend(inner_blocks)
    return values, blocks


def _local_name(block: Block, ssl: SslSettings, report: Report) -> LocalName:
    names = tuple(block.name.lower().split())
    if not names:
        report.problem(block.place, "local_name needs a name")
    for name in names:
        if "*" in name.removeprefix("*."):
            report.problem(block.place, f"'{name}': only a leading '*.' stands for a label")
    return LocalName(**_certificate(block, ssl, report), names=names)


def _local_address(block: Block, ssl: SslSettings, report: Report) -> LocalAddress | None:
    certificate = _certificate(block, ssl, report)
    try:
        return LocalAddress(**certificate, network=ip_network(block.name, strict=False))
    except ValueError:
        report.problem(block.place, f"expected an address or a network after local, not '{block.name}'")
        return None


def _certificate(block: Block, ssl: SslSettings, report: Report) -> dict[str, Any]:
    """The certificate in a `local_name` or `local` block; what it does not set is the server's.

    Only the server's second certificate does not go with a block's own: the client would choose between two names.
    """
    values, blocks = _applicable(block, report)
    for inner in blocks:
        foreign.pass_over_filter(inner, report)

    def pass_over(value: Value, report: Report) -> bool:
        is_known = value.key in _NAMES or foreign.is_known(value.key)
        if is_known:
            foreign.pass_over_filtered(value, block, report)
        return is_known

    own = known_values(values.values(), CERTIFICATE_NAMES, report, pass_over, _NAMES)
    inherited = {name: getattr(ssl, name) for name in CERTIFICATE_NAMES}
    if "ssl_cert" in own:
        inherited |= {"ssl_alt_cert": NO_CONTENT, "ssl_alt_key": NO_CONTENT}
    return inherited | given(Certificate, own, report)
