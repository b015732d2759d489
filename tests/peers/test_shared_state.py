"""Two servers, as on two machines, with one Redis: whom one keeps waiting or out, the other does too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gsubmit.auth.state.redisstate import RedisState
from tests.harness.peer_gsubmit import USER, Gsubmit, gsubmit
from tests.harness.peer_logins import connected, guess, log_in, seconds_of_a_login
from tests.harness.peer_process import HOST, eventually, hanging
from tests.harness.peer_redis import RedisServer, killed, redis_place

ANOTHER_HOST = "127.0.0.2"
_SETTINGS = """
submission_state = redis://{host}:{port}/0
auth_penalty = yes
disable_plaintext_auth = no
mail_max_userip_connections = 2
service submission-login {{
  process_min_avail = {workers}
}}
"""
AWAY, BACK = "does not answer, and logins are counted here meanwhile", "is back"


@contextmanager
def two_servers(redis: RedisServer, workers: int = 2) -> Iterator[tuple[Gsubmit, Gsubmit]]:
    settings = _SETTINGS.format(host=HOST, port=redis.port, workers=workers)
    with gsubmit(1, settings) as one, gsubmit(1, f"{settings}listen = {ANOTHER_HOST}, {HOST}\n") as other:
        yield one, other


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_place() as place:
        yield place


def test_who_has_guessed_at_one_waits_at_the_other(redis: RedisServer) -> None:
    with redis.run(), two_servers(redis) as (one, other):
        guess(one)
        with connected(other, ANOTHER_HOST) as client:
            assert 3.0 < seconds_of_a_login(client) < 8
        assert RedisState(redis.url).penalties() == [], "both have forgiven it"


def test_connections_of_both_count(redis: RedisServer) -> None:
    with redis.run(), two_servers(redis) as (one, other):
        first, second = connected(one, HOST), connected(other, ANOTHER_HOST)
        assert log_in(first)
        assert log_in(second)
        for server, host in ((one, HOST), (other, ANOTHER_HOST)):
            third = connected(server, host)
            assert not log_in(third)
            third.close()
        (connections,) = redis.ask().scan_iter("gsubmit:connections*")
        first.quit()
        eventually("the end of the first", lambda: redis.ask().zcard(connections) == 1)
        third = connected(other, ANOTHER_HOST)
        assert log_in(third)
        second.close()
        third.close()
        eventually("their end", lambda: not list(redis.ask().scan_iter("gsubmit:connections*")))


def test_killed_and_back(redis: RedisServer) -> None:
    """Nobody is kept from mail, and the log says it once. (Each worker would find out by itself that it is back.)"""
    with redis.run() as process, two_servers(redis, workers=1) as (one, other):
        held = [connected(one, HOST), connected(other, ANOTHER_HOST)]
        assert all(map(log_in, held))
        killed(redis, process)
        for server, host in ((one, HOST), (other, ANOTHER_HOST)):
            clients = [connected(server, host) for _ in range(3)]
            assert [log_in(client) for client in clients] == [True, True, False], "as each counts by itself"
            held += clients[:2]
            clients[2].close()
        assert [server.log.count(AWAY) for server in (one, other)] == [1, 1]
        for client in held:
            client.quit()
        with redis.run():
            for server, host in ((one, HOST), (other, ANOTHER_HOST)):
                eventually("its return", lambda server=server, host=host: _asked(server, host).count(BACK))  # type: ignore[misc]
            guess(one)
            assert [found.user for found in RedisState(redis.url).penalties()] == [USER]
            first = connected(one, HOST)
            second = connected(other, ANOTHER_HOST)
            third = connected(other, ANOTHER_HOST)
            assert [log_in(client) for client in (first, second, third)] == [True, True, False]
            for client in (first, second, third):
                client.close()
            assert [server.log.count(AWAY) for server in (one, other)] == [1, 1]


def _asked(server: Gsubmit, host: str) -> str:
    """Its log, after a login that shows it whether the state is back."""
    with connected(server, host) as client:
        assert log_in(client)
    time.sleep(0.3)
    return server.log


def test_one_that_hangs(redis: RedisServer) -> None:
    with redis.run() as process, two_servers(redis) as (one, _), hanging(process):
        clients = [connected(one, HOST) for _ in range(2)]
        first, second = map(seconds_of_a_login, clients)
        assert first < 2.0
        assert second < 1.0
        for client in clients:
            client.close()
        assert one.log.count(AWAY) == 1
