"""Match types (RFC 5228 2.7.1, RFC 5231): whether any value goes with any key."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from gsubmit.sieve import regex
from gsubmit.sieve.call import Call
from gsubmit.sieve.comparators import CASEMAP, COMPARATORS, OCTET, Comparator, Pause
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import STRIDE, in_turns
from gsubmit.sieve.machine import Machine
from gsubmit.sieve.strings import Texts
from gsubmit.sieve.wildcards import Pattern

Ready = TypeVar("Ready")
_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


class Match(ABC, Generic[Ready]):
    """A match type with its keys. `sets_matches`: what wildcards stand for is wanted (RFC 5229 3.2).

    `pause` is called now and then while many keys are made ready.
    """

    __slots__ = ("comparator", "keys", "ready", "sets_matches")

    counts = False  # whether it looks at how many values there are only

    def __init__(self, comparator: Comparator, keys: Texts, pause: Pause, *, sets_matches: bool = False) -> None:
        """Raises Mistake for a key that is none."""
        self.comparator = comparator
        self.keys = keys
        self.sets_matches = sets_matches
        self.ready = (
            None
            if keys.constants is None
            else tuple(self.prepare(key, pause) for key in in_turns(keys.constants, pause))
        )

    def any(self, machine: Machine, values: Iterable[str]) -> bool:
        """Whether one of the values matches one of the keys; the first value comes first. Raises Mistake."""
        keys = self.prepared(machine)
        for value in values:
            machine.work(1 + len(value) // STRIDE)
            matches = self.matches(machine, value, keys)
            if machine.world.trace is not None:
                machine.tell(f"{value!r} {'matches' if matches else 'does not match'}")
            if matches:
                return True
        return False

    def prepared(self, machine: Machine) -> Sequence[Ready]:
        """The keys as they are compared. Raises Mistake."""
        if self.ready is not None:
            return self.ready
        keys = []
        for key in self.keys.of(machine):
            machine.work(1 + len(key) // STRIDE + self.price(key))
            keys.append(self.prepare(key, machine.world.pause))
        return keys

    def price(self, key: str) -> int:
        """Units of work that a key is, beyond its length, before it can be compared."""
        return 0

    @abstractmethod
    def prepare(self, key: str, pause: Pause) -> Ready:
        """A key as it is compared. Raises Mistake."""

    @abstractmethod
    def matches(self, machine: Machine, value: str, keys: Sequence[Ready]) -> bool:
        """Whether a value matches one of the keys. Raises Mistake."""


class Is(Match[str]):
    """:is."""

    __slots__ = ()

    def prepare(self, key: str, pause: Pause) -> str:
        """Folded."""
        return self.comparator.folded(key, pause)

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """The value is a key."""
        machine.work(len(keys))
        return self.comparator.folded(value, machine.world.pause) in keys


class Contains(Is):
    """:contains."""

    __slots__ = ()

    def matches(self, machine: Machine, value: str, keys: Sequence[str]) -> bool:
        """A key is in the value."""
        folded = self.comparator.folded(value, machine.world.pause)
        units = 1 + len(value) // STRIDE
        for key in keys:
            machine.work(units)
            if key in folded:
                return True
        return False


class Matches(Match[Pattern]):
    """:matches."""

    __slots__ = ()

    def prepare(self, key: str, pause: Pause) -> Pattern:
        """Its wildcards."""
        pause()
        return Pattern(key, self.comparator, pause)

    def price(self, key: str) -> int:
        """A wildcard is one."""
        return key.count("*") + key.count("?")

    def matches(self, machine: Machine, value: str, keys: Sequence[Pattern]) -> bool:
        """The wildcards of a key can be filled."""
        units = 1 + len(value) // STRIDE
        for pattern in keys:
            machine.work(units)
            found = pattern.match(value, machine.work, machine.world.pause, captures=self.sets_matches)
            if found is not None:
                if self.sets_matches:
                    machine.scope.matches = found[: machine.limits.match_values + 1]
                return True
        return False


class Regex(Match[regex.Pattern]):
    """:regex (draft-murchison-sieve-regex)."""

    __slots__ = ()

    def prepare(self, key: str, pause: Pause) -> regex.Pattern:
        """Compiled."""
        pause()
        return regex.Pattern(key, ignores_case=self.comparator is not OCTET)

    def price(self, key: str) -> int:
        """That of the largest program."""
        return regex.COMPILING

    def matches(self, machine: Machine, value: str, keys: Sequence[regex.Pattern]) -> bool:
        """A key is found in the value."""
        for pattern in keys:
            found = pattern.search(value, machine.work, captures=self.sets_matches)
            if found is not None:
                if self.sets_matches:
                    machine.scope.matches = found[: machine.limits.match_values + 1]
                return True
        return False


class Relation(Match[Any]):
    """:value."""

    __slots__ = ("relation",)

    def __init__(self, comparator: Comparator, keys: Texts, pause: Pause, relation: Callable[[Any, Any], bool]) -> None:
        super().__init__(comparator, keys, pause)
        self.relation = relation

    def prepare(self, key: str, pause: Pause) -> Any:
        """What has its order."""
        return self.comparator.key(key, pause)

    def matches(self, machine: Machine, value: str, keys: Sequence[Any]) -> bool:
        """Value and key are in that relation."""
        machine.work(len(keys))
        ours = self.comparator.key(value, machine.world.pause)
        return any(self.relation(ours, key) for key in keys)


class Count(Relation):
    """:count."""

    __slots__ = ()

    counts = True

    def any(self, machine: Machine, values: Iterable[str]) -> bool:
        """Their number is in the relation to a key."""
        return super().any(machine, (str(sum(1 for _ in in_turns(values, machine.world.pause))),))


_TYPES: dict[str, type[Is | Matches | Regex]] = {"is": Is, "contains": Contains, "matches": Matches, "regex": Regex}
_RELATIONAL: dict[str, type[Relation]] = {"value": Relation, "count": Count}


def match_of(call: Call, keys: Texts | None = None) -> Match[Any]:
    """What a test's match type, comparator and keys ask for. Raises Mistake for what does not go together."""
    comparator = comparator_of(call)
    kind = call.tag("match-type", "is")
    texts, pause = call.texts("keys") if keys is None else keys, call.home.pause
    if kind in _RELATIONAL:
        relation = _RELATIONS.get(call.constant("match-type").lower())
        if relation is None:
            raise Mistake(f"':{kind}' needs one of gt, ge, lt, le, eq, ne")
        return _RELATIONAL[kind](comparator, texts, pause, relation)
    if kind != "is" and not comparator.has_substrings:
        raise Mistake(f"comparator '{comparator.name}' cannot be used with ':{kind}'")
    return _TYPES[kind](comparator, texts, pause, sets_matches=call.home.has("variables"))


def comparator_of(call: Call) -> Comparator:
    """The comparator that is named, or the usual one. Raises Mistake."""
    name = call.constant("comparator", CASEMAP.name).lower()
    comparator = COMPARATORS.get(name)
    if comparator is None or not call.home.offers("comparator-" + name):
        raise Mistake(f"unknown comparator '{name[:40]}'")
    if not call.home.has("comparator-" + name):
        raise Mistake(f"comparator '{name}' needs require \"comparator-{name}\"")
    return comparator
