"""Fields that a login proxy has forwarded: there for passdbs and for the next proxy, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsubmit.auth.passdb import Origin
from gsubmit.sasl.claims import Claim, Cleartext, Denied, KeysWanted
from tests.unit.auth.answering import ORIGIN, Answering, Users, admitted, chain, link, no, proven, unknown, yes

TIM = Cleartext("tim", "hunter2")


def told(**fields: str) -> Origin:
    return replace(ORIGIN, forward=fields)


def test_they_are_extra_fields() -> None:
    verdict = chain(Users({"x": "1"}, tim="hunter2")).verify(TIM, told(site="a", b="c d"))
    assert admitted(verdict).fields == {"x": "1", "forward_site": "a", "forward_b": "c d"}


def test_they_do_not_get_lost_on_the_way() -> None:
    """A passdb that fails takes nothing away, and what one sets counts more than what a front end says."""
    passdbs = (no(), unknown(), link(yes(forward_site="b"), default_fields="forward_c=x forward_d=y"))
    identity = admitted(chain(*passdbs).verify(TIM, told(site="a", c="z")))
    assert identity.fields == {"forward_site": "b", "forward_c": "z", "forward_d": "y"}


def test_they_are_there_with_a_proof_too() -> None:
    account = chain(Users(tim="p")).account(KeysWanted("tim", scheme="SCRAM-SHA-256"), told(site="a"))
    assert proven(account).fields == {"forward_site": "a"}


def test_they_are_the_masters_and_his_targets() -> None:
    masters = link(Users(boss="p"), master=True, result_success="continue")
    verdict = chain(masters, Users(tim="x")).verify(Cleartext("boss", "p", authorization_id="tim"), told(site="a"))
    assert (admitted(verdict).user, admitted(verdict).fields) == ("tim", {"forward_site": "a"})


@pytest.mark.parametrize(
    "name",
    ["nopassword", "noauthenticate", "password", "user", "username", "domain", "proxy", "host", "nologin", "fail",
     "allow_nets", "allow_real_nets", "master", "nodelay", "reason", "check_client_fp"],
)  # fmt: skip
def test_no_name_has_a_meaning(name: str) -> None:
    """Whatever a front end sends, the same user logs in, by the same password."""
    origin = told(**{name: "root"})
    house = chain(Users(tim="hunter2"))
    identity = admitted(house.verify(TIM, origin))
    assert (identity.user, identity.fields) == ("tim", {f"forward_{name}": "root"})
    for claim in (Cleartext("tim", "wrong"), Cleartext("root", "hunter2"), Cleartext("tim", "")):
        with pytest.raises(Denied):
            house.verify(claim, origin)


@pytest.mark.parametrize("claim", [TIM, Cleartext("tim", "wrong")])
def test_alone_they_let_nobody_in(claim: Claim) -> None:
    passdb: Answering = no()
    with pytest.raises(Denied):
        chain(passdb).verify(claim, told(nopassword="yes", proxy="yes"))
