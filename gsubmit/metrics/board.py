"""The memory in which all processes of a server count, so that any of them can tell the sums."""

from __future__ import annotations

import mmap
import os
import time

from gsubmit.metrics import current
from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.past import Past

MAX_ROWS = 256
PID, HEARTBEAT = 0, 1  # cells of each row, before those of the layout
_SIZE = LAYOUT.size


class Board:
    """Rows of doubles, one for each number of a worker; made before workers are forked, and gone with the last process.

    A row has one writer and no lock: a double is written in one piece, so who reads meanwhile finds the figure before
    or after. Whoever is killed has counted what it counted; the next worker of that number goes on from there.
    """

    def __init__(self, rows: int = MAX_ROWS) -> None:
        """ValueError for more than MAX_ROWS rows, or none."""
        if not 0 < rows <= MAX_ROWS:
            raise ValueError(f"{rows} rows: between 1 and {MAX_ROWS}")
        self.rows = rows
        self.started = time.time()  # when the server was
        self.past = Past()
        self._cells: memoryview[float] = memoryview(mmap.mmap(-1, 8 * (_SIZE * rows + 1))).cast("d")

    def prepare(self, number: int) -> None:
        """That row is going to be used; said by whoever makes processes, lest two of them say it at once."""
        self._cells[-1] = max(self._cells[-1], number + 1.0)  # rows that sums are made of

    def take(self, number: int) -> None:
        """Let this process write into that row from now on."""
        current.row = self.row(number)
        self.prepare(number)
        current.row[PID] = os.getpid()
        self.beat()

    def row(self, number: int) -> memoryview[float]:
        """One row. IndexError where there is none of that number."""
        if not 0 <= number < self.rows:
            raise IndexError(f"no row {number}")
        return self._cells[number * _SIZE : (number + 1) * _SIZE]

    def clear_gauges(self, number: int) -> None:
        """The process that wrote into that row has ended: what it had, nobody has any more."""
        row = self.row(number)
        for cell in (PID, HEARTBEAT, *LAYOUT.gauges):
            row[cell] = 0.0

    def total(self, cell: int) -> float:
        """The sum of all rows."""
        return sum(self._cells[cell : int(self._cells[-1]) * _SIZE : _SIZE])

    @property
    def workers(self) -> dict[int, int]:
        """The rows that are in use, by number, and the pid of the process that writes there."""
        pids = self._cells[PID : int(self._cells[-1]) * _SIZE : _SIZE]
        return {number: int(pid) for number, pid in enumerate(pids) if pid}

    @staticmethod
    def beat() -> None:
        """This process lives."""
        current.row[HEARTBEAT] = time.monotonic()

    def last_beat(self, number: int) -> float:
        """When the process of that row last said that it lives (monotonic, the same for all processes); 0 never."""
        return self.row(number)[HEARTBEAT]
