"""The driver passwd-file: args, lookup, and which file a user is in."""

from __future__ import annotations

from pathlib import Path

import pytest
from passlib.hash import bcrypt

from gsubmit.auth import hashing, passwdfile
from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.passdb import Denied, Identity, Unavailable, UnknownUser
from gsubmit.auth.passwdfile import PasswdFile
from gsubmit.sasl.mechanism import Cleartext

BCRYPT = "{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("secret")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text(
        "tim:{PLAIN}tanstaaftanstaaf::::::proxy host=mx\n"
        f"slow:{BCRYPT}\n"
        "open:::::::nopassword\n"
        "both:{PLAIN}secret::::::nopassword\n"
        "empty:\n"
        "odd:{NO-SUCH}secret\n"
        "bare:secret\n"
    )
    return path


def login(passdb: PasswdFile, user: str, password: str) -> Identity:
    return passdb.verify(Cleartext(user, "", password))


def test_success(users: Path) -> None:
    passdb = PasswdFile.from_args(str(users))
    assert login(passdb, "tim", "tanstaaftanstaaf") == Identity("tim", {"proxy": "yes", "host": "mx"})
    assert login(passdb, "slow", "secret") == Identity("slow", {})
    assert login(passdb, "open", "whatever") == Identity("open", {"nopassword": "yes"})


@pytest.mark.parametrize(
    ("user", "password", "error", "reason"),
    [
        pytest.param("tim", "wrong", Denied, "password mismatch", id="mismatch"),
        pytest.param("jim", "secret", UnknownUser, "unknown user", id="unknown"),
        pytest.param("Tim", "tanstaaftanstaaf", UnknownUser, "unknown user", id="names are compared exactly"),
        pytest.param("empty", "", Denied, "password mismatch", id="PLN-4 empty password"),
        pytest.param("empty", "x", Denied, "password mismatch", id="no password stored"),
        pytest.param("odd", "secret", Unavailable, "user odd: unknown password scheme", id="unknown scheme"),
        pytest.param("bare", "secret", Unavailable, "user bare: malformed hash", id="no hash of CRYPT"),
        pytest.param(
            "both", "secret", Unavailable, "user both: nopassword beside a password", id="nopassword and more"
        ),
    ],
)
def test_refusal(users: Path, user: str, password: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error) as raised:
        login(PasswdFile.from_args(str(users)), user, password)
    assert type(raised.value) is error
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param("/etc/users", ("/etc/users", "CRYPT", "%u"), id="path"),
        pytest.param("scheme=plain /etc/users", ("/etc/users", "plain", "%u"), id="scheme"),
        pytest.param("username_format=%n  scheme=SHA256.hex  /etc/u", ("/etc/u", "SHA256.hex", "%n"), id="both"),
        pytest.param("/etc/my users=all", ("/etc/my users=all", "CRYPT", "%u"), id="space and = in the path"),
        pytest.param(" /etc/%d/users ", ("/etc/%d/users", "CRYPT", "%u"), id="space around, variable"),
    ],
)
def test_args(args: str, expected: tuple[str, str, str]) -> None:
    passdb = PasswdFile.from_args(args)
    assert (passdb.path, passdb.scheme, passdb.username_format) == expected


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param("", "must end in an absolute path", id="empty"),
        pytest.param("scheme=PLAIN", "must end in an absolute path", id="no path"),
        pytest.param("etc/users", "must end in an absolute path", id="relative path"),
        pytest.param("schema=PLAIN /etc/users", "schema=PLAIN: unknown option", id="unknown option"),
        pytest.param("scheme= /etc/users", "scheme=: unknown option, or no value", id="option without value"),
        pytest.param("scheme=FOO /etc/users", "scheme=FOO: unknown password scheme", id="unknown scheme"),
        pytest.param("username_format=%{foo} /etc/users", "unknown variable %{foo}", id="variable in username_format"),
        pytest.param("/etc/%{foo}/users", "unknown variable %{foo}", id="variable in the path"),
    ],
)
def test_bad_args(args: str, text: str) -> None:
    with pytest.raises(ValueError, match=text) as error:
        PasswdFile.from_args(args)
    assert str(error.value).startswith("passwd-file: ")
    assert "\n" not in str(error.value)


