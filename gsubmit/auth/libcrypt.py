"""crypt(3) of the system's libcrypt: it knows more hashes than passlib, and other threads run meanwhile.

Only libxcrypt has `crypt_rn`, the variant that works in memory of the caller's; elsewhere `crypt` returns None.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

# Without and with the compatibility to glibc's old libcrypt, which is what distributions differ in.
NAMES = ("libcrypt.so.1", "libcrypt.so.2")
MAX_PASSWORD = 511  # octets: CRYPT_MAX_PASSPHRASE_SIZE without the NUL
DATA_SIZE = 32768  # octets of `struct crypt_data`, crypt(3)

_Function = Callable[[bytes, bytes, ctypes.Array[ctypes.c_char], int], bytes | None]


def crypt(password: bytes, setting: bytes) -> bytes | None:
    """The hash of the password with kind, cost and salt of `setting`, which may be a whole hash.

    None if this libcrypt cannot: it is missing, does not know the kind or forbids it, finds the setting malformed,
    or the password longer than MAX_PASSWORD.
    """
    function = _crypt_rn(NAMES)
    if function is None or b"\0" in password or b"\0" in setting:  # the text would end there
        return None
    # Each call its own, so that threads cannot meet; it also holds the result.
    data = ctypes.create_string_buffer(DATA_SIZE)
    computed = function(password, setting, data, DATA_SIZE)
    # crypt_rn says NULL, its relatives a hash that begins with an asterisk and is none.
    return None if computed is None or computed.startswith(b"*") else computed


@functools.cache
def _crypt_rn(names: tuple[str, ...]) -> _Function | None:
    for name in names:
        try:
            # CDLL lets go of the interpreter's lock during the call.
            function = ctypes.CDLL(name).crypt_rn
        except (OSError, AttributeError):
            continue
        function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
        function.restype = ctypes.c_char_p
        return function
    return None
