"""`gsubmit stats`: what a running server has counted and measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import click

from gsubmit.watch.lines import Object
from gsubmit_cli.config import config_option
from gsubmit_cli.table import counted, duration, octets, table
from gsubmit_cli.watch import asked, json_option, print_json

_HEADS = ("FIGURE", "OF", "VALUE", "MEAN", "95 %")
_MOST = 0.95  # of the values of a histogram


@click.command()
@config_option
@json_option
def stats(path: Path, as_json: bool) -> None:
    """Show what a running server has counted and measured since it was started, and what it has now.

    Only what is not 0 is shown, but with --json everything.
    """
    server, *series = objects = asked(path, {"command": "stats"})
    if as_json:
        print_json(objects)
        return
    rows = [_row(one) for one in series if one.get("value", one.get("count"))]
    workers, age = counted(server["workers"], "worker"), duration(max(0.0, time.time() - server["started"]))
    click.echo(table(_HEADS, rows, f"gsubmit {server['version']}, {workers}, up {age}"))


def _row(series: Object) -> tuple[str, ...]:
    name = series["name"].removeprefix("gsubmit_")
    labels = " ".join(series["labels"].values())
    if "value" in series:
        value = int(series["value"])
        return name, labels, octets(value) if "_bytes" in name else str(value), "", ""
    count = series["count"]
    return name, labels, str(count), _time(series["sum"] / count), _bound(series["buckets"], _MOST * count)


def _bound(buckets: Mapping[str, int], least: float) -> str:
    """The smallest bound that so many values keep, or the largest that they do not."""
    *bounds, _ = buckets.items()
    for bound, count in bounds:
        if count >= least:
            return f"<= {_time(float(bound))}"
    return f"> {_time(float(bounds[-1][0]))}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
