"""Plays a transcript against a server of its own, and looks at what became of it."""

from __future__ import annotations

import re
import time
from io import StringIO
from pathlib import Path

import pytest

from tests.harness import crashes, escapes
from tests.harness.client import Client, Surprise
from tests.harness.fakeimap import FakeImap
from tests.harness.fakerelay import FakeRelay, outside_address
from tests.harness.imapscript import MASTER_PASSWORD, SUBMIT_PASSWORD, TOKEN, Names
from tests.harness.relayanswers import Mail
from tests.harness.relayscript import as_written, begun
from tests.harness.serving import certificate_folder, serving
from tests.harness.transcript import Act, Expect, Letter, Send, Transcript

FOLDER = Path(__file__).parent.parent / "transcripts"
_RECEIVED = re.compile(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")
LONG = 4000  # octets of one line of a report
_GREETING = Expect(("220 msa.example.org *",), 0)
_BYE = Expect(("221 2.0.0 msa.example.org *",), 0)
# What a plugin of a transcript raises is in the log with its traceback.
_PLUGIN_FAILURE = re.compile(r"Error: plugin \w+ failed at .*\n(?:Traceback|  .*\n|\w[\w.]*: ).*(?:\n(?!\w{3} \d).*)*")


def play(transcript: Transcript, mode: str) -> None:
    """Play it `whole` (one send up to each point where a client must wait), by `lines` or by `octets`."""
    if transcript.relay.place == "outside" and not outside_address():
        pytest.skip("this machine has loopback addresses only")
    relay = FakeRelay(transcript.relay)
    relay.start()
    imap = FakeImap(transcript.imap)
    if transcript.imap.ways:
        imap.start()
    relay_host = [f"submission_relay_host = {relay.host}"] if relay.host != "127.0.0.1" else []
    proxy = _proxy(transcript.relay.fields, relay.port)
    settings = "\n".join([*relay_host, *proxy, *transcript.imap.settings(imap.port), *transcript.settings])
    settings = settings.replace("{certificates}", str(certificate_folder())).replace("{transcripts}", str(FOLDER))
    settings = imap.names.written_out(settings.encode()).decode()
    dialog: list[str] = []
    log = StringIO()
    try:
        with crashes.noted() as crashed, serving(settings, 0 if proxy else relay.port) as served:
            log = served.log
            port = served.tls_port if transcript.implicit_tls else served.port
            playing = _Playing(transcript, mode, port, dialog, imap.names)
            try:
                playing.run()
            finally:
                playing.close()
        if crashed:
            raise Surprise("; ".join(crashed))
        if faults := imap.faults():
            raise Surprise("; ".join(faults))
        _judge(transcript, relay, imap.names.named(log.getvalue().encode()).decode())
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


class _Playing:
    """One run through the events."""

    def __init__(self, transcript: Transcript, mode: str, port: int, dialog: list[str], names: Names) -> None:
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
        events = self._transcript.events
        if not (events and isinstance(events[0], Expect)):
            self._read(_GREETING)
        for event in events:
            if isinstance(event, Send):
                self._send(self._names.written_out(event.octets))
            elif isinstance(event, Expect):
                self._expect(event)
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
        self._dialog.append(f"C: {_short(octets)}")
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
            self._dialog.append(f"C: {_short(self._unsent)}")
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
        if not _matches(lines, list(expected.lines)):
            raise Surprise(f"line {expected.where} expects " + " / ".join(expected.lines))


def _matches(lines: list[bytes], patterns: list[str]) -> bool:
    if not patterns:
        return not lines
    if patterns[0] == "...":
        return any(_matches(lines[skipped:], patterns[1:]) for skipped in range(len(lines) + 1))
    return (
        bool(lines)
        and escapes.pattern(patterns[0]).fullmatch(lines[0]) is not None
        and _matches(lines[1:], patterns[1:])
    )


def _judge(transcript: Transcript, relay: FakeRelay, log: str) -> None:
    """What became of it: at the relay and in the log."""
    if relay.faults:
        raise Surprise("; ".join(relay.faults))
    if unheard := relay.unheard():
        raise Surprise("; ".join(unheard))
    relayed = len(transcript.letters) if transcript.relayed is None else transcript.relayed
    if len(relay.accepted) != relayed:
        raise Surprise(f"the relay accepted {len(relay.accepted)} messages instead of {relayed}")
    if transcript.transmitted is not None and len(relay.mails) != transcript.transmitted:
        raise Surprise(f"the relay got {len(relay.mails)} messages instead of {transcript.transmitted}")
    for letter, mail in zip(transcript.letters, relay.mails, strict=False):
        is_traced = letter.has_trace and "submission_add_received_header = no" not in transcript.settings
        _compare(letter, mail, has_trace=is_traced)
    own = _PLUGIN_FAILURE.sub("", log)
    if "internal error" in own.lower() or "Traceback" in own:
        raise Surprise("the server had an internal error")
    if any(secret in log for secret in (TOKEN, SUBMIT_PASSWORD, MASTER_PASSWORD)):
        raise Surprise("the log holds a token or a password")
    for text in transcript.log:
        if not re.search(escapes.pattern(text), log.encode()):
            raise Surprise(f"the log lacks {text!r}")


def _compare(letter: Letter, mail: Mail, *, has_trace: bool) -> None:
    content, wire = mail.content, mail.raw
    if has_trace:
        found = _RECEIVED.match(content)
        if found is None:
            raise Surprise(f"no Received field in front of {escapes.shown(content[:200])}")
        content, wire = content[found.end() :], wire[found.end() :]
        unfolded = re.sub(rb"\r\n[ \t]", b" ", found[0])[:-2]
        for text in letter.trace:
            if not escapes.pattern(text).fullmatch(unfolded):
                raise Surprise(f"the trace field is {escapes.shown(unfolded)} instead of {text!r}")
    if letter.content is not None and begun(letter.content) != content:
        raise Surprise(f"the relay got {_short(content)}\n instead of {_short(begun(letter.content))}")
    if letter.pattern and not _matches(content.removesuffix(b"\r\n").split(b"\r\n"), letter.pattern):
        raise Surprise(f"the relay got {_short(content)}\n instead of {letter.pattern}")
    if letter.wire is not None and begun(letter.wire) != wire:
        raise Surprise(f"on the wire was {_short(wire)}\n instead of {_short(begun(letter.wire))}")
    envelope = [mail.sender, *mail.recipients]
    if letter.envelope and letter.envelope != [as_written(mail.sender, letter.envelope[0]), *mail.recipients]:
        raise Surprise(f"the envelope was {envelope} instead of {letter.envelope}")


def _short(octets: bytes) -> str:
    return escapes.shown(octets if len(octets) <= LONG else octets[:LONG] + b" ...")


def _report(transcript: Transcript, surprise: Surprise, dialog: list[str], relay: FakeRelay, log: str) -> str:
    """Everything that was said, so that nobody needs to play it again to see."""
    parts = [f"{transcript.path.name}: {transcript.rule}", *dialog, f"!! {surprise}"]
    for number, talk in enumerate(relay.talks, 1):
        parts.append(f"relay connection {number} heard: " + " | ".join(escapes.shown(line) for line in talk.heard))
    return "\n".join([*parts, "log:", log])
