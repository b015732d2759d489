"""Where a server counts logins, by its settings (login_state), and what a reload makes of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from gsubmit.app.build import login_state
from gsubmit.app.shared import Shared
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.redisstate import RedisState
from gsubmit.auth.state.statefile import make_state_file
from gsubmit.settings.load import load_text
from gsubmit.settings.sections import Settings
from gsubmit.settings.stateurl import StateUrl
from tests.harness.peer_process import HOST
from tests.harness.peer_redis import redis_server
from tests.harness.ports import free_port
from tests.harness.serving import serving

ADDRESS = "192.0.2.1"


def settings(url: str = "") -> Settings:
    return load_text(f"ssl = no\nsubmission_state = {url}\n").settings


def test_by_itself() -> None:
    assert isinstance(login_state(settings()), LocalState)


def test_with_other_workers(tmp_path: Path) -> None:
    file = make_state_file(parent=tmp_path)
    shared = Shared(state=file)
    one, other = (login_state(settings(), replace(shared, number=number)) for number in range(2))
    assert one.enter("tim", ADDRESS, 1)
    assert not other.enter("tim", ADDRESS, 1)
    other.failed(ADDRESS, 0, "tim", "x")
    assert one.level(ADDRESS) == 1
    assert other.enter("tom", ADDRESS, 1)
    shared.logins.connections.clear(1)
    assert [one.enter(user, ADDRESS, 1) for user in ("tim", "tom")] == [False, True], "the other one has ended"
    file.remove()


def test_with_other_machines_and_without_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What machines share comes first, then what workers share, then what is left."""
    file = make_state_file(parent=tmp_path)
    url = f"redis://me:s3cr3t@{HOST}:{free_port()}"
    shared = Shared(state=file)
    one, other = (login_state(settings(url), replace(shared, number=number)) for number in range(2))
    one.failed(ADDRESS, 0, "tim", "x")
    other.failed(ADDRESS, 0, "tim", "y")
    assert one.level(ADDRESS) == 2
    file.remove()
    alone = [login_state(settings(url), replace(shared, number=number)) for number in range(2)]
    for state in alone:
        state.failed(ADDRESS, 0, "tim", "x")
    assert [state.level(ADDRESS) for state in alone] == [1, 1]
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(messages) == 5
    assert messages[0].startswith(f"submission_state redis://me:<hidden>@{HOST}:")
    assert messages[2].startswith("the state of all workers does not answer")
    assert not any("s3cr3t" in message for message in messages)


def test_a_reload_takes_the_new_one() -> None:
    with redis_server() as redis, serving("auth_penalty = yes\n") as served:
        server, url = served.server, StateUrl(HOST, redis.port)
        before, old = server.service, server.service.settings
        before.logins.state.enter("tim", ADDRESS, 0)
        server.reload(lambda: old)
        assert server.service.logins is before.logins
        server.reload(lambda: replace(old, auth=replace(old.auth, submission_state=url)))
        server.service.logins.state.failed(ADDRESS, 0, "tim", "x")
        assert RedisState(url).level(ADDRESS) == 1
        assert before.logins.state.level(ADDRESS) == 0
        before.logins.state.leave("tim", ADDRESS)  # a session that began before
