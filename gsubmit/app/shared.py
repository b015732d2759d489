"""What the processes of a server have in common, made before they are forked."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsubmit.metrics.board import Board
from gsubmit.net.sharedslots import SlotFile


@dataclass(frozen=True, slots=True)
class Shared:
    """Figures, and slots for connections to other servers."""

    board: Board = field(default_factory=Board)
    slots: SlotFile = field(default_factory=SlotFile)
