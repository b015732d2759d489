"""The embedded next hop of the demo: a small SMTP listener that stores each message in a Maildir."""

from __future__ import annotations

import mailbox
from pathlib import Path
from socket import create_server, socket
from threading import Thread

from gsubmit.smtp.address import path_text
from gsubmit.smtp.command import Command
from gsubmit.smtp.data import DataReader
from gsubmit.smtp.envelope import Sender, read_recipient, read_sender
from gsubmit.smtp.replies import BYE, MAIL_FIRST, NO_RECIPIENTS, OK, START_MAIL, UNKNOWN_COMMAND
from gsubmit.smtp.reply import Refused, Reply

_OFFERED = frozenset({"SIZE", "8BITMIME", "SMTPUTF8"})
_KEYWORDS = "PIPELINING\nSIZE\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES"
_SILENCE = 300.0  # seconds, RFC 5321 4.5.3.2.7


class MaildirRelay:
    """Listens on a free loopback port; takes mail from anybody who can reach it there."""

    def __init__(self, folder: Path, hostname: str) -> None:
        self._maildir = mailbox.Maildir(folder, create=True)
        self._hostname = hostname
        self._sock = create_server(("127.0.0.1", 0))
        self.port = int(self._sock.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._sock.accept()
            except OSError:
                return  # closed
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket) -> None:
        client.settimeout(_SILENCE)
        try:
            with client:
                _Dialog(client, self._maildir, self._hostname).run()
        except OSError:
            pass  # the sender has gone

    def close(self) -> None:
        """Stop listening."""
        self._sock.close()


class _Dialog:
    """One client of the Maildir; lines may be pipelined."""

    def __init__(self, client: socket, maildir: mailbox.Maildir, hostname: str) -> None:
        self._client = client
        self._maildir = maildir
        self._hostname = hostname
        self._buffer = b""
        self._sender: Sender | None = None
        self._recipients: list[str] = []

    def run(self) -> None:
        self._say(Reply(220, "", f"{self._hostname} Maildir"))
        reply = OK
        while not reply.closes:
            while b"\r\n" not in self._buffer:
                if not self._more():
                    return
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            try:
                reply = self._answer(Command.parse(line))
            except Refused as refused:
                reply = refused.reply
            self._say(reply)

    def _more(self) -> bool:
        octets = self._client.recv(65536)
        self._buffer += octets
        return bool(octets)

    def _say(self, reply: Reply) -> None:
        self._client.sendall(reply.wire)

    def _answer(self, command: Command) -> Reply:
        match command.verb:
            case "EHLO" | "HELO":
                self._forget()
                extensions = f"\n{_KEYWORDS}" if command.verb == "EHLO" else ""
                return Reply(250, "", self._hostname + extensions)
            case "MAIL":
                self._forget()
                self._sender = read_sender(command.argument, _OFFERED, ())
                return Reply(250, "2.1.0", "OK")
            case "RCPT":
                return self._recipient(command)
            case "DATA":
                return self._data()
            case "RSET":
                self._forget()
                return OK
            case "NOOP":
                return OK
            case "QUIT":
                return BYE
        return UNKNOWN_COMMAND

    def _recipient(self, command: Command) -> Reply:
        if self._sender is None:
            return MAIL_FIRST
        recipient = read_recipient(command.argument, _OFFERED, (), smtputf8=self._sender.params.smtputf8)
        self._recipients.append(str(recipient.forward_path))
        return Reply(250, "2.1.5", "OK")

    def _data(self) -> Reply:
        if self._sender is None:
            return MAIL_FIRST
        if not self._recipients:
            return NO_RECIPIENTS
        self._say(START_MAIL)
        reader, content = DataReader(), []
        while not reader.ended:
            if not self._buffer and not self._more():
                raise OSError("connection lost in the middle of a message")
            content.append(reader.feed(self._buffer))
            self._buffer = b""
        self._buffer = reader.remainder
        envelope = f"Return-Path: {path_text(self._sender.reverse_path)}\r\n"
        envelope += "".join(f"Delivered-To: {recipient}\r\n" for recipient in self._recipients)
        key = self._maildir.add(envelope.encode() + b"".join(content))
        self._forget()
        return Reply(250, "2.0.0", f"Stored as {key}")

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []
