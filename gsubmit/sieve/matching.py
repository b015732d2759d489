"""Match types (RFC 5228 2.7.1, RFC 5231): whether any value goes with any key."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gsubmit.sieve import regex
from gsubmit.sieve.call import Call
from gsubmit.sieve.comparators import CASEMAP, COMPARATORS, OCTET, Comparator
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine
from gsubmit.sieve.strings import Texts
from gsubmit.sieve.wildcards import Pattern

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
_STRIDE = 512  # characters that are looked at by one unit of work


@dataclass
class Match(ABC):
    """A match type with its keys. `sets_matches`: what wildcards stand for is wanted (RFC 5229 3.2)."""

    comparator: Comparator
    keys: Texts
    sets_matches: bool = False

    def any(self, machine: Machine, values: Iterable[str]) -> bool:
        """Whether one of the values matches one of the keys; the first value comes first. Raises Mistake."""
        keys = self.keys.of(machine)
        for value in values:
            machine.work(1 + (1 + len(value) // _STRIDE) * len(keys))
            if self.matches(machine, value, keys):
                if machine.world.trace is not None:
                    machine.tell(f"{value!r} matches")
                return True
            if machine.world.trace is not None:
                machine.tell(f"{value!r} does not match")
        return False

    def one(self, machine: Machine, value: str) -> bool:
        """The same for one value."""
        return self.any(machine, (value,))

    @property
    def counts(self) -> bool:
        """Whether it looks at how many values there are only."""
        return False

    @abstractmethod
    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """Whether one value matches one of the keys."""

    @cached_property
    def _constants(self) -> frozenset[str] | None:
        keys = self.keys.constants
        return None if keys is None else frozenset(map(self.comparator.folded, keys))

    def folded_keys(self, keys: Sequence[str]) -> frozenset[str]:
        """As the comparator compares them."""
        return frozenset(map(self.comparator.folded, keys)) if self._constants is None else self._constants


class Is(Match):
    """:is."""

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """The value is a key."""
        return self.comparator.folded(value) in self.folded_keys(keys)


class Contains(Match):
    """:contains."""

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """A key is in the value."""
        folded = self.comparator.folded(value)
        return any(key in folded for key in self.folded_keys(keys))


class Matches(Match):
    """:matches."""

    @cached_property
    def _patterns(self) -> list[Pattern] | None:
        keys = self.keys.constants
        return None if keys is None else [Pattern(key, self.comparator) for key in keys]

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """The wildcards of a key can be filled."""
        patterns = self._patterns
        for pattern in patterns if patterns is not None else (Pattern(key, self.comparator) for key in keys):
            found = pattern.match(value, machine.work)
            if found is not None:
                if self.sets_matches:
                    machine.scope.matches = found[: machine.limits.match_values + 1]
                return True
        return False


class Regex(Match):
    """:regex (draft-murchison-sieve-regex)."""

    @cached_property
    def _patterns(self) -> list[regex.Pattern] | None:
        keys = self.keys.constants
        return None if keys is None else [self._compiled(key) for key in keys]

    def _compiled(self, key: str) -> regex.Pattern:
        return regex.compiled(key, ignores_case=self.comparator is not OCTET)

    def check(self) -> None:
        """Raise Mistake for a key that is none."""
        _ = self._patterns

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """A key is found in the value."""
        patterns = self._patterns
        for pattern in patterns if patterns is not None else map(self._compiled, keys):
            found = pattern.search(value)
            if found is not None:
                if self.sets_matches:
                    machine.scope.matches = [text or "" for text in found][: machine.limits.match_values + 1]
                return True
        return False


@dataclass
class Relation(Match):
    """:value."""

    relation: Callable[[Any, Any], bool] = operator.eq

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """Value and key are in that relation."""
        key = self.comparator.key
        ours = key(value)
        return any(self.relation(ours, key(one)) for one in keys)


class Count(Relation):
    """:count."""

    @property
    def counts(self) -> bool:
        """It does."""
        return True

    def any(self, machine: Machine, values: Iterable[str]) -> bool:
        """Their number is in the relation to a key."""
        count = sum(1 for _ in values)
        if machine.world.trace is not None:
            machine.tell(f"{count} values")
        machine.work(1 + count // _STRIDE)
        return self.matches(machine, str(count), self.keys.of(machine))


_TYPES: dict[str, type[Match]] = {"is": Is, "contains": Contains, "matches": Matches, "regex": Regex}
_RELATIONAL: dict[str, type[Relation]] = {"value": Relation, "count": Count}


def match_of(call: Call, keys: str = "keys", default: str = "is") -> Match:
    """What a test's match type, comparator and keys ask for. Raises Mistake for what does not go together."""
    comparator = comparator_of(call)
    kind = call.tag("match-type", default)
    sets_matches = call.home.has("variables")
    texts = call.texts(keys)
    if kind in _RELATIONAL:
        relation = _RELATIONS.get(call.constant("match-type").lower())
        if relation is None:
            raise Mistake(f"':{kind}' needs one of gt, ge, lt, le, eq, ne")
        return _RELATIONAL[kind](comparator, texts, sets_matches, relation)
    if kind != "is" and not comparator.has_substrings:
        raise Mistake(f"comparator '{comparator.name}' cannot be used with ':{kind}'")
    match = _TYPES[kind](comparator, texts, sets_matches)
    if isinstance(match, Regex):
        match.check()
    return match


def comparator_of(call: Call) -> Comparator:
    """The comparator that is named, or the usual one. Raises Mistake."""
    name = call.constant("comparator", CASEMAP.name).lower()
    comparator = COMPARATORS.get(name)
    if comparator is None or not call.home.offers("comparator-" + name):
        raise Mistake(f"unknown comparator '{name[:40]}'")
    if not call.home.has("comparator-" + name):
        raise Mistake(f"comparator '{name}' needs require \"comparator-{name}\"")
    return comparator
