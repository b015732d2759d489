"""Keys of nobody: stable, made like those of somebody, and of no use."""

from __future__ import annotations

import pytest

from gsubmit.auth import decoy, schemes
from gsubmit.auth.decoy import ITERATIONS, SALT_OCTETS
from gsubmit.auth.schemes import hash_password
from gsubmit.auth.schemes.scram import keys_of
from gsubmit.sasl.claims import CramKeys, KeysWanted, ScramKeys

SIZES = {"SCRAM-SHA-1": 20, "SCRAM-SHA-256": 32}


def wanted(scheme: str = "SCRAM-SHA-256", user: str = "tim") -> KeysWanted:
    return KeysWanted(user, scheme=scheme)


@pytest.mark.parametrize("scheme", SIZES)
def test_scram(scheme: str) -> None:
    keys = decoy.keys(wanted(scheme))
    assert isinstance(keys, ScramKeys)
    assert (keys.iterations, len(keys.salt)) == (ITERATIONS, SALT_OCTETS)
    assert len(keys.stored_key) == len(keys.server_key) == SIZES[scheme]
    assert len({keys.salt, keys.stored_key, keys.server_key}) == 3


def test_cram() -> None:
    keys = decoy.keys(wanted("CRAM-MD5"))
    assert isinstance(keys, CramKeys)
    assert len(keys.inner) == len(keys.outer) == 16
    assert keys.inner != keys.outer


@pytest.mark.parametrize("scheme", [*SIZES, "CRAM-MD5"])
def test_stable_and_each_user_s_own(scheme: str) -> None:
    assert decoy.keys(wanted(scheme)) == decoy.keys(wanted(scheme))
    assert decoy.keys(wanted(scheme)) != decoy.keys(wanted(scheme, "tom"))
    assert decoy.salt(wanted(scheme)) != decoy.salt(wanted("SCRAM-SHA-1", "tom"))


def test_salts_of_two_mechanisms_differ() -> None:
    assert decoy.salt(wanted("SCRAM-SHA-1")) != decoy.salt(wanted("SCRAM-SHA-256"))


def test_odd_names() -> None:
    for user in ("", "\udc80", "é", "x" * 1000):
        assert decoy.keys(wanted(user=user))


@pytest.mark.parametrize(
    ("sample", "iterations", "octets"),
    [
        pytest.param(hash_password("SCRAM-SHA-256", "x", 5000), 5000, 16, id="SCR-11 like the sample"),
        pytest.param("{SCRAM-SHA-256}6000,c2FsdA==," + "A" * 43 + "=," + "B" * 42 + "A=", 6000, 4, id="its length of salt"),
        pytest.param(hash_password("SCRAM-SHA-1", "x", 5000), ITERATIONS, 16, id="sample of another mechanism"),
        pytest.param("{PLAIN}x", ITERATIONS, 16, id="plain"),
        pytest.param(hash_password("SSHA", "x"), ITERATIONS, 16, id="no keys"),
        pytest.param("{SCRAM-SHA-256}malformed", ITERATIONS, 16, id="malformed"),
        pytest.param("{NO-SUCH}x", ITERATIONS, 16, id="unknown scheme"),
        pytest.param("", ITERATIONS, 16, id="none"),
    ],
)
def test_like_the_sample(sample: str, iterations: int, octets: int) -> None:
    keys = decoy.keys(wanted(), sample)
    assert isinstance(keys, ScramKeys)
    assert (keys.iterations, len(keys.salt)) == (iterations, octets)


def test_shows_nothing_of_the_sample() -> None:
    sample = hash_password("SCRAM-SHA-256", "x", 4096)
    real = decoy.keys_of(wanted(), schemes.parse(sample, "PLAIN"))
    made = decoy.keys(wanted(), sample)
    assert isinstance(real, ScramKeys)
    assert isinstance(made, ScramKeys)
    assert not {made.salt, made.stored_key, made.server_key} & {real.salt, real.stored_key, real.server_key}


@pytest.mark.parametrize(("scheme", "algorithm"), [("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256")])
def test_keys_of_a_plain_password_have_the_decoy_s_salt(scheme: str, algorithm: str) -> None:
    """Whether the account exists or not, the same salt."""
    keys = decoy.keys_of(wanted(scheme), schemes.parse("{PLAIN}secret", "PLAIN"))
    assert keys == keys_of(algorithm, b"secret", decoy.salt(wanted(scheme)), ITERATIONS)
    missing = decoy.keys(wanted(scheme))
    assert isinstance(missing, ScramKeys)
    assert isinstance(keys, ScramKeys)
    assert (missing.salt, missing.iterations) == (keys.salt, keys.iterations)
