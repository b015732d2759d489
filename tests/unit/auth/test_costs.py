"""What stored passwords cost, by their parameters, against what is known of their forms."""

from __future__ import annotations

import pytest

from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, MIB, Limits, of_crypt
from gsubmit.auth.schemes.stored import hash_password, parse
from gsubmit.auth.schemes.table import SCHEMES

OF_ONE_COST = ("MD5", "MD5-CRYPT")  # a thousand rounds of MD5


@pytest.mark.parametrize(
    ("content", "octets"),
    [
        pytest.param("$y$j9T$abcdefghijk.$", 16 * MIB, id="yescrypt, the default of crypt(5): N=4096, r=32"),
        pytest.param("$gy$j9T$abcdefghijk.$", 16 * MIB, id="gost-yescrypt"),
        pytest.param("$y$jFT$abcdefghijk.$", 1024 * MIB, id="yescrypt, the highest cost of crypt_gensalt"),
        pytest.param("$7$CU..../....salt", 64 * MIB, id="scrypt: N=2^14, r=32, p=1"),
        pytest.param("$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", 64 * MIB, id="argon2"),
        pytest.param("$argon2i$m=1048576,t=1,p=4$c2FsdA$aGFzaA", 1024 * MIB, id="argon2 without a version"),
    ],
)
def test_memory(content: str, octets: int) -> None:
    assert of_crypt(content.encode()).octets == pytest.approx(octets, rel=0.001)


# Each has the cost of the next power of two or ten over the limit of the default, and the one below it has not.
@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        ("$6$rounds=3000000$salt$", "$6$rounds=4000000$salt$"),
        ("$5$rounds=3000000$salt$", "$5$rounds=999999999$salt$"),
        ("$6$salt$", "$6$rounds=" + "9" * 5000 + "$salt$"),
        ("$2y$15$", "$2y$16$"),
        ("$2b$04$", "$2b$31$"),
        ("$2a$12$", "$2a$99$"),
        ("$sha1$248488$salt$", "$sha1$4294967295$salt$"),
        ("$md5,rounds=904$salt$", "$md5,rounds=4294967295$salt$"),
        ("$md5$salt$", "$md5$rounds=4294967295$salt$"),
        ("_J9..salt", "_zzzzsalt"),
        ("$y$jCT$abcdefghijk.$", "$y$jDT$abcdefghijk.$"),
        ("$y$j9T$abcdefghijk.$", "$y$jjT$abcdefghijk.$"),
        ("$7$CU..../....salt", "$7$CU....U....salt"),
        ("$7$CU..../....salt", "$7$GU..../....salt"),
        ("$argon2id$v=19$m=262144,t=3,p=1$", "$argon2id$v=19$m=262145,t=1,p=1$"),
        ("$argon2id$v=19$m=65536,t=20,p=1$", "$argon2id$v=19$m=65536,t=30,p=1$"),
        ("$argon2d$v=19$m=65536,t=3,p=64$", "$argon2d$v=19$m=65536,t=3,p=65$"),
        ("$1$salt$", "$argon2i$v=19$m=8,t=4294967295,p=1$"),
    ],
)
def test_limits(allowed: str, refused: str) -> None:
    assert DEFAULT_LIMITS.excess(of_crypt(allowed.encode())) == ""
    assert DEFAULT_LIMITS.excess(of_crypt(refused.encode())) != ""
    assert Limits(0, 0).excess(of_crypt(refused.encode())) == ""


@pytest.mark.parametrize(
    "content", ["", "x", "$", "$y$", "$y$j$", "$y$j9$", "$y$j9T", "$7$", "_", "$2y$", "$argon2id$", "$6$rounds=$"]
)
def test_what_is_cut_off_is_refused_by_who_computes(content: str) -> None:
    assert DEFAULT_LIMITS.excess(of_crypt(content.encode())) == ""


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_what_we_make_by_default_is_compared(scheme: str) -> None:
    user = "tim" if scheme == "DIGEST-MD5" else ""
    hashed = parse(hash_password(scheme, "secret", None, user), "PLAIN")
    assert DEFAULT_LIMITS.excess(hashed.cost) == ""
    assert hashed.is_cheap or scheme in ("MD5", "MD5-CRYPT", "DES-CRYPT") or hashed.cost.seconds > 0


@pytest.mark.parametrize(
    "scheme", sorted(name for name, scheme in SCHEMES.items() if not scheme.is_cheap and name not in OF_ONE_COST)
)
def test_every_slow_scheme_has_a_cost(scheme: str) -> None:
    """In Dovecot too, most compare any hash of crypt(3)."""
    forms = ["$6$rounds=999999999$salt$h", "$2y$31$h", "$1$salt$100000000$" + "0" * 40, "$argon2i$m=9999999,t=1,p=1$h"]
    forms.append("2000000000,c2FsdA==," + ",".join(["A" * 43 + "="] * 2))
    costs = [parse(f"{{{scheme}}}{form}", "PLAIN").cost for form in forms]
    assert any(DEFAULT_LIMITS.excess(cost) for cost in costs)
