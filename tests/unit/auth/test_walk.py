"""The rules by which a walk along the passdbs ends; the tables were written from the description of Dovecot's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gsubmit.auth.chain import Chain
from gsubmit.auth.link import Link
from gsubmit.auth.passdb import Answer, Unavailable, UnknownUser
from gsubmit.auth.passdbs.absent import Absent
from gsubmit.auth.walk import Walk
from gsubmit.sasl.claims import Admitted, Claim, Cleartext, Denied, Identity, KeysWanted, Proven, Token, TokenRefused
from tests.unit.auth.answering import (
    ALL,
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

MAKERS = {"yes": yes, "no": no, "unknown": unknown, "down": down}
SETTINGS = {
    "yes": "result_success",
    "no": "result_failure",
    "unknown": "result_failure",
    "down": "result_internalfail",
}
TIM = Cleartext("tim", "hunter2")


def outcome(chain: Chain, claim: Claim = TIM) -> str:
    """`y` for yes, `n` for no, `t` for a temporary failure."""
    try:
        chain.verify(claim, ORIGIN)
    except Denied:
        return "n"
    except Unavailable:
        return "t"
    return "y"


def ruled(answer: str, rule: str) -> Link:
    return link(MAKERS[answer](), **{SETTINGS[answer]: rule})


# What comes of a passdb with that rule alone, and before another one that says yes, no, or is down.
FIRST = """
yes     return-ok      y yyy
yes     return         n nnn
yes     return-fail    n nnn
yes     continue       n ynt
yes     continue-ok    y yyy
yes     continue-fail  n ynt
no      return-ok      y yyy
no      return         n nnn
no      return-fail    n nnn
no      continue       n ynt
no      continue-ok    y yyy
no      continue-fail  n ynt
unknown return-ok      y yyy
unknown return         n nnn
unknown return-fail    n nnn
unknown continue       n ynt
unknown continue-ok    y yyy
unknown continue-fail  n ynt
down    return-ok      y yyy
down    return         t ttt
down    return-fail    t ttt
down    continue       t ytt
down    continue-ok    y yyy
down    continue-fail  t ytt
"""


@pytest.mark.parametrize("row", FIRST.strip().splitlines(), ids=lambda row: " ".join(row.split()[:2]))
def test_one_and_two_passdbs(row: str) -> None:
    answer, rule, alone, before = row.split()
    assert outcome(chain(ruled(answer, rule))) == alone
    assert "".join(outcome(chain(ruled(answer, rule), MAKERS[second]())) for second in ("yes", "no", "down")) == before


# After a passdb has said yes with `continue-ok`: what comes of the second one's answer and rule before a third one
# that says yes, no, or is down.
SECOND = """
yes     return-ok      yyy
yes     return         yyy
yes     return-fail    nnn
yes     continue       yyy
yes     continue-ok    yyy
yes     continue-fail  ynt
no      return-ok      yyy
no      return         yyy
no      return-fail    nnn
no      continue       yyy
no      continue-ok    yyy
no      continue-fail  ynt
down    return-ok      yyy
down    return         yyy
down    return-fail    ttt
down    continue       yyy
down    continue-ok    yyy
down    continue-fail  ytt
"""


@pytest.mark.parametrize("row", SECOND.strip().splitlines(), ids=lambda row: " ".join(row.split()[:2]))
def test_three_passdbs(row: str) -> None:
    answer, rule, expected = row.split()
    first = ("yes", "continue-ok")
    got = [outcome(chain(ruled(*first), ruled(answer, rule), MAKERS[third]())) for third in ("yes", "no", "down")]
    assert "".join(got) == expected


@pytest.mark.parametrize(
    ("skip", "first", "asked", "expected"),
    [
        pytest.param("never", "continue-ok", True, "y", id="never, after a yes"),
        pytest.param("authenticated", "continue-ok", False, "y", id="authenticated, after a yes"),
        pytest.param("authenticated", "continue", True, "y", id="authenticated, after a yes that does not count"),
        pytest.param("unauthenticated", "continue-ok", True, "y", id="unauthenticated, after a yes"),
        pytest.param("unauthenticated", "continue", False, "n", id="unauthenticated, nothing yet"),
        pytest.param("unauthenticated", "continue-fail", False, "n", id="unauthenticated, after a no"),
    ],
)
def test_skip(skip: str, first: str, asked: bool, expected: str) -> None:
    second = yes()
    assert outcome(chain(ruled("yes", first), link(second, skip=skip))) == expected
    assert bool(second.asked) is asked


class TestDeny:
    """A passdb with `deny = yes` keeps out whom it knows, with any password."""

    @pytest.mark.parametrize("password", ["hunter2", "wrong"])
    def test_found(self, password: str) -> None:
        users = yes()
        denying = chain(link(Users(tim="other"), deny=True), users)
        assert outcome(denying, Cleartext("tim", password)) == "n"
        assert users.asked == []
        assert outcome(denying, Cleartext("tom", password)) == "y"

    def test_is_only_looked_up(self) -> None:
        denied = Users()
        outcome(chain(link(denied, deny=True), yes()))
        assert denied.asked == [Proven("tim")]

    def test_own_failure_is_fatal(self) -> None:
        """The user may be one of those to keep out."""
        users = yes()
        assert outcome(chain(link(down(), deny=True), users)) == "t"
        assert users.asked == []

    def test_own_failure_counts_more_than_a_yes_before(self) -> None:
        assert outcome(chain(ruled("yes", "continue-ok"), link(down(), deny=True))) == "t"

    def test_found_counts_more_than_a_yes_before(self) -> None:
        assert outcome(chain(ruled("yes", "continue-ok"), link(yes(), deny=True))) == "n"

    def test_found_counts_more_than_a_failure_before(self) -> None:
        assert outcome(chain(down(), link(yes(), deny=True))) == "n"

    def test_whatever_is_not_unknown_is_found(self) -> None:
        assert outcome(chain(link(no(), deny=True), yes())) == "n"

    def test_rules_do_not_matter(self) -> None:
        rules = {"result_success": "return-ok", "result_failure": "return-ok", "result_internalfail": "return-ok"}
        assert outcome(chain(link(yes(), deny=True, **rules))) == "n"
        assert outcome(chain(link(down(), deny=True, **rules))) == "t"
        assert outcome(chain(link(unknown(), deny=True, **rules))) == "n"

    def test_unknown_to_it_costs_no_comparison(self) -> None:
        denied = unknown()
        assert outcome(chain(link(denied, deny=True), no())) == "n"
        assert denied.pretended == 0

    def test_keys(self) -> None:
        account = chain(link(yes(), deny=True), Users(tim="x")).account(
            KeysWanted("tim", scheme="SCRAM-SHA-256"), ORIGIN
        )
        assert isinstance(account.outcome, Denied)
        assert account.keys is not KEYS


def test_password_is_asked_for_once() -> None:
    """After a yes the next passdbs are only looked up."""
    passdbs = [yes(), yes(), yes()]
    assert outcome(chain(*(link(one, result_success="continue-ok") for one in passdbs))) == "y"
    assert [one.asked for one in passdbs] == [[TIM], [Proven("tim")], [Proven("tim")]]


def test_password_is_asked_for_again_after_a_no() -> None:
    second = yes()
    outcome(chain(no(), second))
    assert second.asked == [TIM]


class TestFields:
    """What the passdbs said of the user."""

    def walked(self, *links: Link, claim: Claim = TIM) -> Walk:
        walk = Walk(claim, ORIGIN, lambda _, __: None)
        walk.along(links)
        return walk

    def test_later_ones_win(self) -> None:
        walk = self.walked(link(yes(a="1", b="1"), result_success="continue"), link(yes(b="2", c="2")))
        assert walk.fields == {"a": "1", "b": "2", "c": "2"}

    def test_of_a_passdb_that_failed_do_not_count(self) -> None:
        failing = link(no(), default_fields="x=default", override_fields="y=override", result_failure="continue")
        assert self.walked(link(yes(a="1"), result_success="continue"), failing, link(yes(b="2"))).fields == {
            "a": "1",
            "b": "2",
        }

    @pytest.mark.parametrize("first", ["192.0.2.0/24", "198.51.100.0/24"])
    @pytest.mark.parametrize("second", ["192.0.2.0/24", "198.51.100.0/24"])
    def test_networks_of_each_passdb_count(self, first: str, second: str) -> None:
        """A later passdb cannot let in whom an earlier one keeps out."""
        both = chain(link(yes(allow_nets=first), result_success="continue"), yes(allow_nets=second))
        assert outcome(both) == ("y" if first == second == "192.0.2.0/24" else "n")

    @pytest.mark.parametrize("name", ["nopassword", "noauthenticate", "password", "password_noscheme"])
    def test_private_ones_do_not_leak(self, name: str) -> None:
        first, second = yes(**{name: "yes"}), Answering(Answer({"a": "1"}))
        walk = self.walked(link(first, result_success="continue"), link(second))
        assert walk.fields == {"a": "1"}

    def test_nopassword_does_not_open_the_next_passdb(self) -> None:
        """A failed passdb's nopassword is nobody's."""
        assert outcome(chain(link(yes(nopassword="yes"), result_success="continue-fail"), no())) == "n"

    def test_user_changes_the_name_for_later_passdbs_and_the_identity(self) -> None:
        second = yes()
        renaming = chain(link(yes(user="tom@example.org"), result_success="continue"), second)
        assert admitted(renaming.verify(TIM, ORIGIN)).user == "tom@example.org"
        assert second.names == ["tom@example.org"]

    def test_the_last_change_of_a_name_counts(self) -> None:
        renaming = chain(link(yes(user="tom@a.example"), result_success="continue"), yes(domain="b.example"))
        assert admitted(renaming.verify(TIM, ORIGIN)).user == "tom@b.example"

    def test_name_of_a_passdb_that_failed_does_not_count(self) -> None:
        second = yes()
        renaming = chain(link(no(), override_fields="user=tom"), second)
        assert admitted(renaming.verify(TIM, ORIGIN)).user == "tim"
        assert second.names == ["tim"]


class TestNoauthenticate:
    """This passdb only adds fields."""

    def test_password_is_for_the_next(self) -> None:
        second = yes()
        first = yes(noauthenticate="yes", user="tom", a="1")
        assert chain(first, second).verify(TIM, ORIGIN) == Admitted(Identity("tom", {"a": "1"}))
        assert second.asked == [Cleartext("tom", "hunter2")]

    @pytest.mark.parametrize("rule", ["return-ok", "continue-ok"])
    def test_is_no_yes(self, rule: str) -> None:
        assert outcome(chain(link(yes(noauthenticate="yes"), result_success=rule))) == "n"
        assert outcome(chain(link(yes(noauthenticate="yes"), result_success=rule), no())) == "n"


class TestKeys:
    """Only an unknown user's keys are looked for in the next passdb."""

    WANTED = KeysWanted("tim", scheme="SCRAM-SHA-256")

    def test_found_in_the_first(self) -> None:
        second = Users(tim="x")
        assert chain(Users(tim="x"), second).account(self.WANTED, ORIGIN).keys is KEYS
        assert second.asked == []

    def test_unknown_falls_through(self) -> None:
        assert chain(Users(), Users(tim="x")).account(self.WANTED, ORIGIN).keys is KEYS

    def test_kept_while_the_walk_goes_on(self) -> None:
        second = Users({"a": "1"}, tim="x")
        account = chain(link(Users(tim="x"), result_success="continue"), second).account(self.WANTED, ORIGIN)
        assert (account.keys, proven(account)) == (KEYS, Identity("tim", {"a": "1"}))
        assert second.asked == [Proven("tim")]

    def test_found_but_the_walk_fails(self) -> None:
        account = chain(link(Users(tim="x"), result_success="continue-fail")).account(self.WANTED, ORIGIN)
        assert account.keys is not KEYS
        assert isinstance(account.outcome, Denied)

    def test_success_without_keys_is_none(self) -> None:
        account = chain(link(Users(), result_failure="return-ok")).account(self.WANTED, ORIGIN)
        assert isinstance(account.outcome, Denied)

    def test_down(self) -> None:
        """One user may be in a passdb that answers, and the next one not: nobody is to learn of it."""
        for users in (Users(), Users(tim="x")):
            account = chain(down(), users).account(self.WANTED, ORIGIN)
            with pytest.raises(Unavailable) as caught:
                account.settle(lambda _: False)
            assert caught.value.denied is None  # a fault that will pass is not held against anybody


