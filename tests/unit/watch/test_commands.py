"""Penalties, of one process and of workers that do not share them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gsubmit.auth.state.local import LocalState
from gsubmit.server.door import Door
from gsubmit.server.logins import Logins
from gsubmit.server.service import Service
from gsubmit.watch.answers import BadRequest, Commands
from gsubmit.watch.client import ask
from gsubmit.watch.commands import commands_of, commands_of_workers
from gsubmit.watch.lines import Object
from gsubmit.watch.link import ControlLink
from gsubmit.watch.workers import Workers
from tests.unit.watch.asking import controlled, until

ADDRESSES = ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8:1:2::3"]


def commands(*addresses: str) -> Commands:
    """Of a process where a login has failed from each of the addresses, as often as it stands there."""
    state = LocalState()
    for number, address in enumerate(addresses):
        state.failed(address, state.level(address), "jo", str(number))
    service = SimpleNamespace(logins=Logins(state))
    return commands_of(Door(10), lambda: cast(Service, service))


def penalty(there: Commands, clear: object = "") -> list[str]:
    return [one["network"] for one in there["penalty"]({"clear": clear})]


def test_what_is_said_of_a_network() -> None:
    [one] = commands("192.0.2.7")["penalty"]({})
    assert one | {"seconds_left": 0} == {"network": "192.0.2.7", "level": 1, "seconds_left": 0, "user": "jo"}
    assert 0 < one["seconds_left"] <= 4


@pytest.mark.parametrize(
    ("clear", "cleared"),
    [
        pytest.param("192.0.2.7", ["192.0.2.7"], id="an address"),
        pytest.param("192.0.2.0/24", ["192.0.2.7", "192.0.2.8"], id="a network"),
        pytest.param("192.0.2.1/24", ["192.0.2.7", "192.0.2.8"], id="a network named by an address in it"),
        pytest.param("2001:db8:1:ffff::1", ["2001:db8:1::/48"], id="an address in the network that counts as one"),
        pytest.param("2001:db8::/32", ["2001:db8:1::/48"], id="a wider network"),
        pytest.param("192.0.2.9", [], id="nobody"),
        pytest.param("all", ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8:1::/48"], id="all"),
    ],
)
def test_clearing(clear: str, cleared: list[str]) -> None:
    there = commands(*ADDRESSES)
    before = penalty(there)
    assert penalty(there, clear) == cleared
    assert penalty(there) == [network for network in before if network not in cleared]


@pytest.mark.parametrize("clear", ["everybody", "192.0.2", 7, ["all"]])
def test_what_is_no_address_clears_nothing(clear: object) -> None:
    there = commands(*ADDRESSES)
    with pytest.raises(BadRequest):
        penalty(there, clear)
    assert len(penalty(there)) == len(ADDRESSES)


def test_of_workers_each_network_is_there_once_with_its_highest_level(tmp_path: Path) -> None:
    one, other = commands("192.0.2.7", "192.0.2.8"), commands("192.0.2.7", "192.0.2.7", "198.51.100.1")
    links = [ControlLink(str(tmp_path), number, there) for number, there in enumerate((one, other))]
    workers = Workers()
    with controlled(tmp_path, commands_of_workers(workers), workers):
        for link in links:
            link.start()
        until(lambda: len(workers) == 2)
        assert levels(tmp_path) == {"192.0.2.7": 2, "192.0.2.8": 1, "198.51.100.1": 1}
        assert levels(tmp_path, "192.0.2.7") == {"192.0.2.7": 2}
        assert levels(tmp_path) == {"192.0.2.8": 1, "198.51.100.1": 1}
        assert penalty(one) == ["192.0.2.8"]
        for link in links:
            link.close()


def levels(folder: Path, clear: str = "") -> dict[str, int]:
    answer: list[Object] = ask(str(folder), {"command": "penalty", "clear": clear})
    assert len({one["network"] for one in answer}) == len(answer)
    return {one["network"]: one["level"] for one in answer}
