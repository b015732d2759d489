"""From the values of a configuration file to typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from gsubmit.settings.declare import Declaration, FileContent, declarations
from gsubmit.settings.files import read_text, reason
from gsubmit.settings.parse import Value
from gsubmit.settings.problem import Report

S = TypeVar("S")


def read_section(section: type[S], values: Mapping[str, Value], report: Report) -> S:
    """Make a section from those of `values` that it declares; what is missing or wrong keeps its default."""
    return section(**given(section, values, report))


def given(section: type[Any], values: Mapping[str, Value], report: Report) -> dict[str, Any]:
    """The typed values of the settings that `section` declares and `values` has, without those that are wrong."""
    typed = {}
    for name, declaration in declarations(section).items():
        if name in values:
            try:
                typed[name] = _typed(declaration, values[name])
            except ValueError as error:
                report.problem(values[name].place, f"{name}: {error}")
    return typed


def _typed(declaration: Declaration, value: Value) -> object:
    """Return the value of one setting. Raises ValueError with words for people."""
    read = declaration.value_type.read
    if not value.from_file:
        return read(value.text)
    try:
        content = read_text(value.path)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {value.path}: {reason(error)}") from None
    if declaration.value_type.is_content:
        return FileContent(read(content), value.path)
    try:
        return read(content.rstrip("\r\n"))
    except ValueError:
        # Not the reader's own words: they show the value, and the content of a file is nobody's business.
        raise ValueError(f"the content of {value.path} is not such a value; is '<' meant?") from None
