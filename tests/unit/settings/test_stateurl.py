"""submission_state: what it says, and that nobody reads its password."""

from __future__ import annotations

import pytest

from gsubmit.settings.load import load_text
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.show import changed
from gsubmit.settings.stateurl import StateUrl


def read(text: str) -> StateUrl | None:
    return load_text(f"ssl = no\nsubmission_state = {text}\n").settings.auth.submission_state


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        pytest.param("redis://mx", StateUrl("mx"), "redis://mx:6379/0", id="host"),
        pytest.param("redis://mx:7000/", StateUrl("mx", 7000), "redis://mx:7000/0", id="port"),
        pytest.param("rediss://mx/3", StateUrl("mx", tls=True, db=3), "rediss://mx:6379/3", id="TLS and database"),
        pytest.param("redis://[::1]:7000", StateUrl("::1", 7000), "redis://[::1]:7000/0", id="IPv6"),
        pytest.param(
            "redis://me:s3cr3t@mx", StateUrl("mx", user="me", password="s3cr3t"), "redis://me:<hidden>@mx:6379/0", id="user"
        ),
        pytest.param("redis://:s3cr3t@mx", StateUrl("mx", password="s3cr3t"), "redis://:<hidden>@mx:6379/0", id="password"),
        pytest.param(
            "redis://me:s3cr3t%2F%40%3A%23@mx", StateUrl("mx", user="me", password="s3cr3t/@:#"),
            "redis://me:<hidden>@mx:6379/0", id="encoded",
        ),
        pytest.param("unix:///run/redis.sock", StateUrl(path="/run/redis.sock"), "unix:///run/redis.sock", id="socket"),
        pytest.param(
            "unix://me:s3cr3t@/run/redis.sock?db=2", StateUrl(path="/run/redis.sock", db=2, user="me", password="s3cr3t"),
            "unix://me:<hidden>@/run/redis.sock?db=2", id="socket with everything",
        ),
    ],
)  # fmt: skip
def test_forms(text: str, url: StateUrl, shown: str) -> None:
    assert read(text) == url
    assert str(url) == shown
    assert "s3cr3t" not in repr(url)
    settings = load_text(f"ssl = no\nsubmission_state = {text}\n").settings
    assert ("submission_state", shown) in list(changed(settings))
    assert "s3cr3t" not in repr(settings)


def test_none() -> None:
    assert read("") is None


@pytest.mark.parametrize(
    "text",
    [
        "mx:6379",
        "redis:mx",
        "redis://",
        "redis://:s3cr3t@",
        "redis://s3cr3t@mx",
        "redis://me:s3cr3t@mx/one",
        "redis://me:s3cr3t@mx/0/1",
        "redis://me:s3cr3t@mx:port/0",
        "redis://me:s3cr3t@mx:0",
        "redis://me:s3cr3t@mx:70000",
        "redis://me:s3cr3t@mx?ssl_cert_reqs=none",
        "redis://me:s3cr3t#@mx",
        "redis://me:s3cr3t@[::1",
        "redis://me:s3cr3t@m x",
        "memcached://me:s3cr3t@mx",
        "unix://me:s3cr3t@host/run/redis.sock",
        "unix://me:s3cr3t@",
        "unix:///",
        "unix:///run/redis.sock?password=s3cr3t",
    ],
)
def test_what_makes_no_sense(text: str) -> None:
    with pytest.raises(SettingsError, match="submission_state: expected") as caught:
        read(text)
    assert "s3cr3t" not in str(caught.value)
