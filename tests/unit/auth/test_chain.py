"""The chain: who logs in for whom, and that neither its delay nor its keys tell who exists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gsubmit.auth import hashing
from gsubmit.auth.chain import Chain, build_chain
from gsubmit.auth.passdb import Answer, Origin, Unavailable, UnknownUser
from gsubmit.auth.schemes.scram import keys_of
from gsubmit.auth.schemes.stored import hash_password
from gsubmit.sasl.claims import (
    Account,
    Admitted,
    Cleartext,
    CramKeys,
    Denied,
    Identity,
    KeysWanted,
    Proven,
    ScramKeys,
    Token,
)
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.login import AuthSettings, PasswordSettings, UsernameSettings
from gsubmit.settings.problem import Place, SettingsError
from gsubmit.settings.sections import Settings
from tests.unit.auth.answering import (
    KEYS,
    ORIGIN,
    Answering,
    Users,
    admitted,
    chain,
    down,
    link,
    no,
    proven,
    unknown,
    yes,
)

SCRAM = "SCRAM-SHA-256"


def claim(user: str = "tim", password: str = "hunter2", authorization_id: str = "") -> Cleartext:
    return Cleartext(user, password, authorization_id=authorization_id)


def test_empty_chain_is_our_fault() -> None:
    with pytest.raises(Unavailable, match="no passdb"):
        chain().verify(claim(), ORIGIN)


@pytest.mark.parametrize(
    "makers", [(unknown, unknown), (no, unknown), (unknown, no), (no, no), (unknown, down), (down, unknown)]
)
def test_each_passdb_compares_one_password(makers: tuple[Callable[[], Answering], ...]) -> None:
    """AUT-24: the time of a refusal does not tell which passdb knows the user, nor whether one does."""
    passdbs = [maker() for maker in makers]
    with pytest.raises((Denied, Unavailable)):
        chain(*passdbs).verify(claim(), ORIGIN)
    assert [passdb.pretended for passdb in passdbs] == [int(maker is unknown) for maker in makers]


def test_success_pays_nothing_for_other_passdbs() -> None:
    passdbs = [unknown(), yes()]
    chain(*passdbs).verify(claim(), ORIGIN)
    assert [passdb.pretended for passdb in passdbs] == [0, 0]


def test_names_are_prepared() -> None:
    passdb = yes()
    identity = admitted(chain(passdb).verify(claim("Tim@Example.ORG", authorization_id="tim@example.org"), ORIGIN))
    assert passdb.asked == [Cleartext("tim@example.org", "hunter2")]
    assert identity == Identity("tim@example.org")


@pytest.mark.parametrize(
    ("user", "authorization_id"),
    [
        pytest.param("kurt", "ursel", id="PLN-2 TV-AUT-4"),
        pytest.param("kurt", "no body", id="authorization id is no name"),
        pytest.param("ku/rt", "", id="authentication id is no name"),
    ],
)
def test_refused_before_any_passdb(user: str, authorization_id: str) -> None:
    passdb = yes()
    with pytest.raises(Denied):
        chain(passdb).verify(claim(user, authorization_id=authorization_id), ORIGIN)
    assert passdb.asked == []


class TestMasters:
    """Passdbs with `master = yes`, whose users log in for others."""

    def chain(self, fields: dict[str, str] | None = None, **settings: Any) -> Chain:
        self.masters = Users(fields, root="rootpw")
        self.users = Users({"quota": "1"}, tim="timpw", root="other")
        masters = link(self.masters, master=True, **settings)
        return chain(masters, self.users, auth_master_user_separator="*")

    @pytest.mark.parametrize(
        "login",
        [
            pytest.param(claim("Tim*root", "rootpw"), id="separator"),
            pytest.param(claim("root", "rootpw", "Tim"), id="authorization id"),
        ],
    )
    def test_for_a_user(self, login: Cleartext) -> None:
        identity = admitted(self.chain({"a": "1"}).verify(login, ORIGIN))
        assert identity == Identity("tim", {"a": "1"}, master_user="root")
        assert self.masters.asked == [Cleartext("root", "rootpw")]
        assert self.users.asked == []

    @pytest.mark.parametrize(
        "login",
        [
            pytest.param(claim("tim*root", "timpw"), id="the user's password"),
            pytest.param(claim("tim*root", "other"), id="the master user's password as a user"),
            pytest.param(claim("tim*nobody", "timpw"), id="unknown master user"),
            pytest.param(claim("tim*tom", "timpw"), id="a user who is no master user"),
            pytest.param(claim("root", "rootpw"), id="a master user's password for itself"),
        ],
    )
    @pytest.mark.parametrize("rule", ["return-ok", "continue"])
    def test_refused(self, login: Cleartext, rule: str) -> None:
        with pytest.raises(Denied):
            self.chain(result_success=rule).verify(login, ORIGIN)

    def test_a_master_user_may_also_be_a_user(self) -> None:
        for login in (claim("root", "other"), claim("root*root", "other"), claim("root", "other", "ROOT")):
            assert self.chain().verify(login, ORIGIN) == Admitted(Identity("root", {"quota": "1"}))
            assert self.masters.asked == []

    def test_unknown_master_user_takes_the_time_of_a_known_one(self) -> None:
        with pytest.raises(Denied):
            self.chain().verify(claim("tim*nobody"), ORIGIN)
        assert (self.masters.pretended, self.users.pretended) == (1, 0)

    @pytest.mark.parametrize("rule", ["continue", "continue-ok"])
    def test_target_is_looked_up(self, rule: str) -> None:
        identity = admitted(
            self.chain({"a": "1", "quota": "0"}, result_success=rule).verify(claim("tim*root", "rootpw"), ORIGIN)
        )
        assert identity == Identity("tim", {"a": "1", "quota": "1"}, master_user="root")
        assert self.users.asked == [Proven("tim")]

    @pytest.mark.parametrize(("rule", "refused"), [("return-ok", False), ("continue", True), ("continue-ok", True)])
    def test_unknown_target(self, rule: str, refused: bool) -> None:
        masters = self.chain(result_success=rule)
        if refused:
            with pytest.raises(UnknownUser):
                masters.verify(claim("stranger*root", "rootpw"), ORIGIN)
        else:
            assert admitted(masters.verify(claim("stranger*root", "rootpw"), ORIGIN)).user == "stranger"

    def test_target_is_denied(self) -> None:
        masters = link(Users(root="rootpw"), master=True, result_success="continue")
        denied = link(Users(tim=""), deny=True)
        with pytest.raises(Denied, match="denied"):
            chain(masters, denied, yes(), auth_master_user_separator="*").verify(claim("tim*root", "rootpw"), ORIGIN)

    def test_target_is_renamed(self) -> None:
        masters = link(Users({"user": "other"}, root="rootpw"), master=True, result_success="continue")
        renaming = chain(masters, link(yes(), override_fields="user=tom"), auth_master_user_separator="*")
        identity = admitted(renaming.verify(claim("tim*root", "rootpw"), ORIGIN))
        assert (identity.user, identity.master_user) == ("tom", "root")

    def test_target_cannot_be_looked_up(self) -> None:
        masters = link(Users(root="rootpw"), master=True, result_success="continue")
        with pytest.raises(Unavailable):
            chain(masters, down(), auth_master_user_separator="*").verify(claim("tim*root", "rootpw"), ORIGIN)

    def test_networks_of_the_master_user_count(self) -> None:
        """The target may log in from anywhere, the master user only from home."""
        masters = link(Users({"allow_nets": "198.51.100.0/24"}, root="rootpw"), master=True, result_success="continue")
        target = Users({"allow_nets": "0.0.0.0/0"}, tim="timpw")
        with pytest.raises(Denied, match="allow_nets"):
            chain(masters, target, auth_master_user_separator="*").verify(claim("tim*root", "rootpw"), ORIGIN)

    def test_several(self) -> None:
        first, second = (link(Users(**{name: "pw"}), master=True) for name in ("root", "boss"))
        masters = chain(first, second, yes(), auth_master_user_separator="*")
        assert admitted(masters.verify(claim("tim*boss", "pw"), ORIGIN)).master_user == "boss"

    def test_only_masters(self) -> None:
        masters = chain(link(Users(root="pw"), master=True), auth_master_user_separator="*")
        assert admitted(masters.verify(claim("tim*root", "pw"), ORIGIN)).user == "tim"
        with pytest.raises(Denied):
            masters.verify(claim("root", "pw"), ORIGIN)

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param(KeysWanted("tim*root", scheme=SCRAM), id="separator"),
            pytest.param(KeysWanted("root", scheme=SCRAM, authorization_id="tim"), id="authorization id"),
        ],
    )
    @pytest.mark.parametrize(("rule", "fields"), [("return-ok", {}), ("continue", {"quota": "1"})])
    def test_keys(self, wanted: KeysWanted, rule: str, fields: dict[str, str]) -> None:
        """The keys are the master user's."""
        account = self.chain(result_success=rule).account(wanted, ORIGIN)
        assert (account.keys, proven(account)) == (KEYS, Identity("tim", fields, master_user="root"))
        assert self.masters.asked == [KeysWanted("root", scheme=SCRAM)]

    def test_keys_for_an_unknown_target(self) -> None:
        account = self.chain(result_success="continue").account(KeysWanted("stranger*root", scheme=SCRAM), ORIGIN)
        assert (account.keys.iterations, len(account.keys.salt)) == (7777, 5)
        assert isinstance(account.outcome, Denied)

    def test_decoys_of_master_users_are_like_those_of_masters(self) -> None:
        account = self.chain().account(KeysWanted("tim*nobody", scheme=SCRAM), ORIGIN)
        assert isinstance(account.outcome, Denied)
        assert (self.masters.pretended, self.users.pretended) == (1, 0)


