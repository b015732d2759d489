"""The server's own connection to its relay: opened as the server opens it, and shown step by step."""

from __future__ import annotations

import ssl
from base64 import b64decode
from collections.abc import Collection
from contextlib import ExitStack
from functools import partial

from gsubmit.dial.answer import RelayFailed, SaidMore
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import open_connection
from gsubmit.dial.replyparser import NotAReply
from gsubmit.net.addresses import Addresses
from gsubmit.smtp.capabilities import Capabilities
from gsubmit_cli.dial import client_here
from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.capabilities import described
from gsubmit_cli.probe.conversation import Conversation
from gsubmit_cli.probe.failure import Broken, Failure, Stage
from gsubmit_cli.probe.hints import MISSING, RELAY_LOGIN
from gsubmit_cli.probe.transcript import MASK
from gsubmit_cli.probe.wire import Wire, trouble_of

READABLE = ("PLAIN", "LOGIN")  # mechanisms that send the password itself


class Story:
    """Tells the transcript what the connection says and hears, in steps that end where the next one begins."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk
        self._step = ExitStack()
        self._is_telling = False

    def begin(self, name: str, stage: Stage) -> None:
        """The next step; the same one goes on."""
        if not (self._is_telling and self.talk.step_name == name):
            self.end()
            self._step.enter_context(self.talk.step(name, stage))
            self._is_telling = True

    def end(self) -> None:
        """The end of the step that is under way, if there is one."""
        self._step.close()
        self._is_telling = False

    def sent(self, octets: bytes, *, secret: bool = False) -> None:
        """Whole lines."""
        for line in octets.decode("utf-8", "surrogateescape").splitlines():
            self.talk.transcript.sent(self._masked_response(line) if secret else self._masked_command(line))

    def _masked_command(self, line: str) -> str:
        verb, *rest = line.split(" ", 2)
        if verb != "AUTH":
            return line
        if rest[0] in READABLE and self.talk.tls is None:
            self.talk.transcript.note("the password travels in clear text")
        return " ".join([verb, rest[0], *map(self._masked_response, rest[1:])])

    def _masked_response(self, response: str) -> str:
        self.talk.transcript.hide(b64decode(response))
        return MASK

    def received(self, octets: bytes) -> None:
        """One line."""
        self.talk.transcript.received(octets.rstrip(b"\r\n"))

    def close(self) -> None:
        """A connection has ended; the next address may be tried."""


class ShownConnection(RelayConnection):
    """A connection of the server's whose steps are told."""

    def __init__(self, story: Story, hop: NextHop, address: str, left_out: Collection[str]) -> None:
        super().__init__(hop, address, left_out, story)
        self._story = story
        self._talk = story.talk

    def connect_within(self, timeout: float) -> None:
        """The first step."""
        self._story.begin("connect", Stage.CONNECT)
        try:
            super().connect_within(timeout)
        except RelayFailed as failed:
            self._talk.transcript.note(failed.why)
            raise
        port = "" if self.hop.unix_path else f" port {self.hop.port}"
        self._talk.transcript.note(f"connected to {self.address}{port}")

    def wrap(self) -> None:
        """The handshake, and what is known of TLS after it."""
        self._story.begin("TLS", Stage.TLS)
        super().wrap()
        assert isinstance(self.sock, ssl.SSLSocket)
        self._talk.show_tls(self.sock)

    def hear_greeting(self) -> None:
        """The greeting."""
        self._story.begin("greeting", Stage.GREETING)
        super().hear_greeting()

    def hello(self, name: str) -> None:
        """EHLO, and the step that follows: it may fail before anything is said."""
        after = self._talk.step_name
        self._story.begin(f"EHLO after {after}" if after in ("TLS", "XCLIENT") else "EHLO", Stage.GREETING)
        super().hello(name)
        if self.hop.tls == "starttls" and not self.tls_version:
            self._story.begin("STARTTLS", Stage.TLS)
            return
        self._talk.transcript.note(*described(self.capabilities))
        if self.hop.trusted and self.client is None and "XCLIENT" in self.capabilities:
            self._story.begin("XCLIENT", Stage.GREETING)
            return
        if self.hop.trusted and self.client is None:
            self._talk.transcript.note("submission_relay_trusted = yes, but the relay does not offer XCLIENT to us")
        if self.hop.login.user:
            self._story.begin("AUTH", Stage.AUTH)


def open_as_server(talk: Conversation, hop: NextHop, login: str) -> Capabilities:
    """Open the connection of `talk` as the server does for a client on this machine that logged in as `login`.

    Returns what the relay offers. Raises Failure.
    """
    story, client = Story(talk), client_here(hop.hostname, login)
    story.begin("connect", Stage.CONNECT)
    talk.transcript.hide(hop.login.password.encode("utf-8", "surrogateescape"))
    try:
        with ExitStack() as undo:
            connection = open_connection(hop, Addresses(hop.host), client, make=partial(ShownConnection, story))
            undo.callback(connection.close)
            connection.check_silence()
            undo.pop_all()
    except RelayFailed as failed:
        raise _failure(talk, failed) from failed.__cause__
    finally:
        story.end()
    sock, ahead = connection.hand_over()
    talk.go_on_with(Wire(sock, hop.command_timeout, ahead))
    return connection.capabilities


def _failure(talk: Conversation, failed: RelayFailed) -> Failure:
    """What the server's connection ran into, with what to look at."""
    cause = failed.__cause__
    if failed.said is not None:
        status, lines = failed.said.status, failed.said.text.split("\n")
        return talk.refusal(Answer(failed.said.code, tuple(f"{status} {line}".strip() for line in lines)))
    if isinstance(cause, OSError | ValueError):
        return talk.trouble(trouble_of(cause))
    if isinstance(cause, NotAReply):  # its words may be a part of what is masked
        return talk.trouble(Broken("garbage", "the answer is not an SMTP reply"))
    if isinstance(failed, SaidMore):
        return talk.trouble(Broken("garbage", "the relay says more than it was asked"))
    if failed.lost or talk.stage not in (Stage.TLS, Stage.AUTH):
        return talk.trouble(Broken("closed", failed.why))
    if talk.stage is Stage.TLS:
        return talk.missing("STARTTLS")
    return talk.failure(failed.why, RELAY_LOGIN if talk.tls else MISSING["AUTH"][True])
