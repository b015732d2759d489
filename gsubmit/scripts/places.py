"""Where scripts lie: those of users, by names that clients choose, and the administrators'."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from gsubmit.settings.sieve import variables_in
from gsubmit.settings.variables import expand

FIELD = "sieve"  # of passdbs
ENDING = ".sieve"
_NO, _YES = frozenset({"no", "n", "false", "0"}), frozenset({"", "yes", "y", "true", "1"})
_WORDS = _NO | _YES
_MOMENT = 1_000_000_000  # nanoseconds in which a folder may change twice without another time of its last change


class Source(NamedTuple):
    """A script for a message, and whether it is an administrator's.

    `has_own_folder`: no other user's scripts lie beside it.
    """

    path: str
    is_administrators: bool
    has_own_folder: bool = True


class UserScripts:
    """The script of each user, by a template."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._variables = variables_in(template)
        self._by_name = lru_cache(maxsize=1000)(self._expanded)  # for each message
        self._has_own_folders = set(self._variables) <= set(variables_in(template.rpartition("/")[0]))

    def source(self, user: str, fields: Mapping[str, str]) -> Source | None:
        """The script, if there can be one."""
        path = self.path(user, fields)
        if not path:
            return None
        is_named = fields.get(FIELD, "").startswith("/")  # by the passdb
        return Source(path, is_administrators=False, has_own_folder=is_named or self._has_own_folders)

    def path(self, user: str, fields: Mapping[str, str]) -> str:
        """Where it is if there is one; empty if there cannot be. The name must not lead into another folder."""
        said = fields.get(FIELD)
        if said is None or said.lower() in _YES:
            return self._by_name(user)
        return said if said.startswith("/") else ""

    def _expanded(self, user: str) -> str:
        if not self._template:
            return ""
        username, _, domain = user.partition("@")
        known = {"user": user, "username": username, "domain": domain}
        for name in self._variables:
            value = known[name]
            if not value or value.startswith(".") or "/" in value or "\0" in value:
                return ""
        return expand(self._template, known)


def is_understood(said: str) -> bool:
    """Whether that is something for a passdb's field to say: an absolute path, yes or no."""
    return not said or said.startswith("/") or said.lower() in _WORDS


class Administrators:
    """The scripts at a place, as `administrators` finds them whenever somebody asks."""

    def __init__(self, path: str) -> None:
        """Raises OSError where a folder cannot be read."""
        self._path = path
        self._found = administrators(path)
        self._changed = 0  # when that was changed; 0 is not known for certain

    def __iter__(self) -> Iterator[str]:
        """Their paths. A place that cannot be read any more is a script that is missing."""
        if self._path:
            try:
                self._look()
            except OSError:
                self._found, self._changed = (self._path,), 0
        return iter(self._found)

    def _look(self) -> None:
        changed = os.stat(self._path).st_mtime_ns  # noqa: PTH116 - for each message
        if changed != self._changed:
            self._found = administrators(self._path)
            self._changed = changed if time.time_ns() - changed > _MOMENT else 0


def administrators(path: str) -> tuple[str, ...]:
    """The scripts at a place: a file, or all of a folder in the order of their names. Raises OSError."""
    if not path:
        return ()
    there = Path(path)
    if not there.is_dir():
        return (path,)
    return tuple(str(one) for one in sorted(there.iterdir()) if one.suffix == ENDING and not one.name.startswith("."))


def included(name: str, folder: str) -> str:
    """The path of a script that another includes; empty if it cannot have one."""
    if not folder or name.startswith(".") or "/" in name or "\0" in name:
        return ""
    return str(Path(folder) / f"{name}{ENDING}")
