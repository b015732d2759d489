"""From settings to the next hop (build_relay), as check-config --dial and the server have it."""

from __future__ import annotations

import errno
import logging
import os
import resource
import ssl
import sys
import threading
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import gevent
import pytest
import trustme
from gevent.server import StreamServer

from gsubmit.app import failures, process
from gsubmit.app.build import CannotStart, build_relay
from gsubmit.logs.complaints import Complaint
from gsubmit.relay.relay import Relay
from gsubmit.relay.unset import NoRelay
from gsubmit.settings.load import load_text


def built(text: str) -> Relay:
    relay = build_relay(load_text(f"ssl = no\nhostname = msa.example.org\nsubmission_relay_host = mx\n{text}").settings)
    assert isinstance(relay, Relay)
    return relay


def test_no_relay() -> None:
    assert isinstance(build_relay(load_text("ssl = no\n").settings), NoRelay)


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("", "host", "mx"),
        ("submission_relay_host = unix:/run/mx", "unix_path", "/run/mx"),
        ("", "hostname", "msa.example.org"),
        ("", "port", 25),
        ("submission_relay_port = 587", "port", 587),
        ("submission_relay_connect_timeout = 5 secs", "connect_timeout", 5.0),
        ("submission_relay_command_timeout = 7 secs", "command_timeout", 7.0),
        ("", "tls", "no"),
        ("", "context", None),
        ("submission_relay_ssl = smtps", "tls", "smtps"),
        ("submission_relay_user = me\nsubmission_relay_password = x", "login.user", "me"),
        ("submission_relay_user = me\nsubmission_relay_password = x", "login.password", "x"),
        ("submission_relay_user = me\nsubmission_relay_password = x\nsubmission_relay_master_user = boss", "login.master_user", "boss"),
        ("", "trusted", False),
        ("submission_relay_trusted = yes", "trusted", True),
        ("", "login.auth_cleartext", False),
        ("submission_relay_auth_cleartext = yes", "login.auth_cleartext", True),
        ("submission_relay_rawlog_dir = /var/log/raw", "rawlog_dir", "/var/log/raw"),
    ],
)  # fmt: skip
def test_hop(text: str, attribute: str, value: object) -> None:
    assert attrgetter(attribute)(built(text).pool.hop) == value


@pytest.mark.parametrize(
    ("text", "limit", "idle"),
    [
        ("", 100, 1740.0),
        ("submission_relay_max_connections = 0", 0, 1740.0),
        ("submission_relay_max_connections = 7\nsubmission_relay_max_idle_time = 5 secs", 7, 5.0),
    ],
)
def test_pool(text: str, limit: int, idle: float) -> None:
    relay = built(text)
    assert (relay.pool.max_connections, relay.pool.max_idle_time) == (limit, idle)


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("submission_backend_capabilities = 8bitmime DSN smtputf8", {"8BITMIME", "DSN", "SMTPUTF8"}),
        ("submission_backend_capabilities = none", set()),
    ],
)
def test_backend_capabilities(text: str, keywords: set[str]) -> None:
    """Told without asking the relay, which is not there."""
    assert set(built(text).capabilities().keywords) == keywords


@pytest.mark.parametrize("mode", ["starttls", "smtps"])
@pytest.mark.parametrize(("verify", "expected"), [("yes", ssl.CERT_REQUIRED), ("no", ssl.CERT_NONE)])
def test_tls(mode: str, verify: str, expected: ssl.VerifyMode) -> None:
    context = built(f"submission_relay_ssl = {mode}\nsubmission_relay_ssl_verify = {verify}").pool.hop.context
    assert context is not None and context.verify_mode == expected


def test_certificate_authorities_that_cannot_be_read() -> None:
    with pytest.raises(CannotStart, match=r"^cannot use the CA certificates in /nowhere/ca\.pem: "):
        built("submission_relay_ssl = smtps\nssl_client_ca_file = /nowhere/ca.pem")


