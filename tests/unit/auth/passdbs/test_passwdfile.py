"""The driver passwd-file: args, lookup, and which file a user is in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from passlib.hash import bcrypt

from gsubmit.auth import hashing
from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.looks import Look
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Unavailable, UnknownUser
from gsubmit.auth.passdbs import passwdfile
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.userfile import UserFile
from gsubmit.auth.schemes.cost import Limits
from gsubmit.auth.schemes.stored import StoredPassword, hash_password
from gsubmit.sasl.claims import Admitted, Cleartext, CramKeys, Denied, Identity, KeysWanted, Proven, ScramKeys
from tests.unit.auth.answering import ORIGIN, Users, chain, link, yes

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


def made(args: object, cache: VerifiedCache | None = None, *, allow_weak_schemes: bool = True) -> PasswdFile:
    return PasswdFile.from_args(str(args), Means(cache or VerifiedCache(0, 0), allow_weak_schemes))


def login(passdb: PasswdFile, user: str, password: str) -> dict[str, str]:
    """The fields of the answer."""
    answer = passdb.verify(Cleartext(user, password), ORIGIN)
    assert answer.keys is None
    return dict(answer.fields)


def test_success(users: Path) -> None:
    passdb = made(users)
    assert login(passdb, "tim", "tanstaaftanstaaf") == {"proxy": "yes", "host": "mx"}
    assert login(passdb, "slow", "secret") == {}
    assert login(passdb, "open", "whatever") == {"nopassword": "yes"}


@pytest.mark.parametrize(
    ("user", "password", "error", "reason"),
    [
        pytest.param("tim", "wrong", Denied, "password mismatch", id="mismatch"),
        pytest.param("jim", "secret", UnknownUser, "unknown user", id="unknown"),
        pytest.param("Tim", "tanstaaftanstaaf", UnknownUser, "unknown user", id="names are compared exactly"),
        pytest.param("empty", "", Denied, "no password set", id="PLN-4 empty password"),
        pytest.param("empty", "x", Denied, "no password set", id="no password stored"),
        pytest.param("odd", "secret", Denied, "stored password: unknown password scheme", id="unknown scheme"),
        pytest.param("bare", "secret", Denied, "stored password: malformed hash", id="no hash of CRYPT"),
        pytest.param(
            "both", "secret", Denied, "stored password: nopassword beside a password", id="nopassword and more"
        ),
    ],
)
def test_refusal(users: Path, user: str, password: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error) as raised:
        login(made(users), user, password)
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
    passdb = made(args)
    assert (passdb.path, passdb.scheme, passdb.username_format) == expected


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param("", "must end in an absolute path", id="empty"),
        pytest.param("scheme=PLAIN", "must end in an absolute path", id="no path"),
        pytest.param("etc/users", "must end in an absolute path", id="relative path"),
        pytest.param("schema=PLAIN /etc/users", "schema: unknown option", id="unknown option"),
        pytest.param("scheme= /etc/users", "scheme: unknown option, or no value", id="option without value"),
        pytest.param("scheme=FOO /etc/users", "scheme=FOO: unknown password scheme", id="unknown scheme"),
        pytest.param("username_format=%{foo} /etc/users", "unknown variable %{foo}", id="variable in username_format"),
        pytest.param("/etc/%{foo}/users", "unknown variable %{foo}", id="variable in the path"),
    ],
)
def test_bad_args(args: str, text: str) -> None:
    with pytest.raises(ValueError, match=text) as error:
        made(args)
    assert "\n" not in str(error.value)


def test_username_format(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("TIM:{PLAIN}x\n")
    passdb = made(f"username_format=%Un {tmp_path}/users")
    assert login(passdb, "tim@example.org", "x") == {}


def test_percent_sign_in_a_path(tmp_path: Path) -> None:
    (tmp_path / "100%").write_text("tim:{PLAIN}x\n")
    login(made(f"{tmp_path}/100%%"), "tim", "x")


def test_missing_file_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        login(made(f"{tmp_path}/users"), "tim", "x")


def test_file_per_domain(tmp_path: Path) -> None:
    for domain, password in (("a.org", "one"), ("b.org", "two")):
        (tmp_path / domain).mkdir()
        (tmp_path / domain / "users").write_text(f"tim:{{PLAIN}}{password}\n")
    passdb = made(f"username_format=%n {tmp_path}/%d/users")
    assert login(passdb, "tim@a.org", "one") == {}
    assert login(passdb, "tim@b.org", "two") == {}
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
    passdb = made(f"username_format=%n {tmp_path}/%d/users")
    with pytest.raises(UnknownUser):
        login(passdb, user, "x")


def test_variables_that_the_path_does_not_use_are_free(tmp_path: Path) -> None:
    (tmp_path / "tim").write_text("tim:{PLAIN}x\n")
    login(made(f"{tmp_path}/%n"), "tim", "x")


def test_unreadable_file_of_a_domain_is_our_fault(tmp_path: Path) -> None:
    (tmp_path / "a.org").mkdir()
    with pytest.raises(Unavailable, match="not a regular file"):
        login(made(f"{tmp_path}/%d"), "tim@a.org", "x")


def test_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwdfile, "MAX_FILES", 3)
    read: list[str] = []

    def noted(path: str, **more: Any) -> UserFile:
        read.append(path.removeprefix(f"{tmp_path}/"))
        return UserFile(path, **more)

    monkeypatch.setattr(passwdfile, "UserFile", noted)
    passdb = made(f"{tmp_path}/%n")
    for number in range(10):
        (tmp_path / f"u{number}").write_text(f"u{number}:{{PLAIN}}x\n")
        login(passdb, f"u{number}", "x")
        login(passdb, "u0", "x")
    assert read == [f"u{number}" for number in range(10)], "u0 was never forgotten"
    for name in ("u8", "u9", "u7"):
        login(passdb, name, "x")
    assert read[10:] == ["u7"]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored passwords that were compared."""
    seen: list[str] = []
    real = hashing.compare

    def compare(hashed: StoredPassword, *others: Any) -> bool:
        seen.append(f"{{{hashed.name}}}{hashed.content.decode(errors='replace')}")
        return real(hashed, *others)

    monkeypatch.setattr(hashing, "compare", compare)
    return seen


