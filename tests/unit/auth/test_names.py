"""User names: which characters, and lower case."""

from __future__ import annotations

import pytest

from gsubmit.auth.names import canonical
from gsubmit.auth.passdb import Denied


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tim", "tim"), ("Tim@Example.ORG", "tim@example.org"), ("a.b-c_D@x@Y", "a.b-c_d@x@y"), ("09", "09")],
)
def test_canonical(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    "name", ["ti m", "tim/../x", "tim\0", "tim*master", "tim%u", "jürgen", "tim\n", "tim:x", "\u212a", "\u0663"]
)
def test_refused(name: str) -> None:
    with pytest.raises(Denied):
        canonical(name)