def test_every_step_is_observed() -> None:
    steps: list[str] = []
    observed = chain(
        link(unknown(), deny=True),
        link(yes(), mechanisms=("cram-md5",)),
        unknown(),
        no(),
        down(),
        link(yes(), result_success="continue-ok"),
        link(yes(), skip="authenticated"),
        link(yes(), deny=True),
    )
    with pytest.raises(Denied):
        observed.verify(TIM, ORIGIN, lambda passdb, step: steps.append(step))
    assert steps == [
        "unknown user",
        "skipped, not for this mechanism",
        "unknown user",
        "password mismatch",
        "not available: disk on fire",
        "yes",
        "skipped, skip = authenticated",
        "found, and deny = yes",
    ]


def test_failure_is_logged_even_if_another_passdb_helps(caplog: pytest.LogCaptureFixture) -> None:
    assert outcome(chain(down(), yes())) == "y"
    assert caplog.messages == ["answering: disk on fire"]


@pytest.mark.parametrize("order", [("no", "unknown"), ("unknown", "no")])
def test_mismatch_tells_the_log_more_than_unknown(order: tuple[str, str]) -> None:
    with pytest.raises(Denied, match=r"^password mismatch$"):
        chain(*(MAKERS[answer]() for answer in order)).verify(TIM, ORIGIN)


