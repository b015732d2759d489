"""`gsubmit check-config --dial`: whether Redis or Valkey keeps the state of logins for us."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.app.build import redis_state
from gsubmit.auth.loginstate import StateLost
from gsubmit.settings.sections import Settings
from gsubmit_cli.dial import Unusable


def dial_state(settings: Settings) -> Iterator[str]:
    """The lines about it, if there is one. Raises Unusable, or CannotStart for unusable CA files."""
    state = redis_state(settings)
    if state is None:
        return
    try:
        yield f"{settings.auth.submission_state} is {state.version()}"
    except StateLost as lost:
        raise Unusable(f"submission_state {settings.auth.submission_state}: {lost}") from lost
