"""What the processes of a server have in common, made before they are forked."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsubmit.auth.state.statefile import StateFile
from gsubmit.metrics.board import Board
from gsubmit.net.sharedslots import SlotFile


@dataclass(frozen=True, slots=True)
class Shared:
    """Figures, slots for connections to other servers, and the file where logins are counted."""

    board: Board = field(default_factory=Board)
    slots: SlotFile = field(default_factory=SlotFile)
    state: StateFile | None = None