def test_passdbs_are_not_asked_about_what_they_do_not_serve() -> None:
    first, second = yes((Proven,)), yes(ALL)
    assert outcome(chain(first, second)) == "y"
    assert (len(first.asked), len(second.asked)) == (0, 1)


# A passdb that cannot answer claims of this kind, with these rules for yes, no and internal failure, before one that
# says yes: what comes of a token, of a lookup.
UNSERVED = """
return-ok     continue      continue      y y
continue      continue      continue      y y
continue-ok   return-ok     continue      y y
return        continue      continue      t y
return-fail   continue      continue      t y
continue-fail continue      continue      t y
return-ok     return-fail   continue      t y
return-ok     return        continue      t y
return-ok     continue-fail continue      t y
continue-ok   return-fail   return-fail   t t
return-ok     continue      return        y t
return-ok     continue      return-ok     y y
return-ok     continue      continue-ok   y y
"""


@pytest.mark.parametrize("row", UNSERVED.strip().splitlines(), ids=lambda row: " ".join(row.split()[:3]))
def test_a_gate_that_cannot_be_asked_is_not_passed_by(row: str) -> None:
    *rules, token, lookup = row.split()
    names = ("result_success", "result_failure", "result_internalfail")
    gated = chain(link(yes((Cleartext,)), **dict(zip(names, rules, strict=True))), yes())
    assert (outcome(gated, Token("tim", "t")), outcome(gated, Proven("tim"))) == (token, lookup)


