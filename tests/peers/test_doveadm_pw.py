"""Dovecot compares what we make, and we compare what Dovecot makes, for every scheme there is."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import pytest

from gsubmit.auth.schemes.stored import hash_password, parse
from gsubmit.auth.schemes.table import SCHEMES
from tests.harness.peer_dovecot import dovecot_auth
from tests.harness.peer_process import missing, need_root, program

USER = "Üser@sub@example.org"
SHORT = "pä ß'w"  # eight octets, which is as much as DES looks at
MIDDLE = "two words, {braces} $ and \\, Пароль"  # less than the 72 octets of bcrypt
LONG = f"{MIDDLE} пользователя " * 4  # less than the 512 octets of crypt(3)
LONGEST = {"DES-CRYPT": SHORT, "BLF-CRYPT": MIDDLE, "CRYPT": MIDDLE}
ROUNDS = {name: scheme.rounds.least for name, scheme in SCHEMES.items() if scheme.rounds is not None}
ENCODED = ["SSHA256.hex", "SSHA.b64", "SHA512-CRYPT.b64", "PLAIN.hex", "CRAM-MD5.BASE64", "PLAIN-MD5.b64"]
NAMES = sorted([*SCHEMES.keys() - {"ARGON2"}, *ENCODED])  # ARGON2 is what Dovecot 2.4 also calls ARGON2ID


def doveadm_pw(*arguments: str) -> str:
    """What it prints; empty if it fails."""
    command = [program("doveadm"), "pw", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout.removesuffix("\n")


@functools.cache
def dovecots() -> frozenset[str]:
    return frozenset(doveadm_pw("-l").split())


def need(scheme: str) -> None:
    """Some schemes depend on how Dovecot was built."""
    if scheme.partition(".")[0] not in dovecots():
        missing(f"doveadm has no {scheme}")


def test_every_scheme_is_here() -> None:
    assert dovecots() - {"OTP"} <= SCHEMES.keys()


@pytest.mark.parametrize("scheme", [name for name in NAMES if name != "PLAIN-TRUNC"])  # it forgets the length there
def test_made_by_dovecot(scheme: str) -> None:
    need(scheme)
    # With few rounds its memory for argon2 is too little for itself.
    rounds = ["-r", str(ROUNDS[scheme])] if scheme in ROUNDS and not scheme.startswith("ARGON2") else []
    password = LONGEST.get(scheme, LONG)
    stored = doveadm_pw("-s", scheme, "-p", password, "-u", USER, *rounds)
    assert stored
    parsed = parse(stored, "CRYPT")
    assert parsed.matches(password, USER)
    assert not parsed.matches("x" + password[1:], USER)


@pytest.mark.parametrize("scheme", NAMES)
def test_made_by_us(scheme: str) -> None:
    need(scheme)
    password = LONGEST.get(scheme, LONG)
    stored = hash_password(scheme, password, ROUNDS.get(scheme), USER)
    assert doveadm_pw("-t", stored, "-p", password, "-u", USER).endswith(" (verified)")


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("{CRYPT}$y$j75$7w7CZYWiLGWtsaJKFqsyN/$o3FeRTTF4xuq7fQy5xNxvW4/MjjgA5yLbeF.mwgBRwC", id="yescrypt"),
        pytest.param("{CRYPT}JBOZ0DgmtucwE", id="DES"),
        pytest.param("JBOZ0DgmtucwE", id="no scheme"),
        pytest.param("{SHA512-CRYPT}JBOZ0DgmtucwE", id="another kind"),
        pytest.param("{DES-CRYPT}$3$$b7e7a5d2b3cbb9eb4eb9fcb8b6b6b5b4", id="NT, wrong"),
        pytest.param("{MD5}d2c8ff32be17ed2afbd0e7bd4ba51b81", id="MD5 hexadecimal"),
        pytest.param("{LDAP-MD5}d2c8ff32be17ed2afbd0e7bd4ba51b81", id="LDAP-MD5 hexadecimal"),
        pytest.param("{PLAIN-TRUNC}4-08/1", id="PLAIN-TRUNC"),
        pytest.param("{PLAIN-TRUNC}4-08/15", id="PLAIN-TRUNC of another length"),
        pytest.param("{PLAIN-TRUNC}-08/15!test~4711", id="PLAIN-TRUNC without a number"),
        pytest.param("{SHA512-CRYPT}!", id="locked"),
        pytest.param("{CRYPT}", id="empty"),
    ],
)
def test_same_judgement(stored: str) -> None:
    password = "08/15!test~4711"
    theirs = doveadm_pw("-t", stored if "{" in stored else "{CRYPT}" + stored, "-p", password).endswith(" (verified)")
    assert parse(stored, "CRYPT").matches(password) is theirs


def test_logins_at_dovecot() -> None:
    """A passwd-file of ours serves Dovecot."""
    need_root()
    users = {f"{name.lower()}@example.org": name for name in NAMES if name not in ENCODED}
    stored = {user: hash_password(name, SHORT, ROUNDS.get(name), user) for user, name in users.items()}
    with dovecot_auth(stored) as socket:
        assert {user for user in users if not logs_in(socket, user, SHORT)} == set()
        assert not logs_in(socket, "ssha512@example.org", "x" + SHORT)


def logs_in(socket: Path, user: str, password: str) -> bool:
    command = [program("doveadm"), "auth", "test", "-a", str(socket), user, password]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
