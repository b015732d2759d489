"""The plugin webhook, and an endpoint that answers as endpoints do."""

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

from gsubmit.plugins import Config, Mail
from gsubmit.plugins import webhook as module
from gsubmit.plugins.runner import Running, arranged
from gsubmit.plugins.webhook import Webhook
from tests.unit.plugins.test_moments import sent, session


class Hook(http.server.BaseHTTPRequestHandler):
    heard: ClassVar[list[tuple[Any, bytes]]] = []
    answers: ClassVar[list[int | bytes]] = []
    done = threading.Event()

    def do_POST(self) -> None:
        self.heard.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            return
        self.send_response(answer)
        if 300 <= answer < 400:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        if answer < 300:
            self.done.set()

    def do_GET(self) -> None:
        self.heard.append((self.headers, b"GET"))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Hook.heard, Hook.answers, Hook.done = [], [], threading.Event()
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_webhook_says_what_became_of_a_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    Hook.answers = [503, 500]
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


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://",
        "http://h:80a/",
        "http://h:0/",
        "https://exa mple/",
        "https://b\xfccher/",
        "h:80",
        "http://me:s3cret@h/",
    ],
)
def test_webhook_needs_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Webhook(Config.of(url=url))


@pytest.mark.parametrize("answer", [b"220 mail ESMTP\r\n", b"", b"HTTP/1.1 2\r\n\r\n", 302, 307, 404])
def test_webhook_goes_on_after_any_answer(url: str, answer: bytes | int, caplog: pytest.LogCaptureFixture) -> None:
    Hook.answers = [answer]
    plugin = Webhook(Config.of(url=url, tries="1"))
    with session(plugin) as client:
        assert sent(client).code == sent(client).code == 250
        assert Hook.done.wait(5)
    assert [body for _, body in Hook.heard].count(b"GET") == 0  # a redirect would take the body away
    assert len(Hook.heard) == 2
    assert f"message {client.session.id} given up after 1 tries: " in caplog.text


def test_webhook_tells_what_waits_before_the_end(url: str) -> None:
    plugin = Webhook(Config.of(url=url))
    with session(plugin) as client:
        for _ in range(4):
            assert sent(client).code == 250
        arranged([Running("webhook", plugin)]).stop()
    assert len(Hook.heard) == 4


def test_webhook_says_what_it_cannot_tell_any_more(url: str, caplog: pytest.LogCaptureFixture) -> None:
    Hook.answers = [503]
    plugin = Webhook(Config.of(url=url))
    with session(plugin) as client:
        assert sent(client).code == sent(client).code == 250
        arranged([Running("webhook", plugin, timeout=0.2)]).stop()
    assert "the process ends, and 2 messages are not told" in caplog.text
