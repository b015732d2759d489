"""What the processes of a server have in common, made before they are forked."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.statefile import StateFile
from gsubmit.metrics.board import Board
from gsubmit.net.sharedslots import SlotFile


@dataclass(frozen=True, slots=True)
class Shared:
    """Figures, slots for connections to other servers, and where logins are counted.

    In a worker also its number, and what its generation has in common.
    """

    board: Board = field(default_factory=Board)
    slots: SlotFile = field(default_factory=SlotFile)
    logins: StateMemory = field(default_factory=StateMemory)
    state: StateFile | None = None  # of logins; without one each worker counts by itself
    ticket_secret: bytes = b""  # for TLS session tickets
    number: int = 0  # of the worker, and of its row wherever there are rows
