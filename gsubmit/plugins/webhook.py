"""The plugin `webhook`: says by HTTP what became of each message, as JSON with an HMAC."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import queue
import re
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from gsubmit.plugins.config import Config
from gsubmit.plugins.mail import Mail
from gsubmit.plugins.plugin import Plugin
from gsubmit.smtp.reply import Reply

_PAUSE = 1.0  # seconds before the second try; twice as many before each further one
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_log = logging.getLogger("gsubmit.plugins")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere would become a GET without its body."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook(Plugin):
    """POST to `url`. X-Gsubmit-Signature is `sha256=` and the HMAC of timestamp, full stop and body, by `secret`.

    At most `queue` messages wait; what is beyond it, or was not taken in `tries`, is lost, with a line in the log. So
    is what was not yet told when the process ends, which waits for it within the plugin's timeout.
    """

    def __init__(self, config: Config) -> None:
        self._url = config.text("url")
        if not _is_url(self._url):
            raise config.error("url", "expected http:// or https:// with a host, and no user")
        self._secret = config.text("secret", "").strip().encode()
        self._tries = max(config.integer("tries", 5), 1)
        self._time = config.seconds("request_timeout", 10.0)
        self._waiting: queue.Queue[tuple[str, bytes]] = queue.Queue(max(config.integer("queue", 1000), 1))
        self._thread: threading.Thread | None = None
        self._opener = urllib.request.build_opener(_NoRedirects)

    def submitted(self, mail: Mail, reply: Reply) -> None:
        """Queue it; whoever sends does so on its own time."""
        said = {
            "time": int(time.time()),
            "id": mail.id,
            "user": mail.client.user,
            "sender": str(mail.sender) if mail.sender is not None else "",
            "recipients": [str(one.forward_path) for one in mail.recipients],
            "size": mail.size,
            "message_id": mail.header.get("Message-ID"),
            "reply": {"code": reply.code, "status": reply.status, "text": reply.text},
        }
        try:
            self._waiting.put_nowait((mail.id, json.dumps(said).encode()))
        except queue.Full:
            mail.log("webhook: too many wait, this one is not told")
            return
        if self._thread is None:  # not before the first message: check-config makes plugins too
            self._thread = threading.Thread(target=self._send_all, daemon=True)
            self._thread.start()

    def stopped(self) -> None:
        """Wait until all is told."""
        try:
            self._waiting.join()
        finally:
            if left := self._waiting.unfinished_tasks:
                _log.warning("webhook: the process ends, and %d messages are not told", left)

    def _send_all(self) -> None:
        while True:
            id, body = self._waiting.get()
            try:
                self._tell(id, body)
            finally:
                self._waiting.task_done()

    def _tell(self, id: str, body: bytes) -> None:
        pause = _PAUSE
        for number in range(1, self._tries + 1):
            try:
                self._send(body)
                return
            except Exception as error:  # whatever the other side says: the next message may be taken
                if number == self._tries or _is_final(error):
                    why = str(error) or repr(error)
                    _log.warning("webhook: message %s given up after %d tries: %s", id, number, why)
                    return
            time.sleep(pause)
            pause *= 2

    def _send(self, body: bytes) -> None:
        stamp = str(int(time.time()))
        headers = {"Content-Type": "application/json", "X-Gsubmit-Timestamp": stamp}
        if self._secret:
            digest = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            headers["X-Gsubmit-Signature"] = f"sha256={digest}"
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._time):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return _URL.fullmatch(text) is not None and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False


def _is_final(error: Exception) -> bool:
    """A no that another try does not change; a redirection is one."""
    return isinstance(error, urllib.error.HTTPError) and 300 <= error.code < 500 and error.code not in (408, 429)
