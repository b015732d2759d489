"""SIGKILL to gsubmit while it files what a script has asked for, at real IMAP servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_copies import USER, Store, flags, quick_program, quick_server, settled, submit
from tests.harness.peer_cyrus import cyrus
from tests.harness.peer_dovecot_imap import dovecot_imap
from tests.harness.peer_process import eventually, public_folder
from tests.harness.peer_sent import SIZE, cutter, message

SCRIPT = r"""require ["fileinto", "mailbox", "imap4flags", "copy"];
fileinto :copy :create :flags ["\\Flagged", "work"] "FIRST";
fileinto :create :flags "$Important" "SECOND";
"""


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, Store]]:
    with dovecot_imap((USER,)) as one, cyrus((USER,)) as other:
        yield {"dovecot": one, "cyrus": other}


@pytest.mark.parametrize("step", ["before APPEND", "in the literal", "before the tagged OK"])
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_each_copy_is_there_once(stores: dict[str, Store], fake_relay: FakeRelay, kind: str, step: str) -> None:
    store = stores[kind]
    names = [f"{step.replace(' ', '')}{at}" for at in (1, 2)]
    with cutter(step, store.port) as way, quick_program() as program, public_folder("copies") as folder:
        scripts = Path(folder).parent / "outgoing.sieve"
        scripts.write_text(SCRIPT.replace("FIRST", names[0]).replace("SECOND", names[1]))
        scripts.chmod(0o644)
        more = f"submission_sieve_before = {scripts}\n"
        with quick_server(fake_relay, way, program, folder, more) as server:
            way.then = lambda: os.killpg(server.process.pid, signal.SIGKILL)
            submit(server.port, message(names[0], size=SIZE))
            eventually("the cut", lambda: way.has_cut)
            eventually("the end", lambda: server.process.poll() is not None)
        assert list(folder.glob("*.copy"))
        with quick_server(fake_relay, way, program, folder, more):
            settled(folder)
        scripts.unlink()
    assert flags(store, names[0]) == [{"\\seen", "\\flagged", "work"}]
    assert flags(store, names[1]) == [{"\\seen", "$important"}]
