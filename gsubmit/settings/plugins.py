"""The settings of plugins: which there are, in what order, and the block of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gsubmit.settings.declare import declarations, setting
from gsubmit.settings.kinds import boolean, enum, path, positive_seconds, string, word_list
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import NOWHERE, Place, Report
from gsubmit.settings.reading import block_values, read_section
from gsubmit.settings.relay import RelaySettings


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """A block `submission_plugin NAME { }`; a plugin without one has the defaults. All other keys are the plugin's."""

    name: str = ""
    path: str = setting(path, "", "The Python file of the plugin; empty means an installed one.")
    plugin: str = setting(
        string, "", "The class in that file, or the installed plugin, if it is not called as the block is."
    )
    on_error: str = setting(
        enum("tempfail", "accept"),
        "tempfail",
        "What becomes of a message or session when the plugin fails: refused for now, or as if there were no plugin.",
    )
    timeout: float = setting(positive_seconds, 30.0, "Time for the plugin at each moment; all together have 2 mins.")
    threaded: bool = setting(
        boolean, False, "Whether it runs in a thread, for a plugin that computes much or waits outside of Python."
    )
    others: tuple[Value, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedRelay:
    """A block `submission_relay NAME { }`: a relay that plugins may choose."""

    name: str
    relay: RelaySettings
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PluginsSettings:
    """Which plugins are asked."""

    submission_plugins: tuple[str, ...] = setting(
        word_list(),
        (),
        "Plugins in the order in which they are asked; none is loaded that is not named here.",
        "Each is the name of an installed plugin or of a block submission_plugin; see gsubmit-plugins(7).",
    )
    blocks: tuple[PluginSettings, ...] = ()  # of each plugin that is named, in that order
    relays: tuple[NamedRelay, ...] = ()


def read_plugins(
    blocks: Iterable[Block], names: tuple[str, ...], place: Place, report: Report
) -> tuple[PluginSettings, ...]:
    """What is known of each plugin that is named, in that order."""
    known = {block.name: _read(block, report) for block in blocks}
    for name in {name for name in names if names.count(name) > 1}:
        report.problem(place, f"submission_plugins: {name} is there twice")
    return tuple(known.get(name) or PluginSettings(name, place=place) for name in names)


def _read(block: Block, report: Report) -> PluginSettings:
    if not block.name:
        report.problem(block.place, "submission_plugin needs a name")
    for inner in block.blocks():
        report.problem(inner.place, f"unknown block '{inner.word}'")
    values = {value.key: value for value in block.values()}
    ours = declarations(PluginSettings)
    read = read_section(PluginSettings, {k: v for k, v in values.items() if k in ours}, report)
    others = tuple(value for key, value in values.items() if key not in ours)
    return replace(read, name=block.name, others=others, place=block.place)


def read_relays(blocks: Iterable[Block], report: Report) -> tuple[NamedRelay, ...]:
    """The relays of blocks, each with a name of its own."""
    relays: dict[str, NamedRelay] = {}
    for block in blocks:
        values = block_values(block, declarations(RelaySettings), report)
        if not block.name or block.name in relays:
            report.problem(block.place, "submission_relay needs a name of its own")
        relay = read_section(RelaySettings, values, report)
        if not relay.host and "host" not in values:
            report.problem(block.place, f"'{block}' needs a host")
        relays[block.name] = NamedRelay(block.name, relay, block.place)
    return tuple(relays.values())
