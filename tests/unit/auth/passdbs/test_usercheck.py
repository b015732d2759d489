"""The users of a file, judged before they log in."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.usercheck import UserCheck
from gsubmit.auth.schemes.stored import Rules, hash_password
from gsubmit.auth.schemes.table import SCHEMES
from tests.harness.loading import load_text

SHA512 = "$6$salt$" + "a" * 86


def faults(
    path: Path, octets: bytes, options: str = "", settings: str = "", *, is_list: bool = False, weak: bool = False
) -> list[tuple[int, str]]:
    path.write_bytes(octets)
    text = f"ssl = no\n{settings}\npassdb {{\n driver = passwd-file\n args = {options} {path}\n}}\n"
    chain = build_chain(load_text(text).settings)
    passdb = chain.links[0].passdb
    assert isinstance(passdb, PasswdFile)
    return list(UserCheck(chain.names, Rules(weak), is_list=is_list, needs_password=True).faults(passdb))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users"


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"DES-CRYPT"}))
def test_nothing_is_said_of_what_hash_password_makes(path: Path, scheme: str) -> None:
    made = hash_password(scheme, "secret", None, "tim")
    assert faults(path, f"tim:{made}\n".encode(), weak=True) == []


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(SHA512, id="bare hash"),
        pytest.param("!" + SHA512, id="locked"),
        pytest.param("*", id="no password for ever"),
        pytest.param("$y$j9T$abc$" + "a" * 43, id="yescrypt"),
        pytest.param("$7$CU..../....x$y", id="a kind that is not judged"),
        pytest.param("$2y$10$" + "a" * 53, id="bcrypt"),
        pytest.param("::::::nopassword", id="nobody needs one"),
        pytest.param("::::::noauthenticate", id="another passdb has it"),
    ],
)
def test_good_entry(path: Path, stored: str) -> None:
    assert faults(path, f"tim:{stored}\n".encode()) == []


NO_HASH = "stored password: not a hash that crypt(3) knows (a password as it is stands behind {PLAIN})"
MALFORMED = "stored password: malformed hash: too short, too long, or with characters that it cannot have"


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        pytest.param("secret", NO_HASH, id="plain word"),
        pytest.param("x", NO_HASH, id="as in /etc/passwd"),
        pytest.param("{SHA512-CRYPT}abc", NO_HASH, id="no hash"),
        pytest.param(SHA512[:-1], MALFORMED, id="too short"),
        pytest.param(SHA512 + " ", MALFORMED, id="a blank behind it"),
        pytest.param("{BLF-CRYPT}$2y$10$abc", MALFORMED, id="bcrypt"),
        pytest.param("{BLF-CRYPT}" + SHA512, "stored password: hash is of another kind than its scheme", id="kind"),
        pytest.param("{NOSUCH}x", "stored password: unknown password scheme", id="unknown scheme"),
        pytest.param(
            "{BCRYPT}$2y$10$abc",
            "stored password: unknown password scheme BCRYPT, it is called BLF-CRYPT here",
            id="known elsewhere",
        ),
        pytest.param("{SSHA}!!", "stored password: malformed base64, hexadecimal or UTF-8", id="base64"),
        pytest.param("{SHA256}YWJj", "stored password: digest of the wrong length", id="digest"),
        pytest.param("{CRAM-MD5}00ff", "stored password: digest of the wrong length", id="cram"),
        pytest.param(
            "{SCRAM-SHA-256}4096,x",
            "stored password: SCRAM keys in another form than iterations,salt,key,key",
            id="scram",
        ),
        pytest.param("{PBKDF2}abc", MALFORMED, id="pbkdf2"),
        pytest.param(
            "$1$salt$" + "a" * 22, "stored password: weak password scheme, see auth_allow_weak_schemes", id="weak"
        ),
        pytest.param(
            "$6$rounds=999999999$salt$" + "a" * 86,
            "stored password: hash takes too long to compute, see auth_max_hash_time",
            id="costly",
        ),
        pytest.param("", "no password", id="none"),
    ],
)
def test_bad_entry(path: Path, stored: str, fault: str) -> None:
    (found,) = faults(path, f"# users\n\ntim:{stored}\n".encode())
    assert found == (3, f"user 'tim': {fault}")
    assert faults(path, f"tim:{stored}\n".encode(), is_list=True) == []


@pytest.mark.parametrize(
    ("name", "options", "settings", "said"),
    [
        ("tim", "", "", ""),
        ("tim@example.org", "", "", ""),
        ("Tim", "", "", "user 'Tim' is never found: names are made lower case (auth_username_format)"),
        ("Tim", "", "auth_username_format = %u", ""),
        ("tim", "username_format=%n", "", ""),
        ("Tim", "username_format=%n", "", "names are made lower case"),
        ("example.org", "username_format=%d", "", ""),
        ("what/ever", "username_format=%n/%d", "", ""),
        ("tim", "", "auth_default_realm = example.org", "nobody who logs in has this name"),
        ("t m", "", "", "nobody who logs in has this name"),
    ],
)
def test_names(path: Path, name: str, options: str, settings: str, said: str) -> None:
    for is_list in (False, True):
        found = faults(path, f"{name}:{{PLAIN}}x\n".encode(), options, settings, is_list=is_list)
        assert [said in fault for _, fault in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("octets", "line", "said"),
    [
        (b"", 0, "no users in it"),
        (b"# nobody yet\n", 0, "no users in it"),
        ("tim:{PLAIN}x\n".encode("utf-16"), 1, "UTF-16: it must be UTF-8"),
        ("\ufefftim:{PLAIN}x\ntom:{PLAIN}x\n".encode(), 1, "begins with a byte order mark"),
        (b"tim:{PLAIN}x\nt\xe9m:{PLAIN}x\n", 2, "not UTF-8"),
        (b"tim:{PLAIN}x\ntim:{PLAIN}x\n", 2, "user exists more than once"),
    ],
)
def test_file(path: Path, octets: bytes, line: int, said: str) -> None:
    found = faults(path, octets)
    assert found[0][0] == line
    assert found[0][1].startswith(said)