def test_unknown_user_takes_the_time_of_a_known_one(tmp_path: Path, checks: list[str]) -> None:
    """AUT-24: the comparison is with a stored password of the same file."""
    (tmp_path / "users").write_text(f"locked:!\nslow:{BCRYPT}\n")
    passdb = made(f"{tmp_path}/users")
    stranger = Cleartext("jim", "secret")
    with pytest.raises(UnknownUser):
        passdb.verify(stranger, ORIGIN)
    passdb.pretend(stranger, ORIGIN)
    assert checks == [BCRYPT]


def test_missing_domain_takes_the_time_of_another(tmp_path: Path, checks: list[str]) -> None:
    (tmp_path / "a.org").write_text(f"tim@a.org:{BCRYPT}\n")
    passdb = made(f"{tmp_path}/%d")
    login(passdb, "tim@a.org", "secret")
    passdb.pretend(Cleartext("tim@b.org", "secret"), ORIGIN)
    assert checks == [BCRYPT, BCRYPT]


def test_pretending_without_users_or_with_a_malformed_one(tmp_path: Path) -> None:
    for text in ("", "tim:malformed\n"):
        (tmp_path / "users").write_text(text)
        passdb = made(f"{tmp_path}/users")
        with pytest.raises(UnknownUser):
            login(passdb, "jim", "x")
        passdb.pretend(Cleartext("jim", "x"), ORIGIN)


def test_cache_spares_slow_schemes_only(users: Path, checks: list[str]) -> None:
    passdb = made(users, VerifiedCache(10_000, 60))
    for _ in range(3):
        login(passdb, "slow", "secret")
        login(passdb, "tim", "tanstaaftanstaaf")
    assert checks.count(BCRYPT) == 1
    assert len(checks) == 4


def test_cache_does_not_admit_a_wrong_password(users: Path, checks: list[str]) -> None:
    passdb = made(users, VerifiedCache(10_000, 60))
    login(passdb, "slow", "secret")
    for _ in range(2):
        with pytest.raises(Denied, match="password mismatch"):
            login(passdb, "slow", "wrong")
    assert len(checks) == 3


