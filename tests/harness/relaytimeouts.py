"""How long a server under test waits for its relay."""

from __future__ import annotations

from dataclasses import fields

from gsubmit.settings.relay import RELAY_PREFIX
from gsubmit.settings.sections import Settings


def relay_timeouts(seconds: float) -> str:
    """All timeouts for replies of the relay, as settings."""
    names = [
        field.name for field in fields(Settings().relay) if field.name.endswith(("command_timeout", "done_timeout"))
    ]
    return "\n".join(f"{RELAY_PREFIX}{name} = {int(seconds * 1000)}ms" for name in names)
