"""What can be asked: of a process that serves clients, and through the watcher of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from ipaddress import ip_network

from gsubmit.auth.loginstate import LoginState
from gsubmit.logs.failures import last_failures
from gsubmit.server.door import Door
from gsubmit.server.service import Network, Service
from gsubmit.watch.answers import BadRequest, Command, text_of
from gsubmit.watch.kick import kick
from gsubmit.watch.lines import Object
from gsubmit.watch.sessions import who
from gsubmit.watch.workers import Workers


def commands_of(door: Door, service: Callable[[], Service]) -> dict[str, Command]:
    """Of a process with these sessions, and the service of new ones."""
    return {
        "who": partial(who, door),
        "kick": partial(kick, door),
        "penalty": lambda request: _penalty(service().logins.state, request),
        "failures": lambda _: last_failures(),
        "probe": partial(_probe, service),
    }


def commands_of_workers(workers: Workers) -> dict[str, Command]:
    """The same, asked of all workers."""
    return {
        "who": workers.ask,
        "kick": workers.ask,
        "penalty": partial(_penalty_of_workers, workers),
        "failures": workers.ask,
        "probe": workers.ask_newest,
    }


def _probe(service: Callable[[], Service], _: Object) -> Iterable[Object]:
    """Have the relay reached for, in the background; the figures and the log say what came of it."""
    service().relay.start()
    return ()


def _penalty(state: LoginState, request: Object) -> list[Object]:
    """The networks that have to wait; with `clear`, those of them that it names (an address, or all), and no longer."""
    text = text_of(request, "clear")
    try:
        named = ip_network(text, strict=False) if text not in ("", "all") else None
    except ValueError:
        raise BadRequest(f"{text} is no address") from None
    found = [(ip_network(one.network), one) for one in state.penalties()]
    if named is not None:
        found = [(network, one) for network, one in found if _overlap(network, named)]
        for network, _ in found:
            state.clear_penalty(str(network.network_address))
    elif text:
        state.clear_penalty("")
    return [asdict(one) for _, one in found]


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _penalty_of_workers(workers: Workers, request: Object) -> Iterator[Object]:
    """What workers share is there once; where they do not, the highest level counts."""
    highest: dict[str, Object] = {}
    for one in workers.ask(request):
        if "network" not in one:
            yield one
        elif one["network"] not in highest or one["level"] > highest[one["network"]]["level"]:
            highest[one["network"]] = one
    yield from highest.values()
