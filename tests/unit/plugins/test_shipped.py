"""The plugins that are shipped: archive and webhook."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import gevent
import pytest

from gsubmit.plugins import Client, Config, Mail, Reply
from gsubmit.plugins import webhook as module
from gsubmit.plugins.archive import Archive
from gsubmit.plugins.loader import class_of, installed
from gsubmit.plugins.testing import play
from gsubmit.plugins.webhook import Webhook
from gsubmit.settings.plugins import PluginSettings
from tests.unit.plugins.test_moments import sent, session


def test_they_are_installed() -> None:
    assert {"footer", "archive", "webhook"} <= set(installed())
    assert class_of(PluginSettings("archive")) is Archive


@pytest.mark.parametrize(
    ("keys", "sender", "recipient", "is_kept"),
    [
        ({}, "a@example.org", "b@example.net", True),
        ({"senders": "EXAMPLE.org"}, "a@example.ORG", "b@example.net", True),
        ({"senders": "a@example.org"}, "b@example.org", "b@example.net", False),
        ({"recipients": "@example.net"}, "", "b@example.net", True),
        ({"senders": "a@example.org", "recipients": "c@example.net"}, "x@example.org", "c@example.net", True),
    ],
)
def test_archive(keys: dict[str, str], sender: str, recipient: str, is_kept: bool) -> None:
    plugin = Archive(Config.of(address="archive@example.org", **keys))
    made = play(plugin, b"Subject: a\n\n", sender=sender, recipients=[recipient])
    assert made.recipients == ((recipient, "archive@example.org") if is_kept else (recipient,))


def test_archive_needs_an_address() -> None:
    with pytest.raises(ValueError, match="address"):
        Archive(Config.of(address="no address"))


class Hook(http.server.BaseHTTPRequestHandler):
    heard: ClassVar[list[tuple[Any, bytes]]] = []
    codes: ClassVar[list[int]] = []
    done = threading.Event()

    def do_POST(self) -> None:
        self.heard.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        code = self.codes.pop(0) if self.codes else 204
        self.send_response(code)
        self.end_headers()
        if code < 500:
            self.done.set()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Hook.heard, Hook.codes, Hook.done = [], [], threading.Event()
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_webhook_says_what_became_of_a_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    Hook.codes = [503, 500]
    with session(Webhook(Config.of(url=url, secret="s3cret"))) as client:
        assert sent(client, b"Message-ID: <a@b>\r\n\r\n").code == 250
        id = client.session.id
        assert Hook.done.wait(5)
    assert len(Hook.heard) == 3
    headers, body = Hook.heard[-1]
    said = json.loads(body)
    assert said.pop("time") > 0
    assert said == {
        "id": id,
        "user": "user",
        "sender": "a@example.org",
        "recipients": ["b@example.org"],
        "size": 21,
        "message_id": "<a@b>",
        "reply": {"code": 250, "status": "2.0.0", "text": "Stored"},
    }
    signed = headers["X-Gsubmit-Timestamp"].encode() + b"." + body
    assert headers["X-Gsubmit-Signature"] == f"sha256={hmac.new(b's3cret', signed, hashlib.sha256).hexdigest()}"


def test_webhook_never_waits(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)  # nobody takes anything
    plugin = Webhook(Config.of(url="http://127.0.0.1:1/", queue="2"))
    with caplog.at_level("INFO"), session(plugin) as client:
        seen: list[Mail] = []
        monkeypatch.setattr(Mail, "log", lambda self, text: seen.append(self))
        for _ in range(3):
            assert sent(client).code == 250
        gevent.sleep(0)
    assert len(seen) == 1
    with pytest.raises(ValueError, match="url"):
        Webhook(Config.of(url="file:///etc/passwd"))


def test_no_password_is_in_what_plugins_see() -> None:
    assert "password" not in Client.__dataclass_fields__
    assert Reply(550).refuses
