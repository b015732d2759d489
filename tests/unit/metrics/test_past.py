"""What is kept of earlier moments, by whichever process."""

from __future__ import annotations

import os

import pytest

from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.past import KEPT, Past


def sums(value: float) -> list[float]:
    return [value] * LAYOUT.size


def test_the_newest_are_kept() -> None:
    past = Past()
    assert not past and past.moments == []
    for number in range(KEPT + 3):
        past.add(number, sums(-number))
        assert past[-1] == [number, *sums(-number)[1:]]
        assert len(past) == min(number + 1, KEPT)
    assert past.moments == [*range(3, KEPT + 3)]
    assert [past[at][0] for at in (0, 1, KEPT - 1, -KEPT)] == [3, 4, KEPT + 2, 3]
    assert past[0][-1] == -3


@pytest.mark.parametrize("at", [0, -1, 1])
def test_where_there_is_none(at: int) -> None:
    past = Past()
    if at == 1:
        past.add(1, sums(1))
    with pytest.raises(IndexError):
        _ = past[at]


def test_it_outlives_who_has_kept_it() -> None:
    past = Past()
    child = os.fork()
    if not child:
        past.add(7, sums(8))
        os._exit(0)
    os.waitpid(child, 0)
    assert (past.moments, past[0][1]) == ([7], 8)