def test_username_format(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("TIM:{PLAIN}x\n")
    passdb = PasswdFile.from_args(f"username_format=%Un {tmp_path}/users")
    assert login(passdb, "tim@example.org", "x") == Identity("tim@example.org", {})


def test_percent_sign_in_a_path(tmp_path: Path) -> None:
    (tmp_path / "100%").write_text("tim:{PLAIN}x\n")
    assert login(PasswdFile.from_args(f"{tmp_path}/100%%"), "tim", "x")


def test_missing_file_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        login(PasswdFile.from_args(f"{tmp_path}/users"), "tim", "x")


def test_file_per_domain(tmp_path: Path) -> None:
    for domain, password in (("a.org", "one"), ("b.org", "two")):
        (tmp_path / domain).mkdir()
        (tmp_path / domain / "users").write_text(f"tim:{{PLAIN}}{password}\n")
    passdb = PasswdFile.from_args(f"username_format=%n {tmp_path}/%d/users")
    assert login(passdb, "tim@a.org", "one") == Identity("tim@a.org", {})
    assert login(passdb, "tim@b.org", "two") == Identity("tim@b.org", {})
    with pytest.raises(Denied, match="password mismatch"):
        login(passdb, "tim@a.org", "two")


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("tim@c.org", id="no such domain"),
        pytest.param("tim@" + "c" * 300, id="longer than file names are"),
        pytest.param("tim", id="no domain"),
        pytest.param("tim@", id="empty domain"),
        pytest.param("tim@..", id="parent"),
        pytest.param("tim@.", id="same folder"),
        pytest.param("tim@../inside", id="parent and more"),
        pytest.param("tim@/", id="slash"),
        pytest.param("tim@inside/sub", id="sub-folder"),
        pytest.param("tim@inside\0", id="NUL"),
        pytest.param("tim@file", id="a file where the folder should be"),
    ],
)
def test_name_does_not_lead_out_of_the_folder(tmp_path: Path, user: str) -> None:
    """CVE-2026-0394 of Dovecot: the client chooses the value of the variable."""
    for folder in (tmp_path, tmp_path / "inside", tmp_path / "inside" / "sub"):
        folder.mkdir(exist_ok=True)
        (folder / "users").write_text("tim:{PLAIN}x\n")
    (tmp_path / "file").touch()
    passdb = PasswdFile.from_args(f"username_format=%n {tmp_path}/%d/users")
    with pytest.raises(UnknownUser):
        login(passdb, user, "x")


def test_variables_that_the_path_does_not_use_are_free(tmp_path: Path) -> None:
    (tmp_path / "tim").write_text("tim:{PLAIN}x\n")
    assert login(PasswdFile.from_args(f"{tmp_path}/%n"), "tim", "x")


def test_unreadable_file_of_a_domain_is_our_fault(tmp_path: Path) -> None:
    (tmp_path / "a.org").mkdir()
    with pytest.raises(Unavailable, match="not a regular file"):
        login(PasswdFile.from_args(f"{tmp_path}/%d"), "tim@a.org", "x")


def test_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwdfile, "MAX_FILES", 3)
    passdb = PasswdFile.from_args(f"{tmp_path}/%n")
    for number in range(10):
        (tmp_path / f"u{number}").write_text(f"u{number}:{{PLAIN}}x\n")
        assert login(passdb, f"u{number}", "x")
        assert login(passdb, "u0", "x")
    assert list(passdb._files) == [f"{tmp_path}/{name}" for name in ("u8", "u9", "u0")]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored passwords that were compared."""
    seen: list[str] = []
    real = hashing.check

    def check(stored: str, default_scheme: str, password: str) -> bool:
        seen.append(stored)
        return real(stored, default_scheme, password)

    monkeypatch.setattr(hashing, "check", check)
    return seen


def test_unknown_user_takes_the_time_of_a_known_one(tmp_path: Path, checks: list[str]) -> None:
    """AUT-24: the comparison is with a stored password of the same file."""
    (tmp_path / "users").write_text(f"locked:!\nslow:{BCRYPT}\n")
    passdb = PasswdFile.from_args(f"{tmp_path}/users")
    stranger = Cleartext("jim", "", "secret")
    with pytest.raises(UnknownUser):
        passdb.verify(stranger)
    passdb.pretend(stranger)
    assert checks == [BCRYPT]


def test_missing_domain_takes_the_time_of_another(tmp_path: Path, checks: list[str]) -> None:
    (tmp_path / "a.org").write_text(f"tim@a.org:{BCRYPT}\n")
    passdb = PasswdFile.from_args(f"{tmp_path}/%d")
    login(passdb, "tim@a.org", "secret")
    passdb.pretend(Cleartext("tim@b.org", "", "secret"))
    assert checks == [BCRYPT, BCRYPT]


def test_pretending_without_users_or_with_a_malformed_one(tmp_path: Path) -> None:
    for text in ("", "tim:malformed\n"):
        (tmp_path / "users").write_text(text)
        passdb = PasswdFile.from_args(f"{tmp_path}/users")
        with pytest.raises(UnknownUser):
            login(passdb, "jim", "x")
        passdb.pretend(Cleartext("jim", "", "x"))


def test_cache_spares_slow_schemes_only(users: Path, checks: list[str]) -> None:
    passdb = PasswdFile.from_args(str(users), VerifiedCache(10_000, 60))
    for _ in range(3):
        login(passdb, "slow", "secret")
        login(passdb, "tim", "tanstaaftanstaaf")
    assert checks.count(BCRYPT) == 1
    assert len(checks) == 4


def test_cache_does_not_admit_a_wrong_password(users: Path, checks: list[str]) -> None:
    passdb = PasswdFile.from_args(str(users), VerifiedCache(10_000, 60))
    login(passdb, "slow", "secret")
    for _ in range(2):
        with pytest.raises(Denied, match="password mismatch"):
            login(passdb, "slow", "wrong")
    assert len(checks) == 3


def test_cache_ends_with_the_entry(users: Path) -> None:
    cache = VerifiedCache(10_000, 60)
    login(PasswdFile.from_args(str(users), cache), "slow", "secret")
    users.write_text("slow:{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("new"))
    passdb = PasswdFile.from_args(str(users), cache)
    with pytest.raises(Denied, match="password mismatch"):
        login(passdb, "slow", "secret")
    assert login(passdb, "slow", "new")
    users.write_text("tim:x\n")
    with pytest.raises(UnknownUser):
        login(PasswdFile.from_args(str(users), cache), "slow", "new")
