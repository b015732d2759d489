"""The system's crypt(3) computes what passlib computes, in several threads at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import bcrypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

from gsubmit.auth import libcrypt
from gsubmit.auth.libcrypt import crypt

needs_libcrypt = pytest.mark.skipif(crypt(b"x", b"$6$salt") is None, reason="no libxcrypt")

# With the longest password that passlib takes.
KINDS: list[tuple[str, Callable[[bytes], str], int]] = [
    ("DES", des_crypt.hash, 100),
    ("MD5", md5_crypt.hash, 100),
    ("SHA-256", sha256_crypt.using(rounds=1000).hash, 100),
    ("SHA-512", sha512_crypt.using(rounds=1000).hash, 100),
    ("bcrypt", bcrypt.using(rounds=4, ident="2b").hash, 72),
]


@needs_libcrypt
@pytest.mark.parametrize(("make", "longest"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
@settings(max_examples=20, deadline=None)
@given(password=st.binary(min_size=1, max_size=100).filter(lambda password: 0 not in password))
def test_like_passlib(make: Callable[[bytes], str], longest: int, password: bytes) -> None:
    stored = make(password[:longest]).encode()
    assert crypt(password[:longest], stored) == stored


@needs_libcrypt
@pytest.mark.parametrize("password", ["pässwörd", "pass word", "ж" * 36, "x" * 511, "\x7f\x80ÿ"])
def test_passwords(password: str) -> None:
    stored = sha512_crypt.using(rounds=1000).hash(password).encode()
    assert crypt(password.encode(), stored) == stored
    assert crypt(password.encode()[:-1], stored) != stored


@pytest.mark.parametrize(
    ("password", "setting"),
    [
        pytest.param(b"x" * 512, b"$6$salt", id="password too long"),
        pytest.param(b"x\0y", b"$6$salt", id="NUL in the password"),
        pytest.param(b"x", b"$6$salt\0", id="NUL in the setting"),
        pytest.param(b"x", b"", id="empty setting"),
        pytest.param(b"x", b"!", id="locked"),
        pytest.param(b"x", b"*", id="locked with an asterisk"),
        pytest.param(b"x", b"*0", id="the failure token"),
        pytest.param(b"x", b"*1", id="the other one"),
        pytest.param(b"x", b"$9$salt", id="unknown kind"),
        pytest.param(b"x", b"$2y$99$0123456789abcdefABCDEF", id="cost out of range"),
        pytest.param(b"x", b"$6$rounds=secret$salt$", id="rounds that are no number"),
        pytest.param(b"x", "$6$sält$".encode(), id="not ASCII"),
    ],
)
def test_what_it_cannot(password: bytes, setting: bytes) -> None:
    assert crypt(password, setting) is None


@needs_libcrypt
def test_threads_do_not_meet() -> None:
    hashes = [(name.encode(), sha512_crypt.using(rounds=1000).hash(name).encode()) for name in "abcdefgh"]
    wrong: list[bytes] = []

    def work(password: bytes, stored: bytes) -> None:
        wrong.extend(password for _ in range(50) if crypt(password, stored) != stored)

    threads = [threading.Thread(target=work, args=pair) for pair in hashes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("name", ["libnosuchcrypt.so.1", "libc.so.6"])
def test_without_libxcrypt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No library, or another one that lacks the function."""
    monkeypatch.setattr(libcrypt, "NAMES", (name,))
    assert crypt(b"x", b"$6$salt") is None
