"""TCP connections as the system lists them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_TABLE = Path("/proc/net/tcp")  # words of a line: number, our address, the other one's, state, ..., inode
_ESTABLISHED = "01"


def connections_to(port: int) -> int:
    """How many connections anybody has made to that port."""
    return sum(line[2].endswith(f":{port:04X}") for line in _established())


def has_clients(process: int, port: int) -> bool:
    """Whether that process has connections that came in on the port."""
    sockets = {f"socket:[{line[9]}]" for line in _established() if line[1].endswith(f":{port:04X}")}
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if str(descriptor.readlink()) in sockets:
                return True
    return False


def _established() -> list[list[str]]:
    lines = [line.split() for line in _TABLE.read_text().splitlines()[1:]]
    return [line for line in lines if line[3] == _ESTABLISHED]
