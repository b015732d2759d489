"""The state of logins that all workers of one machine share."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from gsubmit.auth import penalty, refusals
from gsubmit.auth.penalty import NO_FAILURES, Failures, Penalised, faded, network_of, one_more, proof_of, seconds_left
from gsubmit.auth.state.database import Database, transaction
from gsubmit.auth.state.hashtable import hash_of
from gsubmit.auth.state.memory import StateMemory

_PROOF = 16  # octets

_LEVEL = "SELECT level, since FROM failures WHERE network = ?"
_FAILURES = "SELECT level, since, user, proofs FROM failures WHERE network = ?"
_FAILED = "INSERT OR REPLACE INTO failures (network, level, since, user, proofs) VALUES (?, ?, ?, ?, ?)"
# What is over or too much, oldest first; a few at a time, since each failure adds one at most.
_FORGET = """DELETE FROM failures WHERE seq IN (SELECT seq FROM failures ORDER BY seq LIMIT 2)
    AND (since <= ? OR seq <= (SELECT max(seq) FROM failures) - ?)"""
_FAILED_ONLY = "SELECT 1 FROM failures WHERE network = ? AND user = ?"
_AWAY = "INSERT INTO away VALUES (?1, ?2) ON CONFLICT DO UPDATE SET pid = ?2 WHERE pid = ?3"
_REFUSED = """INSERT INTO refusals (who, count, since) VALUES (?1, 1, ?2) ON CONFLICT (who)
    DO UPDATE SET count = iif(since <= ?3, 1, count + 1), since = iif(since <= ?3, ?2, since)"""
_FORGET_REFUSALS = """DELETE FROM refusals WHERE seq IN (SELECT seq FROM refusals ORDER BY seq LIMIT 2)
    AND (since <= ? OR seq <= (SELECT max(seq) FROM refusals) - ?)"""


class SharedState:
    """A LoginState of all workers: in memory what most logins ask for, the rest in a file (see StateFile).

    It is made in each of them after the fork; `row` is where this one counts connections. Its clock is the machine's
    monotonic one. Whatever looks only, never waits for those that write.
    """

    def __init__(self, path: Path, memory: StateMemory, row: int = 0) -> None:
        self._file = Database(path)
        self._all_memory = memory
        self._row = row
        self._pid = os.getpid()
        memory.connections.use(row)

    @property
    def _memory(self) -> StateMemory:
        """It is asked only while the file answers: both are one state. Raises StateLost."""
        if self._file.is_lost:
            self._file.row("SELECT 1")
        return self._all_memory

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is."""
        network, now = network_of(address), time.monotonic()
        if not self._memory.may_have_level(network, now) or hash_of(f"{network} {user}") in self._memory.known:
            return 0
        row: Any = self._file.row(_LEVEL, network)
        return faded(row[0], now - row[1]) if row is not None else 0

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return hash_of(f"{network_of(address)} {user}") in self._memory.known

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""
        network, proof = network_of(address), proof_of(user, password, self._memory.secret)
        if password and proof in _read(self._file.row(_FAILURES, network)).proofs:
            return

        def add(connection: sqlite3.Connection) -> None:
            now = time.monotonic()
            with transaction(connection):
                before = _read(connection.execute(_FAILURES, (network,)).fetchone())
                after = one_more(before, level, user, proof, now)
                proofs = b"".join(after.proofs)
                connection.execute(_FAILED, (network, after.level, after.since, _octets(after.user), proofs))
                connection.execute(_FORGET, (now - penalty.FORGOTTEN, penalty.MAX_ADDRESSES))
                self._memory.note_failure(network, now)

        self._memory.known.remove(hash_of(f"{network} {user}"))
        self._file.run(add)

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""
        if not user:
            return
        network, now = network_of(address), time.monotonic()
        # Failures that are over are left: they mean nothing but that the same wrong password is still no guess.
        if self._memory.may_have_level(network, now) and self._file.row(_FAILED_ONLY, network, _octets(user)):
            self._file.change("DELETE FROM failures WHERE network = ? AND user = ?", network, _octets(user))
        self._memory.known.add(hash_of(f"{network} {user}"), now)

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""
        now = time.monotonic()
        rows: list[Any] = self._file.rows("SELECT network, level, since, user FROM failures")
        return [
            Penalised(network, level, seconds_left(begun, now - since), _text(user))
            for network, begun, since, user in rows
            if (level := faded(begun, now - since))
        ]

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address, or all."""
        network = network_of(address) if address else ""
        self._file.change("DELETE FROM failures WHERE ?1 IN ('', network)", network)

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection of this process, unless all have `most`."""
        return self._memory.connections.enter(self._row, hash_of(f"{network_of(address)} {user}"), most)

    def leave(self, user: str, address: str) -> None:
        """One less."""
        self._memory.connections.leave(self._row, hash_of(f"{network_of(address)} {user}"))

    def refused(self, user: str, *, of_others: bool) -> None:
        """One more refusal."""
        now = time.monotonic()

        def add(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(_REFUSED, (_who(user, of_others=of_others), now, now - refusals.FORGOTTEN))
                connection.execute(_FORGET_REFUSALS, (now - refusals.FORGOTTEN, refusals.MAX_USERS))

        self._file.run(add)

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""
        query = "SELECT 1 FROM refusals WHERE who = ? AND count >= ? AND since > ?"
        since = time.monotonic() - refusals.FORGOTTEN
        return self._file.row(query, _who(user, of_others=of_others), refusals.MOST_REFUSALS, since) is not None

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""
        self._file.change("DELETE FROM refusals")

    def notes_loss(self, name: str) -> bool:
        """Whether this process is the first that lives and finds something away that they all use."""
        row: Any = self._file.row("SELECT pid FROM away WHERE name = ?", name)
        dead = row[0] if row is not None and _is_gone(row[0]) else None
        return self._file.change(_AWAY, name, self._pid, dead) == 1

    def notes_return(self, name: str) -> bool:
        """Whether it is the first that finds it back."""
        return self._file.change("DELETE FROM away WHERE name = ?", name) == 1

    def close(self) -> None:
        """Until it is asked again."""
        self._file.close()


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _read(row: Any) -> Failures:
    """A row of the table as failures."""
    if row is None:
        return NO_FAILURES
    level, since, user, proofs = row
    return Failures(level, since, _text(user), tuple(proofs[at : at + _PROOF] for at in range(0, len(proofs), _PROOF)))


def _who(user: str, *, of_others: bool) -> bytes:
    return _octets(f"{of_others} {user}")


def _octets(text: str) -> bytes:
    """Names may be what clients have made up (PEP 383's surrogates)."""
    return text.encode("utf-8", "surrogatepass")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")