class TestTokens:
    """A token that tells itself whose it is."""

    def test_name_is_the_token_s(self) -> None:
        assert admitted(chain(yes(user="Tim")).verify(Token("", "t"), ORIGIN)).user == "tim"

    @pytest.mark.parametrize("name", ["", "no body"])
    def test_name_is_none(self, name: str) -> None:
        with pytest.raises(Denied):
            chain(yes(user=name)).verify(Token("", "t"), ORIGIN)

    @pytest.mark.parametrize(("user", "denied"), [("tim", True), ("TIM", True), ("tom", False)])
    def test_deny_list(self, user: str, denied: bool) -> None:
        listed = link(Users(tim=""), deny=True)
        if denied:
            with pytest.raises(Denied, match="denied"):
                chain(listed, yes(user=user)).verify(Token("", "t"), ORIGIN)
        else:
            assert admitted(chain(listed, yes(user=user)).verify(Token("", "t"), ORIGIN)).user == user

    @pytest.mark.parametrize(
        ("words", "user", "let_in"),
        [
            (("!root",), "root", False),
            (("!root",), "ROOT", False),
            (("!root",), "tim", True),
            (("*", "!root*"), "root2", False),
            (("*", "!root*"), "tim", True),
        ],
    )
    def test_filter_of_names(self, words: tuple[str, ...], user: str, let_in: bool) -> None:
        """Who leaves the name out is not let past it."""
        filtered = chain(link(yes(user=user), username_filter=words))
        if let_in:
            assert admitted(filtered.verify(Token("", "t"), ORIGIN)).user == user
        else:
            with pytest.raises(Denied, match="not for this user name"):
                filtered.verify(Token("", "t"), ORIGIN)

    def test_gate_for_some_names(self) -> None:
        """Who leaves the name out meets it like everybody else of that name."""
        gate = link(Users(tom=""), username_filter=("*@example.org",), result_failure="return-fail")
        for name in ("", "tim@example.org"):
            with pytest.raises(Denied):
                chain(gate, yes(user="tim@example.org")).verify(Token(name, "t"), ORIGIN)
        assert admitted(chain(gate, yes(user="tim@b.org")).verify(Token("", "t"), ORIGIN)).user == "tim@b.org"