class TestAbsent:
    """A passdb of a driver that is not here: whatever it would have said, nobody gets in who would not with it."""

    def absent(self, **settings: Any) -> Link:
        return link(Absent("ldap"), **settings)

    @pytest.mark.parametrize(
        ("second", "expected"),
        [
            pytest.param(yes, "y", id="it would have said yes or left it to the second"),
            pytest.param(no, "t", id="it may know the password"),
            pytest.param(unknown, "t", id="it may know the user"),
            pytest.param(down, "t", id="nobody can be asked"),
        ],
    )
    def test_plain_rules(self, second: Callable[[], Answering], expected: str) -> None:
        assert outcome(chain(self.absent(), second())) == expected
        assert outcome(chain(second(), self.absent())) == expected

    def test_alone(self) -> None:
        assert outcome(chain(self.absent())) == "t"

    def test_second_factor(self) -> None:
        """The first one's yes does not count yet."""
        assert outcome(chain(link(yes(), result_success="continue"), self.absent())) == "t"
        assert outcome(chain(link(yes(), result_success="continue-fail"), self.absent())) == "t"

    def test_after_a_yes_that_counts(self) -> None:
        assert outcome(chain(link(yes(), result_success="continue-ok"), self.absent())) == "y"

    @pytest.mark.parametrize(("first", "expected"), [("continue-ok", "y"), ("continue", "t"), ("continue-fail", "t")])
    def test_return_without_a_yes_before_is_a_no(self, first: str, expected: str) -> None:
        """`return` ends with what there is, so it keeps out whom it knows."""
        third = yes()
        gated = chain(link(yes(), result_success=first), self.absent(result_success="return"), third)
        assert outcome(gated) == expected
        assert bool(third.asked) is (expected == "y")
        assert outcome(chain(self.absent(result_success="return"), yes())) == "t"

    @pytest.mark.parametrize("settings", [{"username_filter": ("*@b.org",)}, {"mechanisms": ("login",)}])
    def test_is_not_for_everybody(self, settings: dict[str, Any]) -> None:
        assert outcome(chain(self.absent(**settings), no())) == "n"

    def test_skip(self) -> None:
        assert outcome(chain(self.absent(skip="unauthenticated"), no())) == "n"
        assert outcome(chain(link(yes(), result_success="continue-ok"), self.absent(skip="authenticated"))) == "y"

    def test_masters(self) -> None:
        """Whether it is a master user's password is not known, and no user's password is one."""
        masters = chain(self.absent(master=True), yes(), auth_master_user_separator="*")
        assert outcome(masters, Cleartext("tim*root", "x")) == "t"
        assert outcome(masters) == "y"

    def test_keys(self) -> None:
        wanted = KeysWanted("tim", scheme="SCRAM-SHA-256")
        for users in (Users(), Users(tim="x")):
            account = chain(self.absent(), users).account(wanted, ORIGIN)
            with pytest.raises(Unavailable) as caught:
                account.settle(lambda _: False)
            assert caught.value.denied is not None
        assert account.keys is KEYS
        assert proven(account) == Identity("tim")

    @pytest.mark.parametrize("users", [Users(), Users(tim="x")], ids=["unknown", "known"])
    def test_wrong_password_counts_for_unknown_and_known_alike(self, users: Users) -> None:
        with pytest.raises(Unavailable) as caught:
            chain(self.absent(), users).verify(Cleartext("tim", "wrong"), ORIGIN)
        assert isinstance(caught.value.denied, Denied)

    def test_nothing_counts_where_nobody_was_asked(self) -> None:
        with pytest.raises(Unavailable) as caught:
            chain(self.absent()).verify(Cleartext("tim", "wrong"), ORIGIN)
        assert caught.value.denied is None

    def test_tokens_are_none_of_its_business(self) -> None:
        """A client whose token has expired must hear so."""
        refused = TokenRefused("expired")
        with pytest.raises(TokenRefused):
            chain(self.absent(), Answering(refused)).verify(Token("tim", "t"), ORIGIN)

    def test_each_login_is_no_line_of_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        assert outcome(chain(self.absent(), yes())) == "y"
        assert caplog.messages == []


def test_nobody_was_asked() -> None:
    with pytest.raises(UnknownUser):
        chain(yes((Proven,))).verify(TIM, ORIGIN)