def test_cache_ends_with_the_entry(users: Path) -> None:
    cache = VerifiedCache(10_000, 60)
    login(made(users, cache), "slow", "secret")
    users.write_text("slow:{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("new"))
    passdb = made(users, cache)
    with pytest.raises(Denied, match="password mismatch"):
        login(passdb, "slow", "secret")
    login(passdb, "slow", "new")
    users.write_text("tim:x\n")
    with pytest.raises(UnknownUser):
        login(made(users, cache), "slow", "new")


def test_negative_cache(users: Path, checks: list[str]) -> None:
    """A wrong password is not hashed again, until the stored one changes."""
    cache = VerifiedCache(10_000, 60, 60)
    for _ in range(3):
        with pytest.raises(Denied, match="password mismatch"):
            login(made(users, cache), "slow", "wrong")
    assert len(checks) == 1
    users.write_text("slow:{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("wrong"))
    login(made(users, cache), "slow", "wrong")
    assert len(checks) == 2


def test_fault_of_the_entry_is_not_remembered(users: Path) -> None:
    cache = VerifiedCache(10_000, 60, 60)
    with pytest.raises(Denied):
        login(made(users, cache), "bare", "secret")
    assert cache.used == 0


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        pytest.param("JBOZ0DgmtucwE[13]", "08/15!test~4711", id="[13] is CRYPT"),
        pytest.param("5ebe2294ecd0e0f08eab7690d2a6ee69[34]", "secret", id="[34] is PLAIN-MD5"),
        pytest.param("[56]", "secret", id="[56] is DIGEST-MD5"),
    ],
)
def test_form_of_libpam_pwdfile(tmp_path: Path, stored: str, password: str) -> None:
    if stored.endswith("[56]"):
        stored = hashlib.md5(f"tim::{password}".encode()).hexdigest() + "[56]"
    (tmp_path / "users").write_text(f"tim:{stored}:1000:1000\n")
    login(made(f"{tmp_path}/users"), "tim", password)
    with pytest.raises(Denied, match="password mismatch"):
        login(made(f"{tmp_path}/users"), "tim", "other")


@pytest.mark.parametrize("stored", ["JBOZ0DgmtucwE[13]", "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69", "$1$a$b"])
def test_weak_schemes_need_a_word_of_the_administrator(tmp_path: Path, stored: str) -> None:
    (tmp_path / "users").write_text(f"tim:{stored}\n")
    with pytest.raises(Denied, match="weak password scheme"):
        login(made(f"{tmp_path}/users", allow_weak_schemes=False), "tim", "secret")


COSTLY = {
    "sha512": "$6$rounds=999999999$salt$hash",
    "sha256": "{SHA256-CRYPT}$5$rounds=99999999999999999999$salt$hash",
    "bcrypt": "{BLF-CRYPT}$2y$31$abcdefghijklmnopqrstuu",
    "pbkdf2": "{PBKDF2}$1$salt$100000000$" + "0" * 40,
    "scram": "{SCRAM-SHA-256}2000000000,c2FsdA==," + ",".join(["A" * 43 + "="] * 2),
    "memory": "{ARGON2ID}$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    "passes": "{ARGON2ID}$argon2id$v=19$m=65536,t=4294967295,p=1$c2FsdHNhbHQ$aGFzaA",
    "yescrypt": "$y$jFT$abcdefghijk.$hash",
}
FAULTY = {
    "x": "x",
    "form": "$9$salt$hash",
    "scheme": "{NO-SUCH}secret",
    "weak": "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
    "base64": "{SHA256}*",
    "blank": f"{BCRYPT} ",
    "digest": "{SSHA}AAAA",
    "argon": "{ARGON2ID}$argon2id$v=19$m=8",
}


