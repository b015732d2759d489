"""All mechanisms by name. A new one is added here and nowhere else."""

from __future__ import annotations

from gsubmit.sasl.login import LOGIN
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.sasl.plain import PLAIN

MECHANISMS: dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in (PLAIN, LOGIN)}
