"""Extra fields that forbid a login."""

from __future__ import annotations

import pytest

from gsubmit.auth import restrictions
from gsubmit.auth.passdb import Denied, Identity, Unavailable
from gsubmit.auth.restrictions import Disabled


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
    restrictions.check(Identity("u", {"allow_nets": nets}), address)


@pytest.mark.parametrize("nets", ["198.51.100.0/24", "", "local", "nonsense", "2001:db8::/32"])
def test_allow_nets_keeps_all_others_out(nets: str) -> None:
    with pytest.raises(Denied):
        restrictions.check(Identity("u", {"allow_nets": nets}), "192.0.2.1")


def test_nologin_is_told_with_its_reason() -> None:
    with pytest.raises(Disabled) as caught:
        restrictions.check(Identity("u", {"nologin": "yes", "reason": "Moved"}), "192.0.2.1")
    assert caught.value.text == "Moved"


def test_a_user_of_another_server_cannot_log_in_here() -> None:
    with pytest.raises(Unavailable):
        restrictions.check(Identity("u", {"proxy": "yes", "host": "192.0.2.9"}), "192.0.2.1")


def test_other_fields_forbid_nothing() -> None:
    restrictions.check(Identity("u", {"senders": "a@example.org"}), "192.0.2.1")
