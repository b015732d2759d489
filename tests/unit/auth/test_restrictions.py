"""Extra fields that forbid a login."""

from __future__ import annotations

import pytest

from gsubmit.auth import restrictions
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.restrictions import Disabled
from gsubmit.sasl.claims import Admitted, Barred, Cleartext, Denied, Elsewhere, Identity, KeysWanted
from tests.unit.auth.answering import ORIGIN, Users, chain, link, yes


@pytest.mark.parametrize(
    ("nets", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.0/24,192.0.2.0/24", "192.0.2.77"),
        ("2001:db8::/32", "2001:db8::9"),
        ("192.0.2.1/24", "192.0.2.200"),
    ],
)
def test_allow_nets_lets_its_networks_in(nets: str, address: str) -> None:
    restrictions.check_networks({"allow_nets": nets}, Origin(remote_ip=address))


@pytest.mark.parametrize("nets", ["198.51.100.0/24", "", "local", "nonsense", "2001:db8::/32"])
def test_allow_nets_keeps_all_others_out(nets: str) -> None:
    with pytest.raises(Denied):
        restrictions.check_networks({"allow_nets": nets}, Origin(remote_ip="192.0.2.1"))


def test_nologin_is_told_with_its_reason() -> None:
    with pytest.raises(Disabled) as caught:
        restrictions.verdict(Identity("u", {"nologin": "yes", "reason": "Moved"}))
    assert caught.value.text == "Moved"


def test_nobody_who_asks_the_chain_forgets_nologin() -> None:
    for passdb in (yes(nologin="yes"), link(yes(), override_fields="nologin"), link(yes(), default_fields="fail")):
        with pytest.raises(Barred):
            chain(passdb).verify(Cleartext("u", "p"), ORIGIN)


@pytest.mark.parametrize("name", ["proxy", "proxy_maybe"])
def test_a_user_of_another_server_does_not_log_in_here(name: str) -> None:
    fields = {name: "yes", "host": "192.0.2.9"}
    assert chain(yes(**fields)).verify(Cleartext("u", "p"), ORIGIN) == Elsewhere(Identity("u", fields))


def test_other_fields_forbid_nothing() -> None:
    identity = Identity("u", {"senders": "a@example.org"})
    assert restrictions.verdict(identity) == Admitted(identity)


@pytest.mark.parametrize(
    "fields",
    [
        {"fail": "yes"},
        {"nologin": "yes"},
    ],
)
@pytest.mark.parametrize("nodelay", [True, False])
def test_nodelay(fields: dict[str, str], nodelay: bool) -> None:
    with pytest.raises(Denied) as caught:
        restrictions.verdict(Identity("u", {**fields, **({"nodelay": "yes"} if nodelay else {})}))
    assert caught.value.nodelay is nodelay


def test_a_stranger_learns_nothing_of_nologin() -> None:
    """Networks come first, since the reason is told."""
    with pytest.raises(Denied) as caught:
        chain(yes(nologin="yes", allow_nets="198.51.100.0/24")).verify(Cleartext("u", "p"), ORIGIN)
    assert not isinstance(caught.value, Disabled)


@pytest.mark.parametrize("nodelay", [True, False])
def test_nodelay_of_networks(nodelay: bool) -> None:
    with pytest.raises(Denied) as caught:
        restrictions.check_networks(
            {"allow_nets": "", **({"nodelay": "yes"} if nodelay else {})}, Origin(remote_ip="192.0.2.1")
        )
    assert caught.value.nodelay is nodelay


def test_keys_of_a_disabled_user() -> None:
    """Only who has proven himself hears of it; to all others he is a user as any."""
    account = chain(Users({"nologin": "yes"}, tim="p")).account(KeysWanted("tim", scheme="SCRAM-SHA-256"), ORIGIN)
    with pytest.raises(Denied, match="password mismatch"):
        account.settle(lambda _: False)
    admission, _ = account.settle(lambda _: True)
    with pytest.raises(Disabled):
        admission()


@pytest.mark.parametrize("nets", ["198.51.100.0/24", ""])
def test_allow_real_nets(nets: str) -> None:
    """Of Dovecot 2.4, where a proxy in between may know other addresses."""
    with pytest.raises(Denied, match="allow_real_nets"):
        restrictions.check_networks({"allow_real_nets": nets}, Origin(remote_ip="192.0.2.1"))
    restrictions.check_networks({"allow_real_nets": "192.0.2.0/24"}, Origin(remote_ip="192.0.2.1"))


@pytest.mark.parametrize("name", ["check_client_fp", "check_client_cert_fp", "check_client_pubkey_fp"])
def test_what_cannot_be_checked_lets_nobody_in(name: str) -> None:
    """As Dovecot 2.4.2 has it."""
    with pytest.raises(Unavailable, match=name):
        restrictions.verdict(Identity("u", {name: "00:11"}))


def test_allow_real_nets_is_about_whoever_speaks_to_us() -> None:
    """Behind a front end `allow_nets` is about its client, and the other one about the front end itself."""
    origin = Origin(remote_ip="198.51.100.1", real_ip="192.0.2.1")
    here, there = "192.0.2.0/24", "198.51.100.0/24"
    restrictions.check_networks({"allow_nets": there, "allow_real_nets": here}, origin)
    for fields in ({"allow_nets": here}, {"allow_real_nets": there}):
        with pytest.raises(Denied, match=f"{next(iter(fields))} check failed"):
            restrictions.check_networks(fields, origin)