def test_client_certificate_without_its_key(tmp_path: Path) -> None:
    trustme.CA().issue_cert("msa.example.org").cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with pytest.raises(CannotStart, match=r"^<text>:\d+: ssl_client_cert: ssl_client_key, the key of .*, is missing"):
        built(f"submission_relay_ssl = smtps\nssl_client_cert = <{tmp_path}/cert.pem")


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a server, for the time of the test."""
    monkeypatch.setattr(sys, "unraisablehook", None)
    monkeypatch.setattr(threading, "excepthook", None)
    monkeypatch.setitem(vars(gevent.get_hub()), "print_exception", None)
    failures.log_all()


@pytest.mark.usefixtures("hooks")
@pytest.mark.parametrize("start", [gevent.spawn, lambda work: threading.Thread(target=work).start()])
def test_what_nobody_waits_for_is_in_the_log(
    caplog: pytest.LogCaptureFixture, start: Callable[[Callable[[], None]], object]
) -> None:
    """gevent and threading would print it on standard error."""
    caplog.set_level("WARNING")

    def fail() -> None:
        raise ValueError("why")

    start(fail)
    gevent.sleep(0.01)
    assert [(record.getMessage(), record.exc_info is not None) for record in caplog.records] == [
        ("internal error: ValueError", True)
    ]


@pytest.mark.usefixtures("hooks")
def test_clients_that_cannot_be_accepted_are_one_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    monkeypatch.setattr(failures, "_not_accepted", Complaint(logging.getLogger("gsubmit")))
    server = StreamServer(("127.0.0.1", 0), lambda *_: None)
    for _ in range(3):
        gevent.get_hub().handle_error(server, OSError, OSError(errno.EMFILE, "Too many open files"), None)
    assert [record.getMessage() for record in caplog.records] == ["cannot accept clients: Too many open files"]


def faults(text: str, monkeypatch: pytest.MonkeyPatch, *, uid: int, descriptors: int) -> list[str]:
    """What a process of that user would have to say, without the files."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(resource, "getrlimit", lambda what: (descriptors, descriptors))
    return list(process.running_faults(load_text(f"ssl = no\n{text}").settings))


@pytest.mark.parametrize(("user", "is_warned_of"), [("", True), ("root", True), ("nobody", False)])
def test_root_is_warned_of(user: str, is_warned_of: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A master stays root, and who serves does not, where there is another user to become."""
    text = f"default_internal_user = {user}\n"
    found = faults(text, monkeypatch, uid=0, descriptors=100_000)
    assert [fault[:12] for fault in found] == ["runs as root"] * is_warned_of
    assert faults(text, monkeypatch, uid=1000, descriptors=resource.RLIM_INFINITY) == []


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", 2 * 1000 + 100 + process.OTHER_DESCRIPTORS),
        ("submission_relay_max_connections = 0", 3 * 1000 + process.OTHER_DESCRIPTORS),
        ("rawlog_dir = /tmp", 4 * 1000 + 100 + process.OTHER_DESCRIPTORS),
        ("service submission-login {\nprocess_limit = 50\n}", 3 * 50 + process.OTHER_DESCRIPTORS),
    ],
)
def test_too_few_descriptors_are_warned_of(text: str, needed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(text, monkeypatch, uid=1000, descriptors=needed - 1)
    assert f"may need {needed} descriptors, but {needed - 1} is the limit" in fault
    assert faults(text, monkeypatch, uid=1000, descriptors=needed) == []


@pytest.mark.parametrize(
    ("user", "fault"),
    [
        ("", "default_internal_user is empty: started by root, the server stays root"),
        ("root", "default_internal_user = root: started by root, the server stays root"),
        ("no-such-user", ""),  # which is more than a warning, see app.placescheck
        ("nobody", ""),
    ],
)
def test_root_is_warned_of_before_the_start(user: str, fault: str) -> None:
    settings = load_text(f"ssl = no\ndefault_internal_user = {user}\n").settings
    assert list(process.start_faults(settings)) == ([fault] if fault else [])
