"""What drivers of passdbs work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.decoy import Decoys
from gsubmit.auth.passdb import Passdb
from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, Limits
from gsubmit.auth.schemes.stored import Rules


@dataclass(frozen=True)
class Means:
    """What drivers are given beside their `args`."""

    cache: VerifiedCache
    allow_weak_schemes: bool = False
    limits: Limits = DEFAULT_LIMITS
    decoys: Decoys = field(default_factory=Decoys)
    tls_min_protocol: str = "TLSv1.2"  # for connections that drivers make
    tls_ciphers: str = ""

    @property
    def rules(self) -> Rules:
        """Which stored passwords are compared."""
        return Rules(self.allow_weak_schemes, self.limits)


class Driver(Passdb, Protocol):
    """A class of passdbs."""

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of the setting `args`. ValueError for bad ones."""
