"""How this program is called."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_BESIDE = Path(sys.executable).with_name("gsubmit")


def from_anywhere() -> str:
    """The command with its whole path."""
    return str(_BESIDE) if _BESIDE.exists() else f"{sys.executable} -P -m gsubmit"


def from_here() -> str:
    """What to type: the name alone where a shell finds this very program by it."""
    found = shutil.which("gsubmit")
    return "gsubmit" if found and _BESIDE.exists() and _BESIDE.samefile(found) else from_anywhere()
