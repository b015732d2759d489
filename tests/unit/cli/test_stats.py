"""gsubmit stats: how the figures of a server are shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gsubmit_cli.main import main

from gsubmit.watch.lines import Object
from tests.harness.commands import CliRunner, Result
from tests.unit.watch.asking import controlled

SERVER: Object = {"version": "9.8", "workers": 2, "started": time.time() - 3 * 86400 - 100}


def series(name: str, value: float, **labels: str) -> Object:
    return {"name": f"gsubmit_{name}", "labels": labels, "value": value}


def histogram(*counts: int, total: float) -> Object:
    """With up to 5 ms, half a second and 10 seconds, and all."""
    buckets = dict(zip(("0.005", "0.5", "10.0", "+Inf"), counts, strict=True))
    return {"name": "gsubmit_x_seconds", "labels": {"step": "s"}, "count": counts[-1], "sum": total, "buckets": buckets}


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command against a server that answers with these series."""
    path = tmp_path / "gsubmit.conf"
    path.write_text(f"base_dir = {tmp_path}\n")

    def run(*objects: Object, options: tuple[str, ...] = (), server: Object = SERVER) -> Result:
        with controlled(tmp_path, {"stats": lambda _: [server, *objects]}):
            return CliRunner().invoke(main, ["stats", "-c", str(path), *options])

    return run


def test_a_table(run: Run) -> None:
    result = run(
        series("open_connections", 12.0),
        series("logins_total", 4650.0, mechanism="PLAIN", result="ok"),
        series("client_sent_bytes_total", 84_000_000.0),
        histogram(0, 100, 100, 100, total=1.42),
    )
    assert result.stdout == (
        "FIGURE                   OF        VALUE  MEAN     95 %\n"
        "open_connections                   12\n"
        "logins_total             PLAIN ok  4650\n"
        "client_sent_bytes_total            84M\n"
        "x_seconds                s         100    14.2 ms  <= 500 ms\n"
        "gsubmit 9.8, 2 workers, up 3d\n"
    )
    assert result.exit_code == 0


def test_what_is_0_is_left_out(run: Run) -> None:
    assert run(series("x_total", 0.0), histogram(0, 0, 0, 0, total=0.0)).stdout == "gsubmit 9.8, 2 workers, up 3d\n"


@pytest.mark.parametrize(
    ("counts", "total", "mean", "most"),
    [
        pytest.param((100, 100, 100, 100), 0.25, "2.5 ms", "<= 5 ms", id="all in the first"),
        pytest.param((95, 100, 100, 100), 0.5, "5 ms", "<= 5 ms", id="95 of 100 are enough"),
        pytest.param((94, 100, 100, 100), 0.5, "5 ms", "<= 500 ms", id="94 are not"),
        pytest.param((0, 0, 1, 1), 1.5, "1.5 s", "<= 10 s", id="one"),
        pytest.param((0, 0, 9, 10), 600.0, "60 s", "> 10 s", id="above all bounds"),
    ],
)
def test_what_is_measured(run: Run, counts: tuple[int, ...], total: float, mean: str, most: str) -> None:
    assert f"  {mean}  {most}\n" in run(histogram(*counts, total=total)).stdout


def test_json_has_all(run: Run) -> None:
    objects = series("x_total", 0.0), histogram(0, 0, 0, 0, total=0.0)
    result = run(*objects, options=("--json",))
    assert [json.loads(line) for line in result.stdout.splitlines()] == [SERVER, *objects]


def test_a_clock_that_was_set_back(run: Run) -> None:
    server = SERVER | {"started": time.time() + 5000, "workers": 1}
    assert run(server=server).stdout == "gsubmit 9.8, 1 worker, up 0s\n"
