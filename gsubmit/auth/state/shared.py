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

_PROOF = 16  # octets
_UNLIMITED = 1 << 62

_LEVEL = "SELECT level, since FROM failures WHERE network = ? AND NOT EXISTS (SELECT 1 FROM known WHERE who = ?)"
_FAILURES = "SELECT level, since, user, proofs FROM failures WHERE network = ?"
_FAILED = "INSERT OR REPLACE INTO failures (network, level, since, user, proofs) VALUES (?, ?, ?, ?, ?)"
# What is over or too much, oldest first; a few at a time, since each failure adds one at most.
_FORGET = """DELETE FROM failures WHERE seq IN (SELECT seq FROM failures ORDER BY seq LIMIT 2)
    AND (since <= ? OR seq <= (SELECT max(seq) FROM failures) - ?)"""
_KNOWS = "SELECT 1 FROM known WHERE who = ?"
# One that is among the newer half already keeps its place: who logs in all the time must not push out the others.
_STANDING = """SELECT (SELECT user FROM failures WHERE network = ?1),
    EXISTS (SELECT 1 FROM known WHERE who = ?2 AND seq >= (SELECT max(seq) FROM known) - ?3)"""
_OLDEST_KNOWN = "DELETE FROM known WHERE seq <= (SELECT max(seq) FROM known) - ?"
# One statement is a transaction: nobody else enters between the look and the insertion.
_ENTER = """INSERT INTO connections SELECT ?1, ?2, 1
    WHERE (SELECT total(count) FROM connections WHERE who = ?1) < ?3
    ON CONFLICT DO UPDATE SET count = count + 1"""
_LAST_LEAVES = "DELETE FROM connections WHERE who = ? AND pid = ? AND count <= 1"
_ONE_LEAVES = "UPDATE connections SET count = count - 1 WHERE who = ? AND pid = ?"
_AWAY = "INSERT INTO away VALUES (?1, ?2) ON CONFLICT DO UPDATE SET pid = ?2 WHERE pid = ?3"
_REFUSED = """INSERT INTO refusals (who, count, since) VALUES (?1, 1, ?2) ON CONFLICT (who)
    DO UPDATE SET count = iif(since <= ?3, 1, count + 1), since = iif(since <= ?3, ?2, since)"""
_FORGET_REFUSALS = """DELETE FROM refusals WHERE seq IN (SELECT seq FROM refusals ORDER BY seq LIMIT 2)
    AND (since <= ? OR seq <= (SELECT max(seq) FROM refusals) - ?)"""


class SharedState:
    """A LoginState in a file (see StateFile) that other processes have open too; made in each of them after the fork.

    Its clock is the machine's monotonic one. Whatever looks only, never waits for those that write. What a process had
    that was killed, counts no more when somebody would be refused because of it.
    """

    def __init__(self, path: Path) -> None:
        self._file = Database(path)
        self._pid = os.getpid()

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is."""
        network = network_of(address)
        row: Any = self._file.row(_LEVEL, network, _who(network, user))
        return faded(row[0], time.monotonic() - row[1]) if row is not None else 0

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return self._file.row(_KNOWS, _who(network_of(address), user)) is not None

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""
        network, proof = network_of(address), proof_of(user, password, self._file.secret)
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
                connection.execute("DELETE FROM known WHERE who = ?", (_who(network, user),))

        self._file.run(add)

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""
        if not user:
            return
        network = network_of(address)
        who = _who(network, user)
        row: Any = self._file.row(_STANDING, network, who, penalty.MAX_KNOWN // 2)
        if row[0] == _octets(user):
            self._file.change("DELETE FROM failures WHERE network = ? AND user = ?", network, row[0])
        if not row[1]:
            self._file.change("INSERT OR REPLACE INTO known (who) VALUES (?)", who)
            self._file.change(_OLDEST_KNOWN, penalty.MAX_KNOWN)

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
        who = _who(network_of(address), user)
        return self._enter(who, most) or (self._forget_the_dead(who) and self._enter(who, most))

    def _enter(self, who: bytes, most: int) -> bool:
        return self._file.change(_ENTER, who, self._pid, most or _UNLIMITED) == 1

    def _forget_the_dead(self, who: bytes) -> bool:
        """Whether any of those processes is gone in which they are connected."""
        rows: list[Any] = self._file.rows("SELECT pid FROM connections WHERE who = ?", who)
        dead = [pid for (pid,) in rows if _is_gone(pid)]
        for pid in dead:
            self.forget_process(pid)
        return bool(dead)

    def leave(self, user: str, address: str) -> None:
        """One less."""
        who = _who(network_of(address), user)
        if not self._file.change(_LAST_LEAVES, who, self._pid):
            self._file.change(_ONE_LEAVES, who, self._pid)

    def forget_process(self, pid: int) -> None:
        """The connections of a process that is gone are over."""
        self._file.change("DELETE FROM connections WHERE pid = ?", pid)

    @property
    def connections(self) -> int:
        """How many are counted, of all processes."""
        row: Any = self._file.row("SELECT total(count) FROM connections")
        return int(row[0])

    def refused(self, user: str, *, of_others: bool) -> None:
        """One more refusal."""
        now = time.monotonic()

        def add(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(_REFUSED, (_who(str(of_others), user), now, now - refusals.FORGOTTEN))
                connection.execute(_FORGET_REFUSALS, (now - refusals.FORGOTTEN, refusals.MAX_USERS))

        self._file.run(add)

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""
        query = "SELECT 1 FROM refusals WHERE who = ? AND count >= ? AND since > ?"
        since = time.monotonic() - refusals.FORGOTTEN
        return self._file.row(query, _who(str(of_others), user), refusals.MOST_REFUSALS, since) is not None

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


def _who(network: str, user: str) -> bytes:
    return _octets(f"{network} {user}")


def _octets(text: str) -> bytes:
    """Names may be what clients have made up (PEP 383's surrogates)."""
    return text.encode("utf-8", "surrogatepass")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")