class TestFaults:
    """A stored password that is not compared: its user hears what strangers hear, and the log has the fault."""

    @pytest.fixture
    def passdb(self, tmp_path: Path) -> PasswdFile:
        lines = [f"{user}:{stored}\n" for user, stored in (COSTLY | FAULTY).items()]
        lines.insert(len(COSTLY) + 5, f"good:{BCRYPT}\n")  # in front of those that show only when they are compared
        (tmp_path / "users").write_text("".join(lines))
        return made(f"{tmp_path}/users", allow_weak_schemes=False)

    @pytest.mark.parametrize("user", COSTLY | FAULTY)
    def test_denied(self, passdb: PasswdFile, user: str, checks: list[str], caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(Denied, match="stored password: ") as denied:
            login(passdb, user, "secret")
        assert type(denied.value) is Denied
        assert caplog.messages == [f"{passdb}: user {user}: {denied.value.reason}"]
        assert checks[-1] == BCRYPT, "as for an unknown user"
        assert ("auth_max_hash_" in denied.value.reason) is (user in COSTLY)

    @pytest.mark.parametrize("scheme", ["SCRAM-SHA-256", "CRAM-MD5"])
    @pytest.mark.parametrize("user", ["scram", "scheme", "base64", "weak"])
    def test_keys(self, passdb: PasswdFile, user: str, scheme: str) -> None:
        account = chain(passdb).account(KeysWanted(user, scheme=scheme), ORIGIN)
        assert isinstance(account.outcome, Denied)
        assert account.keys.iterations == (4096 if scheme == "SCRAM-SHA-256" else 0)
        assert account.keys.make(), "as long as for an unknown user"

    def test_looks_are_those_of_users_that_are_compared(self, tmp_path: Path) -> None:
        """SCR-11: nobody else shows the iterations of a stored password that is not, so strangers must not either."""
        good, costly = (hash_password("SCRAM-SHA-256", "x", rounds) for rounds in (5000, 6000))
        costly = costly.replace("6000", "9999999")
        few, short = good.replace("5000", "4095"), good.replace("5000", "7000")[:-4]
        stored = (costly, few, short, good, "{SCRAM-SHA-256}8000,!,!,!")
        (tmp_path / "users").write_text("".join(f"u{number}:{each}\n" for number, each in enumerate(stored)))
        passdb = made(f"{tmp_path}/users")
        for user in ("u0", "u1", "u2", "u3", "u4"):
            account = chain(passdb).account(KeysWanted(user, scheme="SCRAM-SHA-256"), ORIGIN)
            assert isinstance(account.outcome, Denied) is (user != "u3")
            assert account.keys.iterations == 5000
        assert passdb.pretend(KeysWanted("jim", scheme="SCRAM-SHA-256"), ORIGIN) == {Look("SCRAM-SHA-256", 5000, 16): 1}

    def test_strangers_are_compared_with_what_is_compared(self, passdb: PasswdFile, checks: list[str]) -> None:
        stranger = Cleartext("jim", "secret")
        with pytest.raises(UnknownUser):
            passdb.verify(stranger, ORIGIN)
        passdb.pretend(stranger, ORIGIN)
        assert checks == [BCRYPT]

    def test_only_costly_ones(self, tmp_path: Path, checks: list[str]) -> None:
        (tmp_path / "users").write_text("".join(f"{user}:{stored}\n" for user, stored in COSTLY.items()))
        passdb = made(f"{tmp_path}/users")
        with pytest.raises(UnknownUser):
            login(passdb, "jim", "x")
        passdb.pretend(Cleartext("jim", "x"), ORIGIN)
        assert checks == []

    def test_the_limits_are_settings(self, tmp_path: Path) -> None:
        (tmp_path / "users").write_text("tim:" + hash_password("SHA512-CRYPT", "secret", 10_000) + "\n")
        for limits, expected in ((Limits(seconds=0.001), Denied), (Limits(octets=1), None), (Limits(0, 0), None)):
            passdb = PasswdFile.from_args(f"{tmp_path}/users", Means(VerifiedCache(0, 0), limits=limits))
            if expected is None:
                login(passdb, "tim", "secret")
                continue
            with pytest.raises(expected, match="auth_max_hash_time"):
                login(passdb, "tim", "secret")

    def test_no_room_is_our_fault(self, users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may have been the right password."""

        def fail(self: StoredPassword, password: str, user: str) -> bool:
            raise MemoryError

        monkeypatch.setattr(StoredPassword, "matches", fail)
        with pytest.raises(Unavailable, match="MemoryError"):
            login(made(users), "slow", "secret")


class TestLookup:
    """Who is only looked up, such as the target of a master user and those on a deny list."""

    @pytest.mark.parametrize("user", ["tim", "slow", "open", "both", "empty", "odd", "bare"])
    def test_found(self, users: Path, user: str) -> None:
        assert made(users).verify(Proven(user), ORIGIN).keys is None

    def test_unknown(self, users: Path) -> None:
        with pytest.raises(UnknownUser):
            made(users).verify(Proven("jim"), ORIGIN)

    def test_deny_list(self, tmp_path: Path) -> None:
        """A line needs nothing but a name."""
        (tmp_path / "denied").write_text("# who has to stay out\ntim\ntom\r\n")
        denying = chain(link(made(f"{tmp_path}/denied"), deny=True), yes())
        for user, denied in (("tim", True), ("tom", True), ("jim", False)):
            if denied:
                with pytest.raises(Denied, match="denied"):
                    denying.verify(Cleartext(user, "x"), ORIGIN)
            else:
                denying.verify(Cleartext(user, "x"), ORIGIN)


class TestKeys:
    """What SCRAM and CRAM-MD5 get."""

    @pytest.fixture
    def passdb(self, tmp_path: Path) -> PasswdFile:
        lines = [
            "scram:" + hash_password("SCRAM-SHA-256", "secret", 4096),
            "plain:{PLAIN}secret::::::a=%n",
            "ssha:" + hash_password("SSHA", "secret"),
            "short:{SCRAM-SHA-256}1,c2FsdA==,QQ==,QQ==",
            "context:" + hash_password("CRAM-MD5", "secret"),
            "hmac:{HMAC-MD5}" + hash_password("CRAM-MD5", "secret").partition("}")[2],
            "open:::::::nopassword",
            "empty:",
        ]
        (tmp_path / "users").write_text("\n".join(lines))
        return made(f"{tmp_path}/users", allow_weak_schemes=False)

    @pytest.mark.parametrize(
        ("user", "scheme", "kind"),
        [
            ("scram", "SCRAM-SHA-256", ScramKeys),
            ("plain", "SCRAM-SHA-256", ScramKeys),
            ("plain", "SCRAM-SHA-1", ScramKeys),
            ("plain", "CRAM-MD5", CramKeys),
            ("context", "CRAM-MD5", CramKeys),
        ],
    )
    def test_found(self, passdb: PasswdFile, user: str, scheme: str, kind: type) -> None:
        answer = passdb.verify(KeysWanted(user, scheme=scheme), ORIGIN)
        assert answer.keys is not None
        assert isinstance(answer.keys.make(), kind)
        assert answer.fields == ({"a": "plain"} if user == "plain" else {})

    @pytest.mark.parametrize(
        ("user", "scheme", "error"),
        [
            ("scram", "SCRAM-SHA-1", Denied),
            ("scram", "CRAM-MD5", Denied),
            ("ssha", "SCRAM-SHA-256", Denied),
            ("ssha", "CRAM-MD5", Denied),
            ("open", "SCRAM-SHA-256", Denied),
            ("empty", "SCRAM-SHA-256", Denied),
            ("jim", "SCRAM-SHA-256", UnknownUser),
            ("short", "SCRAM-SHA-256", Denied),
            ("hmac", "CRAM-MD5", Denied),
        ],
    )
    def test_not_found(self, passdb: PasswdFile, user: str, scheme: str, error: type[Exception]) -> None:
        with pytest.raises(error) as raised:
            passdb.verify(KeysWanted(user, scheme=scheme), ORIGIN)
        assert type(raised.value) is error


class TestExtraFields:
    def passdb(self, folder: Path, line: str) -> PasswdFile:
        (folder / "users").write_text(f"{line}\n")
        return made(f"{folder}/users")

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param("host=%d.example.net", {"host": "example.org.example.net"}, id="domain"),
            pytest.param("a=%u b=%{username|upper}", {"a": "tim@example.org", "b": "TIM"}, id="user"),
            pytest.param("a=%r b=%{local_ip}", {"a": "192.0.2.10", "b": "192.0.2.1"}, id="addresses"),
            pytest.param("a=100%%", {"a": "100%"}, id="percent sign"),
        ],
    )
    def test_variables(self, tmp_path: Path, fields: str, expected: dict[str, str]) -> None:
        passdb = self.passdb(tmp_path, f"tim@example.org:{{PLAIN}}x::::::{fields}")
        assert login(passdb, "tim@example.org", "x") == expected

    @pytest.mark.parametrize("fields", ["a=%{nothing}", "a=%", "a=%q"])
    def test_unknown_variable_is_our_fault(self, tmp_path: Path, fields: str) -> None:
        with pytest.raises(Unavailable, match="user tim: "):
            login(self.passdb(tmp_path, f"tim:{{PLAIN}}x::::::{fields}"), "tim", "x")

    @pytest.mark.parametrize("password", ["{PLAIN}x", ""])
    def test_nodelay_of_a_refusal(self, tmp_path: Path, password: str) -> None:
        with pytest.raises(Denied) as error:
            login(self.passdb(tmp_path, f"tim:{password}::::::nodelay"), "tim", "wrong")
        assert error.value.nodelay

    @pytest.mark.parametrize("password", ["", "{PLAIN}other"])
    def test_noauthenticate(self, tmp_path: Path, password: str) -> None:
        """The password is not compared here, but by the next passdb."""
        first = self.passdb(tmp_path, f"tim:{password}::::::noauthenticate a=1")
        both = chain(first, Users(tim="hunter2"))
        assert both.verify(Cleartext("tim", "hunter2"), ORIGIN) == Admitted(Identity("tim", {"a": "1"}))
        keys_of_second = both.account(KeysWanted("tim", scheme="SCRAM-SHA-256"), ORIGIN)
        assert callable(keys_of_second.outcome)
        for asked, given in ((both, "wrong"), (chain(first), "other")):
            with pytest.raises(Denied):
                asked.verify(Cleartext("tim", given), ORIGIN)


def test_an_answer_does_not_show_its_fields() -> None:
    assert "secret" not in repr(Answer({"password": "secret"}))
