"""Tables in memory that workers share: connections in rows, and who is known."""

from __future__ import annotations

import pytest

from gsubmit.auth.state.connections import Connections
from gsubmit.auth.state.hashtable import WAYS, hash_of
from gsubmit.auth.state.known import KnownUsers

TIM = hash_of("192.0.2.10 tim")
OF_ONE_BUCKET = [1 << 20 | number << 12 for number in range(1, 3 * WAYS)]


@pytest.fixture
def connections() -> Connections:
    connections = Connections(4)
    for row in (0, 1, 3):
        connections.use(row)
    return connections


def test_all_rows_count(connections: Connections) -> None:
    assert [connections.enter(row, TIM, 3) for row in (3, 0, 1, 3, 0)] == [True, True, True, False, False]
    connections.leave(3, TIM)
    assert [connections.enter(row, TIM, 3) for row in (1, 1)] == [True, False]


def test_who_is_refused_is_not_counted(connections: Connections) -> None:
    assert connections.enter(0, TIM, 1)
    assert not any(connections.enter(row, TIM, 1) for row in (0, 1, 3) for _ in range(3))
    connections.leave(0, TIM)
    assert connections.enter(1, TIM, 1)


def test_what_a_worker_had_that_has_ended(connections: Connections) -> None:
    for user in (TIM, TIM, *OF_ONE_BUCKET[:5]):
        assert connections.enter(3, user, 2)
    assert connections.enter(1, OF_ONE_BUCKET[0], 2)
    assert not connections.enter(0, TIM, 2)
    connections.clear(3)
    assert [connections.enter(0, TIM, 2) for _ in range(3)] == [True, True, False]
    assert [connections.enter(0, OF_ONE_BUCKET[0], 2) for _ in range(2)] == [True, False], "others go on"
    connections.use(3)
    assert not connections.enter(3, TIM, 2)
    assert [connections.enter(3, OF_ONE_BUCKET[1], 1) for _ in range(2)] == [True, False], "the next one begins anew"


def test_users_of_one_bucket_are_counted_apart(connections: Connections) -> None:
    for turn in range(3):
        users = OF_ONE_BUCKET[turn * WAYS // 2 :][:WAYS]
        assert all(connections.enter(row, user, 2) for row in (0, 1) for user in users)
        assert not any(connections.enter(0, user, 2) for user in users)
        for row in (0, 1):
            for user in users:
                connections.leave(row, user)


def test_without_a_cell_they_are_let_in_and_take_nothing_from_others(connections: Connections) -> None:
    counted, others = OF_ONE_BUCKET[:WAYS], OF_ONE_BUCKET[WAYS:]
    assert all(connections.enter(0, user, 1) for user in counted)
    assert all(connections.enter(0, user, 1) for user in others for _ in range(2))
    for user in others:
        connections.leave(0, user)
    assert not any(connections.enter(0, user, 1) for user in counted)
    connections.leave(0, counted[7])
    assert [connections.enter(0, others[0], 1) for _ in range(2)] == [True, False]


def test_more_have_left_than_were_counted(connections: Connections) -> None:
    connections.leave(0, TIM)
    assert connections.enter(0, TIM, 1)
    for _ in range(2):
        connections.leave(0, TIM)
    assert [connections.enter(0, TIM, 1) for _ in range(2)] == [True, False]


def test_who_is_known() -> None:
    known = KnownUsers()
    assert TIM not in known
    known.add(TIM, 1000.0)
    assert TIM in known
    assert hash_of("192.0.2.10 tom") not in known
    known.remove(TIM)
    assert TIM not in known
    known.remove(TIM)


def test_who_logs_in_all_the_time_stays_and_does_not_push_out_the_others() -> None:
    known, always, users = KnownUsers(buckets=1), hash_of("always"), [hash_of(f"user{number}") for number in range(100)]
    known.add(always, 1000.0)
    for second, user in enumerate(users, 1000):
        known.add(user, second)
        assert always in known
        known.add(always, second)
    assert [user in known for user in users] == [False] * (101 - WAYS) + [True] * (WAYS - 1)


def test_nobody_is_known_in_a_table_that_is_new() -> None:
    assert hash_of("") != 0
    assert hash_of("") not in KnownUsers(buckets=1)
