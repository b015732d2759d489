"""Keys of nobody: stable, with the looks of the others, and of no use."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest

from gsubmit.auth.decoy import Decoys
from gsubmit.auth.keys import keys_of
from gsubmit.auth.looks import ITERATIONS, MADE, SALT_OCTETS, Look, Looks, looks_of
from gsubmit.auth.schemes import scram
from gsubmit.auth.schemes.cost import Limits
from gsubmit.auth.schemes.keys import scram_keys
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import Rules, hash_password, parse
from gsubmit.sasl.claims import CramKeys, KeysWanted, LateKeys, ScramKeys

SIZES = {"SCRAM-SHA-1": 20, "SCRAM-SHA-256": 32}
NONE = Looks()
KEYS_1, KEYS_256 = (",".join(["A" * digits + "="] * 2) for digits in (27, 43))
decoys = Decoys(b"secret")


def wanted(scheme: str = "SCRAM-SHA-256", user: str = "tim") -> KeysWanted:
    return KeysWanted(user, scheme=scheme)


def look_of(keys: LateKeys) -> tuple[int, int]:
    return keys.iterations, len(keys.salt)


@pytest.mark.parametrize("scheme", SIZES)
def test_scram(scheme: str) -> None:
    late = decoys.keys(wanted(scheme), NONE)
    keys = late.make()
    assert isinstance(keys, ScramKeys)
    assert (keys.salt, keys.iterations) == (late.salt, late.iterations)
    assert look_of(late) == (ITERATIONS, SALT_OCTETS)
    assert len(keys.stored_key) == len(keys.server_key) == SIZES[scheme]
    assert len({keys.salt, keys.stored_key, keys.server_key}) == 3


def test_cram() -> None:
    keys = decoys.keys(wanted("CRAM-MD5"), NONE).make()
    assert isinstance(keys, CramKeys)
    assert len(keys.inner) == len(keys.outer) == 16
    assert keys.inner != keys.outer


@pytest.mark.parametrize("scheme", [*SIZES, "CRAM-MD5"])
def test_stable_and_each_user_s_own(scheme: str) -> None:
    keys = decoys.keys(wanted(scheme), NONE).make()
    assert keys == decoys.keys(wanted(scheme), NONE).make() == Decoys(b"secret").keys(wanted(scheme), NONE).make()
    assert keys != decoys.keys(wanted(scheme, "tom"), NONE).make()
    assert keys != Decoys(b"another").keys(wanted(scheme), NONE).make()
    assert decoys.salt(wanted(scheme)) != decoys.salt(wanted("SCRAM-SHA-1", "tom"))


def test_salts_of_two_mechanisms_differ() -> None:
    assert decoys.salt(wanted("SCRAM-SHA-1")) != decoys.salt(wanted("SCRAM-SHA-256"))


def test_odd_names() -> None:
    for user in ("", "\udc80", "é", "x" * 1000):
        assert decoys.keys(wanted(user=user), NONE).make()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(hash_password("SCRAM-SHA-256", "x", 5000), Look("SCRAM-SHA-256", 5000, 16), id="SCR-11"),
        pytest.param("{scram-sha-1}6000,c2FsdA==," + KEYS_1, Look("SCRAM-SHA-1", 6000, 4), id="4 octets of salt"),
        pytest.param("6000,c2FsdHk=," + KEYS_256, Look("SCRAM-SHA-256", 6000, 5), id="by the default scheme"),
        pytest.param("{SCRAM-SHA-1}6000,c2Fs," + KEYS_1, Look("SCRAM-SHA-1", 6000, 3), id="no padding"),
        pytest.param(
            "{SCRAM-SHA-1}5000," + "A" * 100_000 + "," + KEYS_1, Look("SCRAM-SHA-1", 5000, 1024), id="bounded"
        ),
        pytest.param("{PLAIN}x", MADE, id="plain"),
        pytest.param("{Cleartext}{PLAIN}", MADE, id="a password that looks like a scheme"),
        pytest.param(hash_password("SSHA", "x"), None, id="no keys"),
        pytest.param("{SCRAM-SHA-256}malformed", None, id="malformed"),
        pytest.param("{SCRAM-SHA-256}9999999,AAAA," + KEYS_256, None, id="above auth_max_hash_time"),
        pytest.param("{SCRAM-SHA-256}9999999999,AAAA," + KEYS_256, None, id="far above"),
        pytest.param("{SCRAM-SHA-256}4095,AAAA," + KEYS_256, None, id="too few"),
        pytest.param("{SCRAM-SHA-256}4096,AAAA," + KEYS_1, None, id="keys of the other hash"),
        pytest.param("{SCRAM-SHA-256}4096,AAAA," + KEYS_256[:45] + KEYS_1[:28], None, id="keys of two hashes"),
        pytest.param("{SCRAM-SHA-256}4096,AAAA," + KEYS_256 + "x", None, id="more behind"),
        pytest.param("{SCRAM-SHA-256}4096,AAA," + KEYS_256, None, id="malformed salt"),
        pytest.param("{SCRAM-SHA-256}4096,," + KEYS_256, None, id="no salt"),
        pytest.param("{NO-SUCH}x", None, id="unknown scheme"),
        pytest.param("!", None, id="locked"),
    ],
)
def test_looks(stored: str, expected: Look | None) -> None:
    assert looks_of([stored], "SCRAM-SHA-256") == ({expected: 1} if expected else {})
    if stored.lower().startswith("{scram"):  # a form of keys that has a look is one that is used, and no other
        password = parse(stored, "PLAIN")
        with ExitStack() if expected else pytest.raises(SchemeError):
            Rules().check(password)
            assert scram_keys(password, password.name, b"", 0)


def test_looks_go_by_the_limits() -> None:
    stored = ["{SCRAM-SHA-256}9999999,AAAA," + KEYS_256]
    assert looks_of(stored, "PLAIN", Limits(0, 0)) == {Look("SCRAM-SHA-256", 9_999_999, 3): 1}


@pytest.mark.parametrize(
    ("look", "scheme", "expected"),
    [
        (Look("SCRAM-SHA-256", 5000, 9), "SCRAM-SHA-256", (5000, 9)),
        (Look("SCRAM-SHA-256", 5000, 9), "SCRAM-SHA-1", (ITERATIONS, SALT_OCTETS)),
        (Look("SCRAM-SHA-256", 5000, 700), "SCRAM-SHA-256", (5000, 700)),
        (MADE, "SCRAM-SHA-1", (ITERATIONS, SALT_OCTETS)),
    ],
)
def test_all_look_like_the_others(look: Look, scheme: str, expected: tuple[int, int]) -> None:
    assert look_of(decoys.keys(wanted(scheme), Looks([look]))) == expected


def test_each_look_is_as_frequent_as_among_the_users() -> None:
    """SCR-11: otherwise an uncommon iteration count is that of somebody who exists."""
    looks = Looks({Look("SCRAM-SHA-256", 4096, 16): 3, Look("SCRAM-SHA-256", 10_000, 16): 1, MADE: 4})
    drawn = Counter(decoys.keys(wanted(user=f"u{n}"), looks).iterations for n in range(4000))
    assert drawn.keys() == {4096, 10_000}
    assert 400 < drawn[10_000] < 600, "one in eight"


def test_one_more_user_changes_the_look_of_few_names() -> None:
    before = Looks({Look("SCRAM-SHA-256", 4096, 16): 500, Look("SCRAM-SHA-256", 10_000, 16): 500})
    after = before + Looks({Look("SCRAM-SHA-256", 10_000, 16): 1})
    names = [wanted(user=f"u{n}") for n in range(1000)]
    assert sum(decoys.keys(name, before) != decoys.keys(name, after) for name in names) < 10


@pytest.mark.parametrize(("scheme", "algorithm"), [("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256")])
def test_keys_of_a_plain_password_have_the_decoy_s_salt(scheme: str, algorithm: str) -> None:
    """Whether the account exists or not, the same salt."""
    late = keys_of(parse("{PLAIN}secret", "PLAIN"), scheme, decoys.salt(wanted(scheme)))
    assert late is not None
    assert late.make() == scram.keys_of(algorithm, b"secret", decoys.salt(wanted(scheme)), ITERATIONS)
    missing = decoys.keys(wanted(scheme), Looks([MADE]))
    assert (missing.salt, missing.iterations) == (late.salt, late.iterations)


def test_stored_keys_are_those_that_are_stored() -> None:
    stored = parse(hash_password("SCRAM-SHA-256", "x", 5000), "PLAIN")
    late = keys_of(stored, "SCRAM-SHA-256", b"")
    assert late is not None
    assert late.make() == scram_keys(stored, "SCRAM-SHA-256", b"", 0)
    assert look_of(late) == (5000, 16)
