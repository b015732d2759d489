"""A client that submits with BDAT, which none of the usual programs does."""

from __future__ import annotations

import smtplib
import ssl

from tests.harness.peer_dovecot import Configured
from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER
from tests.harness.peer_process import HOST

NAME = "client.example.org"
TIME = 60.0  # seconds to wait for any answer


class Client(smtplib.SMTP):
    """A client that is logged in, and tells replies as smtplib does: code and text."""

    def __init__(
        self,
        server: Gsubmit | Configured,
        *,
        tls: bool = False,
        user: str = USER,
        password: str = PASSWORD,
        name: str = NAME,
        address: str = HOST,
    ) -> None:
        """`name` is for EHLO, `address` the one to come from."""
        super().__init__(HOST, server.port, name, TIME, (address, 0))
        if tls:
            self.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        try:
            self.login(user, password)
        except smtplib.SMTPException:
            self.close()
            raise

    def begin(self, recipient: str = RECIPIENT) -> tuple[int, bytes]:
        """MAIL and RCPT; the first reply that refuses, or the last one."""
        reply = self.docmd("MAIL", f"FROM:<{SENDER}>" + (" BODY=8BITMIME" if self.has_extn("8bitmime") else ""))
        return self.docmd("RCPT", f"TO:<{recipient}>") if reply[0] == 250 else reply

    def submit(self, message: bytes) -> tuple[int, bytes]:
        """A whole transaction with DATA; the reply that decided it."""
        reply = self.begin()
        if reply[0] == 250:
            try:
                return self.data(message)
            except smtplib.SMTPDataError as error:
                assert isinstance(error.smtp_error, bytes)
                return error.smtp_code, error.smtp_error
        return reply

    def submit_in_chunks(self, message: bytes, sizes: tuple[int, ...]) -> tuple[int, bytes]:
        """A whole transaction with BDAT in chunks of `sizes`, the last chunk with all that is left."""
        reply = self.begin()
        for size in sizes:
            if reply[0] != 250:
                return reply
            chunk, message = message[:size], message[size:]
            reply = self._chunk(chunk, "")
        return self._chunk(message, " LAST") if reply[0] == 250 else reply

    def _chunk(self, chunk: bytes, marker: str) -> tuple[int, bytes]:
        assert self.sock is not None
        self.sock.sendall(f"BDAT {len(chunk)}{marker}\r\n".encode() + chunk)
        return self.getreply()
