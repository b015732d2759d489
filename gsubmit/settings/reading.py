"""From the values of a configuration file to typed settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from gsubmit.settings.declare import Declaration, FileContent, Part, members
from gsubmit.settings.files import read_text, reason
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Report, nearest

S = TypeVar("S")

# Whether a value that is no setting of ours is one that somebody else has; what there is to say about it is reported.
PassOver = Callable[[Value, Report], bool]


def known_values(
    values: Iterable[Value],
    names: Collection[str],
    report: Report,
    pass_over: PassOver | None = None,
    others: Iterable[str] = (),
) -> dict[str, Value]:
    """The values of settings of these names; the last of a name counts. An unknown setting is a problem.

    `others` are names that `pass_over` knows, for whoever has mistyped one.
    """
    found = {}
    for value in {value.key: value for value in values}.values():
        if value.key in names:
            found[value.key] = value
        elif pass_over is None or not pass_over(value, report):
            near = nearest(value.key, {*names, *others})
            report.problem(value.place, f"unknown setting '{value.key}'{near}")
    return found


def block_values(
    block: Block,
    names: Collection[str],
    report: Report,
    pass_over: PassOver | None = None,
    others: Iterable[str] = (),
) -> dict[str, Value]:
    """The same for a block that has settings only."""
    for inner in block.blocks():
        report.problem(inner.place, f"unknown block '{inner.word}'")
    return known_values(block.values(), names, report, pass_over, others)


def read_section(section: type[S], values: Mapping[str, Value], report: Report, **more: Any) -> S:
    """A section from those of `values` that it declares, and `more`; what is missing or wrong has its default."""
    return section(**given(section, values, report), **more)


def given(section: type[Any], values: Mapping[str, Value], report: Report, prefix: str = "") -> dict[str, Any]:
    """What `values` has for the fields of a section, without what is wrong; its parts are made whole."""
    typed: dict[str, Any] = {}
    for field, member in members(section):
        name = prefix + field
        if isinstance(member, Part):
            typed[field] = member.section(**given(member.section, values, report, prefix + member.prefix))
        elif name in values:
            try:
                typed[field] = _typed(member, values[name])
            except ValueError as error:
                report.problem(values[name].place, f"{name}: {error}")
    return typed


def _typed(declaration: Declaration, value: Value) -> object:
    """Return the value of one setting. Raises ValueError with words for people."""
    read: Callable[[str], Any] = declaration.value_type.read
    if not value.from_file:
        typed = read(value.text)
        return FileContent(typed, None, value.place) if declaration.value_type.is_content else typed
    try:
        content = read_text(value.path)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {value.path}: {reason(error)}") from None
    if declaration.value_type.is_content:
        return FileContent(read(content), value.path, value.place)
    try:
        return read(content.rstrip("\r\n"))
    except ValueError:
        # Not the reader's own words: they show the value, and the content of a file is nobody's business.
        raise ValueError(unsuitable(value)) from None


def unsuitable(value: Value) -> str:
    """What is wrong with a value whose file holds something else."""
    return f"the content of {value.path} is not such a value; is '<' meant?"
