"""CPU time of a process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time that the process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