class TestKeys:
    """AUT-24, SCR-11: keys of unknown users, and of those whose passwords are no use, look like any others."""

    @pytest.fixture
    def passdbs(self, tmp_path: Path) -> Chain:
        path = tmp_path / "users"
        stored = hash_password(SCRAM, "secret", 5000)
        users = [f"scram:{stored}", f"ssha:{hash_password('SSHA256', 'secret')}", "none:"]
        path.write_text("\n".join(users))
        return build_chain(Settings(passdbs=(PassdbSettings("passwd-file", str(path)),)))

    @pytest.fixture
    def plain(self, tmp_path: Path) -> Chain:
        (tmp_path / "users").write_text("plain:{PLAIN}secret\nforbidden:{PLAIN}a\x01b\n")
        return build_chain(Settings(passdbs=(PassdbSettings("passwd-file", f"{tmp_path}/users"),)))

    def account(self, passdbs: Chain, user: str, scheme: str = SCRAM) -> Account:
        return passdbs.account(KeysWanted(user, scheme=scheme), ORIGIN)

    @pytest.mark.parametrize("user", ["stranger", "ssha", "none", "no name", "stranger@example.org", "caf\udce9"])
    def test_decoys(self, passdbs: Chain, user: str) -> None:
        real, decoy = self.account(passdbs, "scram"), self.account(passdbs, user)
        assert isinstance(decoy.outcome, Denied)
        assert decoy.keys.iterations == real.keys.iterations == 5000
        assert len(decoy.keys.salt) == len(real.keys.salt)
        keys = decoy.keys.make()
        assert isinstance(keys, ScramKeys)
        assert len(keys.stored_key) == len(keys.server_key) == 32
        assert (keys.salt, keys.iterations) == (decoy.keys.salt, decoy.keys.iterations)
        assert self.account(passdbs, user).keys.make() == keys, "stable"
        assert self.account(passdbs, user.upper()).keys.make() == keys or user in ("no name", "caf\udce9"), "one user"
        with pytest.raises(Denied):
            decoy.settle(lambda _: True)

    def test_decoys_differ(self, passdbs: Chain) -> None:
        assert len({self.account(passdbs, user).keys.salt for user in ("a", "b", "ssha", "none")}) == 4

    def test_decoys_stay_over_a_reload(self, tmp_path: Path, passdbs: Chain) -> None:
        again = build_chain(Settings(passdbs=(PassdbSettings("passwd-file", str(tmp_path / "users")),)))
        assert self.account(passdbs, "stranger").keys == self.account(again, "stranger").keys

    def test_of_a_plain_password(self, plain: Chain) -> None:
        account = self.account(plain, "plain")
        keys = keys_of("sha256", b"secret", account.keys.salt, account.keys.iterations)
        admission, settled = account.settle(lambda made: made == keys)
        assert (admission(), settled) == (Admitted(Identity("plain")), keys)
        with pytest.raises(Denied, match="mismatch"):
            account.settle(lambda _: False)

    @pytest.mark.parametrize("user", ["plain", "stranger", "forbidden"])
    def test_no_key_is_made_before_the_proof(self, plain: Chain, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """AUT-24: that would take a while, for some users and not for others."""
        made: list[object] = []
        run = hashing.run

        def noted(*called: object) -> object:
            made.append(called)
            return run(*called)  # type: ignore[arg-type]

        monkeypatch.setattr(hashing, "run", noted)
        account = self.account(plain, user)
        assert (made, account.keys.iterations, len(account.keys.salt)) == ([], 4096, 16)
        with pytest.raises(Denied):
            account.settle(lambda _: False)
        assert len(made) == 1, "for each user, once"

    @pytest.mark.parametrize("user", ["plain", "stranger"])
    def test_of_cram_md5(self, plain: Chain, user: str) -> None:
        account = self.account(plain, user, "CRAM-MD5")
        assert isinstance(account.keys.make(), CramKeys)
        assert callable(account.outcome) is (user == "plain")

    def test_without_any_passdb_that_has_keys(self) -> None:
        account = chain(Answering(Answer(), (Cleartext,))).account(KeysWanted("tim", scheme=SCRAM), ORIGIN)
        assert isinstance(account.keys.make(), ScramKeys)
        assert isinstance(account.outcome, Denied)

    def test_all_passdbs_are_looked_at(self, tmp_path: Path) -> None:
        """Users of two passdbs with different counts: strangers look like either."""
        counts = (5000, 6000)
        for count in counts:
            (tmp_path / str(count)).write_text(f"u{count}:{hash_password(SCRAM, 'secret', count)}\n")
        both = build_chain(
            Settings(passdbs=tuple(PassdbSettings("passwd-file", f"{tmp_path}/{count}") for count in counts))
        )
        seen = {self.account(both, f"stranger{number}").keys.iterations for number in range(50)}
        assert seen == set(counts)


def settings(*passdbs: PassdbSettings, **auth: Any) -> Settings:
    names = {name: auth.pop(name) for name in declarations(UsernameSettings) if name in auth}
    return Settings(
        passdbs=passdbs, auth=AuthSettings(usernames=UsernameSettings(**names), passwords=PasswordSettings(**auth))
    )


def test_build_chain(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("tim:{PLAIN}hunter2::::::\n")
    passdbs = (
        PassdbSettings("static", "password=master", master=True),
        PassdbSettings("passwd-file", f"scheme=PLAIN {users}", override_fields="a=%n"),
    )
    built = build_chain(settings(*passdbs, auth_default_realm="x", auth_username_format="%Ln"))
    assert built.verify(claim("TIM"), Origin()) == Admitted(Identity("tim", {"a": "tim"}))
    assert (len(built.masters), len(built.links)) == (1, 1)


def test_build_chain_names_all_mistakes() -> None:
    place = Path("/etc/auth.conf")
    passdbs = [
        PassdbSettings("passwd-file", "", place=Place(place, 3)),
        PassdbSettings("passwd-file", "scheme=FOO /etc/users", place=Place(place, 7)),
        PassdbSettings("static", "", place=Place(place, 9)),
        PassdbSettings("imap", "host=imap.example.org ssl=imaps", deny=True, place=Place(place, 11)),
    ]
    with pytest.raises(SettingsError) as error:
        build_chain(settings(*passdbs))
    assert [problem.place.line for problem in error.value.problems] == [3, 7, 9, 11]
    texts = [problem.text for problem in error.value.problems]
    assert [text.partition(":")[0] for text in texts[:3]] == ["passwd-file", "passwd-file", "static"]
    assert "deny = yes needs a driver that can look users up" in texts[-1]


@pytest.mark.parametrize(("allowed", "expected"), [(True, Identity("tim")), (False, None)])
def test_weak_schemes(tmp_path: Path, allowed: bool, expected: Identity | None) -> None:
    users = tmp_path / "users"
    users.write_text("tim:{PLAIN-MD5}2ab96390c7dbe3439de74d0c9b0b1767\n")  # of hunter2
    built = build_chain(settings(PassdbSettings("passwd-file", str(users)), auth_allow_weak_schemes=allowed))
    if expected:
        assert built.verify(claim(), ORIGIN) == Admitted(expected)
        return
    with pytest.raises(Denied, match="auth_allow_weak_schemes"):
        built.verify(claim(), ORIGIN)


def test_limits_of_hashes(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(f"tim:{hash_password('SHA512-CRYPT', 'hunter2', 100_000)}\n")  # 60 ms
    file = PassdbSettings("passwd-file", str(users))
    assert build_chain(settings(file)).verify(claim(), ORIGIN) == Admitted(Identity("tim"))
    assert build_chain(settings(file, auth_max_hash_time=0.0)).verify(claim(), ORIGIN) == Admitted(Identity("tim"))
    with pytest.raises(Denied, match="auth_max_hash_time"):
        build_chain(settings(file, auth_max_hash_time=0.05)).verify(claim(), ORIGIN)
