"""What pytest has as soon as gsubmit is installed: the fixture `gsubmit_server`, see docs/testing.md.

Nothing else is imported before a test asks for it, for gevent may have to patch first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gsubmit.testing import SubmissionServer


@pytest.fixture(scope="session")
def gsubmit_session_server() -> Iterator[SubmissionServer]:
    """A submission server for all tests of the run."""
    from gsubmit.testing import SubmissionServer  # noqa: PLC0415 - see above

    with SubmissionServer() as server:
        yield server


@pytest.fixture
def gsubmit_server(gsubmit_session_server: SubmissionServer) -> SubmissionServer:
    """The same, which has no messages yet."""
    gsubmit_session_server.clear()
    return gsubmit_session_server
