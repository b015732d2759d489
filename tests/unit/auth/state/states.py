"""What the tests of all states need."""

from __future__ import annotations

HERE, ELSEWHERE = "192.0.2.10", "198.51.100.1"
KINDS = ("local",)
CLOCKED = ("auth.state.localpenalty", "auth.refusals")
