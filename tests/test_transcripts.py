"""Every transcript, played whole, line by line and byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.player import play
from tests.harness.transcript import Transcript, all_transcripts

FOLDER = Path(__file__).parent / "transcripts"
FAULTS = FOLDER / "relay-faults"
PLAYS = [each for each in all_transcripts(FOLDER) if FAULTS not in each[0].path.parents]


@pytest.mark.parametrize(("transcript", "mode"), PLAYS, ids=[f"{played.name}-{mode}" for played, mode in PLAYS])
def test_transcript(transcript: Transcript, mode: str) -> None:
    play(transcript, mode)
