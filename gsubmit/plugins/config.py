"""The block of a plugin in the configuration, with typed values, and errors that name file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gsubmit.settings import kinds
from gsubmit.settings.files import read_text, reason
from gsubmit.settings.parse import Value
from gsubmit.settings.problem import NOWHERE, Place

T = TypeVar("T")
_NEEDED: Any = object()


class ConfigError(ValueError):
    """What is wrong with the block of a plugin, and where."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place


class Config:
    """The keys of `submission_plugin NAME { }` that are not gsubmit's. A key without a default has to be there."""

    def __init__(self, name: str, values: Mapping[str, Value] | None = None, place: Place = NOWHERE) -> None:
        self.name = name
        self._values = values or {}
        self._place = place
        self._asked: set[str] = set()

    @classmethod
    def of(cls, name: str = "test", **texts: str) -> Config:
        """A block with these keys, for tests."""
        return cls(name, {key: Value(key, text, NOWHERE) for key, text in texts.items()})

    def text(self, key: str, default: str = _NEEDED) -> str:
        """As it is written; of `<FILE`, what the file holds."""
        return self._read(key, default, str)

    def boolean(self, key: str, default: bool = _NEEDED) -> bool:
        """Yes or no."""
        return self._read(key, default, kinds.boolean.read)

    def integer(self, key: str, default: int = _NEEDED) -> int:
        """A number that is not negative."""
        return self._read(key, default, kinds.uint.read)

    def seconds(self, key: str, default: float = _NEEDED) -> float:
        """A time, such as 30 s."""
        return self._read(key, default, kinds.seconds.read)

    def words(self, key: str, default: tuple[str, ...] = _NEEDED) -> tuple[str, ...]:
        """Words that are divided by white space."""
        return self._read(key, default, lambda text: tuple(text.split()))

    def path(self, key: str, default: Path | None = _NEEDED) -> Path | None:
        """A file or folder; a relative one begins at the configuration file's folder."""
        value = self._values.get(key)
        return self._read(key, default, lambda text: value.place.file.parent / text if value else Path(text))

    def error(self, key: str, text: str) -> ConfigError:
        """What to raise where the value of a key makes no sense."""
        return ConfigError(self.place(key), f"{key}: {text}")

    def place(self, key: str = "") -> Place:
        """Where a key stands, or else the block."""
        return self._values[key].place if key in self._values else self._place

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that are there."""
        return tuple(self._values)

    @property
    def asked(self) -> frozenset[str]:
        """The keys that the plugin has asked for, whether they are there or not."""
        return frozenset(self._asked)

    @property
    def unasked(self) -> tuple[Value, ...]:
        """What is there and nobody has asked for."""
        return tuple(value for key, value in self._values.items() if key not in self._asked)

    def _read(self, key: str, default: T, read: Callable[[str], T]) -> T:
        self._asked.add(key)
        value = self._values.get(key)
        if value is None:
            if default is _NEEDED:
                raise ConfigError(self._place, f"plugin {self.name} needs {key}")
            return default
        try:
            return read(read_text(value.path) if value.from_file else value.text)
        except OSError as error:
            raise self.error(key, f"cannot read {value.path}: {reason(error)}") from None
        except ValueError as error:
            raise self.error(key, str(error)) from None
