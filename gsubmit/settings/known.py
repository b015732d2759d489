"""What a configuration may name that other rooms make: drivers of passdbs, and SASL mechanisms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """What there is. Mechanisms are in lower case."""

    drivers: Mapping[str, Collection[str]]  # those of ours, each with the mechanisms that it can answer
    without_args: Collection[str]  # the drivers that can do without `args`
    mechanisms: Collection[str]
