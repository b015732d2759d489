"""Tests run in one patched process: server, clients and fake relays are greenlets that speak over real sockets."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import os

import hypothesis
import pytest

from tests.harness import leftovers
from tests.harness.transcript import Transcript


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "leave out tests marked slow, play each transcript in its first way only, and let hypothesis try less"
    parser.addoption("--quick", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    # No authorities of the system: no test needs them, and reading them takes 50 ms for each TLS context.
    os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)
    if config.getoption("--quick"):
        hypothesis.settings.register_profile("quick", max_examples=20)
        hypothesis.settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    leftovers.begin_test()


@pytest.fixture(autouse=True)
def _own_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(leftovers.is_own)  # it keeps a filter once


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        left_out = [item for item in items if not _is_quick(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_quick(item)]


def _is_quick(item: pytest.Item) -> bool:
    played = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    transcript = played.get("transcript")
    return not item.get_closest_marker("slow") and not (
        isinstance(transcript, Transcript) and played["mode"] != transcript.modes[0]
    )
