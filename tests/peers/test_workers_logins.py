"""What the workers of one server know together of logins and connections, and what is left of it when some are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from smtplib import SMTP, SMTPException

from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_logins import connected, guess, log_in, seconds_of_a_login
from tests.harness.peer_process import children, eventually

LIMIT = 10
_SETTINGS = f"""
mail_max_userip_connections = {LIMIT}
disable_plaintext_auth = no
shutdown_clients = 1h
service submission-login {{
  process_min_avail = 2
}}
"""
_STATE = "/gsubmit-state-"


def workers(server: Gsubmit) -> list[int]:
    """Both, once they serve."""
    eventually("the start", lambda: "serving on " in server.log_so_far)
    return eventually("two workers", lambda: found if len(found := _workers(server)) == 2 else [])


def _workers(server: Gsubmit) -> list[int]:
    return children(server.process.pid, "gsubmit-worker")


def logged_in(server: Gsubmit, tries: int = 3 * LIMIT) -> list[SMTP]:
    """As many clients as there can be."""
    clients = [connected(server) for _ in range(tries)]
    accepted = [client for client in clients if log_in(client)]
    for client in clients:
        if client not in accepted:
            client.close()
    return accepted


def lives(client: SMTP) -> bool:
    try:
        return client.noop()[0] == 250
    except (OSError, SMTPException):
        return False


def state_folder(process: int) -> Path:
    """Where a process has the state of all workers."""
    files = [Path(os.readlink(file)) for file in Path(f"/proc/{process}/fd").iterdir() if file.exists()]
    (folder,) = [file for file in files if _STATE in str(file)]
    return folder


def test_the_connections_of_all_count_and_those_of_a_killed_one_no_more() -> None:
    with gsubmit(1, _SETTINGS) as server:
        killed = workers(server)[0]
        clients = logged_in(server)
        assert len(clients) == LIMIT
        os.kill(killed, signal.SIGKILL)
        eventually("another worker", lambda: killed not in workers(server))
        left = [client for client in clients if lives(client)]
        assert 0 < len(left) < LIMIT, "both had some"
        more = logged_in(server)
        assert len(left) + len(more) == LIMIT
        for client in left[1:] + more:
            client.close()
        eventually("their end", lambda: _free_places(server) == LIMIT - 1)
        left[0].close()
        assert "does not answer" not in server.log


def _free_places(server: Gsubmit) -> int:
    clients = logged_in(server, LIMIT)
    for client in clients:
        client.close()
    return len(clients)


def test_a_reload_forgives_nothing() -> None:
    with gsubmit(1, _SETTINGS + "auth_penalty = yes\n") as server:
        before = workers(server)
        clients = logged_in(server)
        guess(server)
        os.kill(server.process.pid, signal.SIGHUP)
        eventually("the reload", lambda: "settings reloaded" in server.log_so_far)
        assert len(clients) == LIMIT
        assert logged_in(server, 1) == []
        for client in clients:
            client.close()
        eventually("the end of the old ones", lambda: not set(before) & set(_workers(server)))
        guess(server)
        with connected(server) as client:
            assert 3 < seconds_of_a_login(client) < 20


def test_nothing_is_left_behind() -> None:
    with gsubmit(1, _SETTINGS) as server:
        workers(server)
        folder = state_folder(server.process.pid)
        assert folder.stat().st_mode & 0o7777 == 0o700
        assert (folder / "state").exists()
        os.kill(server.process.pid, signal.SIGTERM)
        server.process.wait(10)
        assert not folder.exists()


def test_after_a_killed_master_it_is_removed_by_the_next() -> None:
    with gsubmit(1, _SETTINGS) as server:
        orphans = workers(server)
        folder = state_folder(server.process.pid)
        server.process.kill()
        server.process.wait()
        eventually("the end of the workers", lambda: not any(Path(f"/proc/{orphan}").exists() for orphan in orphans))
    with gsubmit(1, _SETTINGS):
        eventually("its end", lambda: not folder.exists())
