"""Rights of root that a process has which is not root's, capabilities(7): a unit gives them for ports and keys."""

from __future__ import annotations

import ctypes
import os

_VERSION_3 = 0x20080522  # capset(2): 64 bits of each set, in two halves


def drop() -> None:
    """Have none any more, in this thread and in those that it starts. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)  # 0 is this thread
    nothing = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, with which the ambient ones go
    if libc.capset(header, nothing):
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")
