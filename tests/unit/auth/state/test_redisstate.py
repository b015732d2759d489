"""The state in a real Redis: what is kept there, how long, in how many round trips, and how it is lost."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
import trustme

from gsubmit.auth import penalty
from gsubmit.auth.loginstate import StateLost
from gsubmit.auth.refusals import MOST_REFUSALS
from gsubmit.auth.state import redisstate
from gsubmit.auth.state.fallback import StateWithFallback
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.redisconnection import ANSWER_TIME, CONNECT_TIME
from gsubmit.auth.state.redisstate import PREFIX, RedisState
from gsubmit.settings.stateurl import StateUrl
from gsubmit.tls import certificates
from tests.harness.peer_process import HOST, eventually, hanging
from tests.harness.peer_redis import RedisServer, killed, redis_place, redis_server
from tests.harness.ports import free_ports
from tests.unit.auth.state.states import ELSEWHERE, HERE


@pytest.fixture
def server(redis: RedisServer) -> RedisServer:
    """With nothing in it."""
    redis.ask().flushall()
    return redis


@pytest.fixture
def pair(server: RedisServer) -> tuple[RedisState, RedisState]:
    """As two machines have it."""
    return RedisState(server.url), RedisState(server.url)


def fill(state: RedisState) -> None:
    """With everything that there may be."""
    state.enter("tim", HERE, 1)
    state.succeeded(HERE, "tim")
    state.failed(HERE, 0, "tom", "hunter2")
    state.refused("tim", of_others=True)
    state.forget_refusals()
    state.refused("tim", of_others=False)


def run(server: RedisServer, *words: str) -> None:
    """A command that has no typed method."""
    client: Any = server.ask()
    client.execute_command(*words)


def commands(server: RedisServer) -> dict[str, int]:
    """How often each has come from outside, by its name."""
    stats: dict[str, dict[str, int]] = server.ask().info("commandstats")
    return {name.removeprefix("cmdstat_"): numbers["calls"] for name, numbers in stats.items()}


def test_machines_share_it(pair: tuple[RedisState, RedisState]) -> None:
    one, other = pair
    one.failed(HERE, 0, "tim", "old")
    other.failed(HERE, 0, "tim", "old")
    assert one.level(HERE) == other.level(HERE) == 1, "the same password, by the same secret"
    other.succeeded(HERE, "tom")
    assert one.knows(HERE, "tom")
    assert one.enter("tim", HERE, 1)
    assert not other.enter("tim", HERE, 1)
    one.leave("tim", HERE)
    assert other.enter("tim", HERE, 1)
    one.refused("tim", of_others=True)
    for _ in range(MOST_REFUSALS - 1):
        other.refused("tim", of_others=True)
    assert one.too_many_refusals("tim", of_others=True)
    other.clear_penalty(HERE)
    assert one.penalties() == []


def test_everything_is_below_one_prefix_and_expires(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    fill(pair[0])
    client = server.ask()
    keys: list[bytes] = list(client.scan_iter())
    assert len(keys) == 8
    assert all(key.startswith(PREFIX.encode()) for key in keys)
    times = {key: client.pttl(key) for key in keys}
    assert all(0 < time <= redisstate.KEEP_KNOWN * 1000 for time in times.values()), times


def test_passwords_are_not_there(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    fill(pair[0])
    client = server.ask()
    assert b"hunter2" not in b"".join(client.dump(key) or b"" for key in client.scan_iter())


def test_each_question_is_one_round_trip(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    one, _ = pair
    for _ in range(2):  # the second time the server has the scripts
        server.ask().config_resetstat()
        one.leave("tim", HERE)
        fill(one)
        one.level(HERE, "tim")
        one.knows(HERE, "tim")
        one.penalties()
        one.clear_penalty("")
        one.too_many_refusals("tim", of_others=False)
        one.leave("tim", HERE)
    done = commands(server)
    assert done["evalsha"] == 12
    assert {"script|load", "eval", "auth", "select", "scan", "keys"}.isdisjoint(done)


def test_a_server_that_has_forgotten_the_scripts(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    one, _ = pair
    fill(one)
    server.ask().script_flush()
    assert one.level(HERE) == 1
    fill(one)


def test_a_server_that_has_forgotten_everything(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    one, other = pair
    one.failed(HERE, 0, "tim", "x")
    other.failed(HERE, 0, "tim", "x")
    server.ask().flushall()
    for state in (other, one, other):
        state.failed(HERE, 0, "tim", "x")
    assert one.level(HERE) == 1


def test_a_secret_of_somebody_else_s(server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
    server.ask().set("gsubmit:secret", "x")
    with pytest.raises(StateLost, match="gsubmit:secret is none of ours"):
        pair[0].failed(HERE, 0, "tim", "x")


def test_fades_by_the_clock_of_the_server(pair: tuple[RedisState, RedisState], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penalty, "FADES", (0.0, 0.2, 0.3, 0.4, 0.4))
    one, other = pair
    one.failed(HERE, 0, "tim", "x")
    one.failed(HERE, 1, "tim", "y")
    assert other.level(HERE) == 2
    eventually("fading", lambda: other.level(HERE) == 1)
    other.failed(HERE, 0, "tim", "z")
    assert one.level(HERE) == 2
    eventually("fading", lambda: other.level(HERE) == 0)
    assert one.penalties() == []


def test_refusals_expire(pair: tuple[RedisState, RedisState], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.auth.refusals.FORGOTTEN", 0.3)
    one, _ = pair
    for _ in range(MOST_REFUSALS):
        one.refused("tim", of_others=True)
    assert one.too_many_refusals("tim", of_others=True)
    eventually("the end of it", lambda: not one.too_many_refusals("tim", of_others=True))


def _connections(server: RedisServer) -> int:
    client: Any = server.ask()
    return sum(client.zcard(key) for key in client.scan_iter("gsubmit:connections*"))


class TestLeases:
    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redisstate, "LEASE", 0.6)
        monkeypatch.setattr(redisstate, "RENEWAL", 0.1)

    @pytest.mark.slow
    def test_are_renewed_while_connections_last(self, server: RedisServer, pair: tuple[RedisState, RedisState]) -> None:
        one, other = pair
        for user in ("tim", "tom"):
            assert one.enter(user, HERE, 2)
            assert one.enter(user, HERE, 2)
        one.leave("tom", HERE)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            assert not other.enter("tim", HERE, 2)
            time.sleep(0.05)
        assert other.enter("tom", HERE, 2)
        assert not other.enter("tom", HERE, 2)
        for user in ("tim", "tim", "tom"):
            one.leave(user, HERE)
        other.leave("tom", HERE)
        eventually("their end", lambda: server.ask().keys("gsubmit:connections*") == [])

    def test_in_bulk(
        self, server: RedisServer, pair: tuple[RedisState, RedisState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redisstate, "LEASE", 60.0)
        monkeypatch.setattr(redisstate, "AT_ONCE", 50)
        one, _ = pair
        for number in range(100):
            one.enter(f"user{number}", HERE, 1)
        server.ask().config_resetstat()
        time.sleep(0.35)
        renewals = commands(server)["evalsha"]
        assert 2 <= renewals < 100  # one by one each round would have a hundred
        for number in range(100):
            one.leave(f"user{number}", HERE)

    def test_not_of_what_has_ended_while_the_server_was_away(self) -> None:
        with redis_place() as server:
            state = StateWithFallback(RedisState(server.url), "it", LocalState())
            with server.run() as process:
                assert [state.enter("tim", HERE, 2) for _ in range(2)] == [True, True]
                killed(server, process)
            state.leave("tim", HERE)
            with server.run():
                eventually("renewal of both", lambda: _connections(server) == 2)
                eventually("its return", lambda: not state.level(HERE) and _connections(server) == 1)
                time.sleep(0.3)
                assert _connections(server) == 1
                state.leave("tim", HERE)
                assert _connections(server) == 0

    def test_of_a_machine_that_is_gone_expire(self, pair: tuple[RedisState, RedisState]) -> None:
        one, other = pair
        assert one.enter("tim", HERE, 1)
        one._leases.clear()  # as if it had died
        assert not other.enter("tim", HERE, 1)
        eventually("its end", lambda: other.enter("tim", HERE, 1))
        other.leave("tim", HERE)

    def test_are_there_again_after_a_server_has_forgotten_them(
        self, server: RedisServer, pair: tuple[RedisState, RedisState]
    ) -> None:
        one, other = pair
        assert one.enter("tim", HERE, 1)
        server.ask().flushall()
        eventually("renewal", lambda: server.ask().keys("gsubmit:connections*"))
        assert not other.enter("tim", HERE, 1)
        one.leave("tim", HERE)
        assert other.enter("tim", HERE, 1)
        other.leave("tim", HERE)


@pytest.mark.parametrize("limit", [1, 5])
def test_many_at_a_time_never_exceed_the_limit(pair: tuple[RedisState, RedisState], limit: int) -> None:
    entered = [gevent.spawn(state.enter, "tim", HERE, limit) for _ in range(20) for state in pair]
    gevent.joinall(entered)
    assert sum(greenlet.get() for greenlet in entered) == limit


def test_by_a_socket(server: RedisServer) -> None:
    state = RedisState(StateUrl(path=str(server.socket), db=3))
    state.failed(HERE, 0, "tim", "x")
    assert state.level(HERE) == 1
    assert RedisState(server.url).level(HERE) == 0, "another database"


def test_a_user_with_no_more_rights_than_needed(server: RedisServer) -> None:
    """Those that the manual names."""
    rights = "on >sesame ~gsubmit:* -@all +@read +@write +@connection +evalsha +script|load +time"
    run(server, "ACL", "SETUSER", "mail", *rights.split())
    state = RedisState(StateUrl(host=HOST, port=server.port, user="mail", password="sesame"))
    fill(state)
    assert state.version() == "a server that does not tell its version"
    with pytest.raises(StateLost, match="invalid username-password pair") as caught:
        RedisState(StateUrl(host=HOST, port=server.port, user="mail", password="s3cr3t")).level(HERE)
    assert "s3cr3t" not in str(caught.value)
    run(server, "ACL", "DELUSER", "mail")


@contextmanager
def tls_redis(folder: Path) -> Iterator[tuple[int, trustme.CA]]:
    ca = trustme.CA()
    issued = ca.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    with redis_place() as place:
        (port,) = free_ports(1)
        files = ("--tls-cert-file", f"{folder}/cert.pem", "--tls-key-file", f"{folder}/key.pem")
        more = RedisServer(place.folder, place.port, ("--tls-port", str(port), "--tls-auth-clients", "no", *files))
        with more.run():
            yield port, ca


def ca_file(folder: Path, ca: trustme.CA) -> str:
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return str(folder / "ca.pem")


def test_tls_is_verified(tmp_path: Path) -> None:
    with tls_redis(tmp_path) as (port, ca):
        trusting = certificates.client_context(ca_file(tmp_path, ca), "")
        state = RedisState(StateUrl(host="localhost", port=port, tls=True), trusting)
        state.failed(HERE, 0, "tim", "x")
        assert state.level(HERE) == 1
        with pytest.raises(StateLost, match=r"not valid for '127\.0\.0\.1'"):
            RedisState(StateUrl(host=HOST, port=port, tls=True), trusting).level(HERE)
        others = certificates.client_context(ca_file(tmp_path, trustme.CA()), "")
        with pytest.raises(StateLost, match="CERTIFICATE_VERIFY_FAILED"):
            RedisState(StateUrl(host="localhost", port=port, tls=True), others).level(HERE)


def test_killed_and_back() -> None:
    with redis_place() as place:
        state = RedisState(place.url)
        with place.run() as process:
            assert state.enter("tim", HERE, 1)
            killed(place, process)
            for _ in range(3):
                with pytest.raises(StateLost, match=r"refused|closed"):
                    state.level(HERE)
        with place.run():
            assert state.level(HERE) == 0
            assert state.enter("tom", HERE, 1)
            state.leave("tim", HERE)


@contextmanager
def lost_within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(StateLost):
        yield
    assert time.monotonic() - began < seconds


def test_one_that_hangs() -> None:
    with redis_place() as place, place.run() as process:
        states = [RedisState(place.url) for _ in range(2)]
        states[0].level(HERE)
        with hanging(process):
            with lost_within(ANSWER_TIME + 0.7):
                states[0].level(HERE)
            with lost_within(CONNECT_TIME + ANSWER_TIME + 0.7):
                states[1].enter("tim", HERE, 1)
        eventually("its answer", lambda: states[0].level(ELSEWHERE) == 0)


def test_many_who_ask_one_that_hangs() -> None:
    """None of them waits longer for all the others."""
    with socket.create_server((HOST, 0)) as listener:
        state = RedisState(StateUrl(host=HOST, port=listener.getsockname()[1]))

        def ask() -> None:
            with lost_within(CONNECT_TIME + 3 * ANSWER_TIME + 1.0):
                state.level(HERE)

        gevent.joinall([gevent.spawn(ask) for _ in range(50)], raise_error=True)


def test_something_else() -> None:
    with socket.create_server((HOST, 0)) as listener:

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"220 msa.example.org ready\r\n" * 5)
                sock.recv(100)

        gevent.spawn(answer)
        with lost_within(2):
            RedisState(StateUrl(host=HOST, port=listener.getsockname()[1])).level(HERE)


def test_a_server_that_takes_no_writes() -> None:
    with redis_server() as server:
        server.ask().replicaof(HOST, server.port + 1)
        with pytest.raises(StateLost, match="read only replica"):
            RedisState(server.url).enter("tim", HERE, 1)


def test_what_it_is(server: RedisServer) -> None:
    assert RedisState(server.url).version().startswith(("Redis 7.", "Redis 8.", "Valkey "))
