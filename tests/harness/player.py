"""Plays a transcript against a server of its own, and looks at what became of it."""

from __future__ import annotations

import time
from io import StringIO
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.harness import crashes, escapes
from tests.harness.client import Client, Surprise
from tests.harness.fakeimap import FakeImap
from tests.harness.fakerelay import FakeRelay, outside_address
from tests.harness.imapscript import Names
from tests.harness.judging import judge, judge_copies, matches, short
from tests.harness.serving import certificate_folder, serving
from tests.harness.transcript import Act, Expect, Send, Transcript, Write

FOLDER = Path(__file__).parent.parent / "transcripts"
_GREETING = Expect(("220 msa.example.org *",), 0)
_BYE = Expect(("221 2.0.0 msa.example.org *",), 0)


def play(transcript: Transcript, mode: str) -> None:
    """Play it `whole` (one send up to each point where a client must wait), by `lines` or by `octets`."""
    if transcript.relay.place == "outside" and not outside_address():
        pytest.skip("this machine has loopback addresses only")
    with TemporaryDirectory(prefix="gsubmit-tests-") as files:
        for event in _written_first(transcript):
            _write(event, Path(files))
        _play(transcript, mode, Path(files))


def _play(transcript: Transcript, mode: str, files: Path) -> None:
    relay = FakeRelay(transcript.relay)
    relay.start()
    imap = FakeImap(transcript.imap)
    if transcript.imap.ways:
        imap.start()
    relay_host = [f"submission_relay_host = {relay.host}"] if relay.host != "127.0.0.1" else []
    proxy = _proxy(transcript.relay.fields, relay.port)
    settings = "\n".join([*relay_host, *proxy, *transcript.imap.settings(imap.port), *transcript.settings])
    settings = settings.replace("{certificates}", str(certificate_folder())).replace("{transcripts}", str(FOLDER))
    settings = settings.replace("{files}", str(files))
    settings = imap.names.written_out(settings.encode()).decode()
    dialog: list[str] = []
    log = StringIO()
    try:
        with crashes.noted() as crashed, serving(settings, 0 if proxy else relay.port) as served:
            log = served.log
            port = served.tls_port if transcript.implicit_tls else served.port
            playing = _Playing(transcript, mode, port, dialog, imap.names, files)
            try:
                playing.run()
            finally:
                playing.close()
        if crashed:
            raise Surprise("; ".join(crashed))
        if faults := imap.faults():
            raise Surprise("; ".join(faults))
        judge(transcript, relay, imap.names.named(log.getvalue().encode()).decode())
        judge_copies(transcript.copies, imap.copies)
    except Surprise as surprise:
        dialog += imap.story()
        raise AssertionError(_report(transcript, surprise, dialog, relay, log.getvalue())) from None
    finally:
        imap.stop()
        relay.stop()


def _proxy(fields: str | None, port: int) -> list[str]:
    """The settings that make the relay a backend, for all users whom nobody else knows."""
    if fields is None:
        return []
    where = "" if "host=" in fields else f"host=127.0.0.1 port={port} "
    password = "" if "password=" in fields else "nopassword=y "
    args = f"{password}proxy=y {where}{fields}".replace("{port}", str(port))
    return ["login_proxy_max_reconnects = 0", "passdb {", "  driver = static", f"  args = {args}", "}"]


def _written_first(transcript: Transcript) -> list[Write]:
    """The files that are there when the server starts."""
    return [
        event for event in takewhile(lambda one: isinstance(one, Write), transcript.events) if isinstance(event, Write)
    ]


def _write(event: Write, folder: Path) -> None:
    """A file is there at once with all of its lines, or is gone."""
    path = folder / event.name
    if event.lines is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text("".join(f"{line}\n" for line in event.lines), encoding="utf-8")
    new.rename(path)


class _Playing:
    """One run through the events."""

    def __init__(
        self, transcript: Transcript, mode: str, port: int, dialog: list[str], names: Names, files: Path
    ) -> None:
        self._files = files
        self._transcript = transcript
        self._mode = mode
        self._port = port
        self._dialog = dialog
        self._names = names
        self._unsent = b""
        self._unread: list[Expect] = []
        self._clients = {1: self._connected()}
        self._number = 1
        self._over: set[int] = set()  # clients whose connection has ended

    def _connected(self) -> Client:
        return Client(self._port, self._transcript.client_ip, implicit_tls=self._transcript.implicit_tls)

    @property
    def _client(self) -> Client:
        return self._clients[self._number]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def run(self) -> None:
        events = self._transcript.events[len(_written_first(self._transcript)) :]
        if not (events and isinstance(events[0], Expect)):
            self._read(_GREETING)
        for event in events:
            if isinstance(event, Send):
                self._send(self._names.written_out(event.octets))
            elif isinstance(event, Expect):
                self._expect(event)
            elif isinstance(event, Write):
                self._flush()
                _write(event, self._files)
            else:
                self._flush()
                self._act(event)
        self._flush()
        for number in sorted(self._clients.keys() - self._over):
            self._turn_to(number)
            self._client.send(b"QUIT\r\n")
            self._read(_BYE)
            self._client.expect_close()

    def _turn_to(self, number: int) -> None:
        """Speak as another client from now on, one that is there already or a new one."""
        self._number = number
        if number not in self._clients:
            self._clients[number] = self._connected()
            self._read(_GREETING)

    def _send(self, octets: bytes) -> None:
        if self._mode == "whole":
            self._unsent += octets
            return
        self._dialog.append(f"C: {short(octets)}")
        if self._mode == "octets":
            self._client.send_slowly(octets)
        else:
            self._client.send(octets)

    def _expect(self, event: Expect) -> None:
        if self._mode != "whole":
            self._read(event)
            return
        self._unread.append(event)
        if event.stops_the_client:
            self._flush()

    def _flush(self) -> None:
        """Send what was gathered, in one go, and read its replies."""
        if self._unsent:
            self._dialog.append(f"C: {short(self._unsent)}")
            self._client.send(self._unsent)
            self._unsent = b""
        unread, self._unread = self._unread, []
        for event in unread:
            self._read(event)

    def _act(self, event: Act) -> None:
        self._dialog.append(f"-- {event.what} {event.client or ''} --")
        if event.what == "TLS":
            self._client.start_tls()
        elif event.what in ("CLOSED", "DROPPED"):
            self._client.expect_close(may_alert=event.what == "DROPPED")
            self._over.add(self._number)
        elif event.what == "CLIENT CLOSES":
            self._client.close()
            self._over.add(self._number)
        elif event.what == "CLIENT":
            self._turn_to(event.client)
        else:
            time.sleep(event.seconds)

    def _read(self, expected: Expect) -> None:
        try:
            lines = self._client.reply()
        except Surprise as surprise:
            raise Surprise(f"{surprise}; line {expected.where} expects {expected.lines[0]!r}") from None
        self._dialog += [f"S: {escapes.shown(line)}" for line in lines]
        if not matches(lines, list(expected.lines)):
            raise Surprise(f"line {expected.where} expects " + " / ".join(expected.lines))


def _report(transcript: Transcript, surprise: Surprise, dialog: list[str], relay: FakeRelay, log: str) -> str:
    """Everything that was said, so that nobody needs to play it again to see."""
    parts = [f"{transcript.path.name}: {transcript.rule}", *dialog, f"!! {surprise}"]
    for number, talk in enumerate(relay.talks, 1):
        parts.append(f"relay connection {number} heard: " + " | ".join(escapes.shown(line) for line in talk.heard))
    return "\n".join([*parts, "log:", log])
