"""Options `name=value` in the setting `args` of a passdb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def read_options(words: Iterable[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """The options in these words, on top of their defaults. ValueError for an unknown one, or one without value.

    Where the default is empty, so may be the value.
    """
    options = dict(defaults)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in defaults or not equals or (defaults[name] and not value):
            raise ValueError(f"{name}: unknown option, or no value; known: {', '.join(defaults)}")
        options[name] = value
    return options


def is_yes(options: Mapping[str, str], name: str) -> bool:
    """Whether an option is yes. ValueError if it is neither that nor no."""
    if options[name] not in ("yes", "no"):
        raise ValueError(f"{name}={options[name]}: must be yes or no")
    return options[name] == "yes"
