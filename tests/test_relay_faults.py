"""Everything that a relay can do wrong, each a transcript: the client's exact reply, the session alive, no message twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.player import play
from tests.harness.transcript import Transcript, all_transcripts

FOLDER = Path(__file__).parent / "transcripts" / "relay-faults"
PLAYS = list(all_transcripts(FOLDER))


@pytest.mark.parametrize(("transcript", "mode"), PLAYS, ids=[f"{played.name}-{mode}" for played, mode in PLAYS])
def test_relay_fault(transcript: Transcript, mode: str) -> None:
    play(transcript, mode)
