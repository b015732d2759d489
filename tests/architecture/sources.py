"""What the tests of the architecture read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "gsubmit").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])
