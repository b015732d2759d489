"""The status page: one HTML page for people, with nothing to load and no script."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import MESSAGES, OPEN_CONNECTIONS, RELAY_LATENCY, SESSIONS
from gsubmit.settings.hosts import host_and_port
from gsubmit.settings.sections import Settings
from gsubmit.watch import tables
from gsubmit.watch.answers import BadRequest, Commands
from gsubmit.watch.health import Health
from gsubmit.watch.history import STEP, STEPS, History, Sample, quantile
from gsubmit.watch.http import Environ, Page
from gsubmit.watch.lines import Object
from gsubmit.watch.plot import Series, bars, count, duration, ranges

REFRESH = 15  # seconds until a browser asks again
_STYLE = (Path(__file__).parent / "page.css").read_text("ascii")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode("ascii")).digest()).decode("ascii")
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = (("Content-Security-Policy", _POLICY), ("Referrer-Policy", "no-referrer"))

OURS = ("refused_4xx", "refused_5xx")
RELAYS = ("relay_4xx", "relay_5xx")


class StatusPage:
    """What there is to show, of the figures and of what those that serve answer to `commands`."""

    def __init__(
        self, settings: Callable[[], Settings], board: Board, history: History, health: Health, commands: Commands
    ) -> None:
        self._settings = settings
        self._board = board
        self._history = history
        self._health = health
        self._commands = commands

    def page(self, environ: Environ) -> Page:
        """`/`, as things are now; `/?all` has longer lists, and nothing has to be opened."""
        is_all = environ["QUERY_STRING"] == "all"
        html = self._html(tables.MANY if is_all else tables.FEW)
        if is_all:
            html = html.replace("<details>", "<details open>")
        return Page(html.encode(), "text/html; charset=utf-8", headers=HEADERS)

    def _html(self, most: int) -> str:
        settings = self._settings()
        now = self._history.now()
        hour = now - self._history.first
        fault = self._health.fault()
        parts = [
            _tiles(now, hour),
            _plots(self._history),
            tables.states(now),
            tables.relay(_relay(settings), now, hour, self._health.failing_for),
            tables.workers(self._board),
            tables.failures(*self._asked("failures"), most),
            tables.sessions(*self._asked("who", newest=tables.MANY), most),
            tables.totals(now, hour),
        ]
        name, state = escape(settings.server.hostname), '<span class="state ok" role="status">working</span>'
        if fault:
            state = f'<span class="state bad" role="status">{escape(fault)}</span>'
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}: gsubmit</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="refresh" content="{REFRESH}"><style>{_STYLE}</style></head><body>\n'
            f"<header><h1>{name}</h1>{state}<p>gsubmit at {time.strftime('%H:%M:%S')}</p></header>\n"
            f"<main>{''.join(parts)}</main>\n"
            f"<footer>Times are the server's ({escape(time.strftime('%Z'))}). The page loads itself again every"
            f' {REFRESH} seconds. <a href="{"/" if most == tables.MANY else "/?all"}">Show'
            f" {'less' if most == tables.MANY else 'everything'}</a>, or"
            ' <a href="/metrics">the figures for Prometheus</a>.</footer>\n</body></html>\n'
        )

    def _asked(self, command: str, **arguments: int) -> tuple[list[Object], str]:
        """The objects of an answer, and why there are not all."""
        if command not in self._commands:
            return [], "base_dir is empty, so that those who serve cannot be asked"
        try:
            answer = list(self._commands[command]({"command": command, **arguments}))
        except BadRequest as bad:
            return [], str(bad)
        warnings = [str(one["warning"]) for one in answer if "warning" in one]
        return [one for one in answer if "warning" not in one], "; ".join(warnings)


def _relay(settings: Settings) -> str:
    relay = settings.relay
    return relay.host if relay.host.startswith("unix:") or not relay.host else host_and_port(relay.host, relay.port)


def _tiles(now: Sample, hour: Sample) -> str:
    span = tables.span(hour)
    accepted, refused = hour.of(MESSAGES, "accepted"), _sum(hour, OURS + RELAYS)
    all_of_them = accepted + refused
    share = f"{100 * refused / all_of_them:.1f}\u00a0% of {count(all_of_them)}" if all_of_them else "no messages"
    median, most = _wait(hour, 0.5), _wait(hour, 0.95)
    per_minute = accepted / max(hour.moment / 60, 1)
    return "".join(
        [
            _tile("Messages relayed", count(accepted), f"{span}, {count(round(per_minute, 1))} a minute"),
            _tile("Messages refused", count(refused), f"{span}, {share}"),
            _tile("The relay takes", duration(median), f"is the median; {duration(most)} for 95\u00a0%"),
            _tile(
                "Clients connected",
                count(now.of(OPEN_CONNECTIONS)),
                f"{count(now.of(SESSIONS, 'transaction'))} within a message",
            ),
        ]
    )


def _tile(name: str, value: str, more: str) -> str:
    return f'<section class="tile"><h2>{name}</h2><strong>{value}</strong><p>{more}</p></section>'


def _plots(history: History) -> str:
    steps = history.steps()
    end = time.time() - (time.monotonic() - history.last.moment)
    times = [time.strftime("%H:%M", time.localtime(end - STEP * back)) for back in range(STEPS - 1, -1, -1)]
    relayed = Series("relayed", "good", _each(steps, lambda step: step.of(MESSAGES, "accepted")))
    lost = [
        Series("by the relay", "bad", _each(steps, lambda step: _sum(step, RELAYS))),
        Series("by gsubmit", "odd", _each(steps, lambda step: _sum(step, OURS))),
        Series("given up", "gone", _each(steps, lambda step: step.of(MESSAGES, "unfinished"))),
    ]
    logins = [
        Series("succeeded", "good", _each(steps, lambda step: tables.logins_of(step, "ok"))),
        Series("failed", "bad", _each(steps, lambda step: tables.logins_of(step, "failed"))),
        Series("by our fault", "odd", _each(steps, lambda step: tables.logins_of(step, "temporary"))),
    ]
    median = Series("median", "low", _each(steps, lambda step: _wait(step, 0.5)))
    most = Series("95\u00a0%", "high", _each(steps, lambda step: _wait(step, 0.95)))
    slowest = max((value for value in most.values if value), default=None)
    waited = f"In the slowest minute 95 % of all messages took the relay at most {duration(slowest)}."
    waits = ranges("waits", "Time until the relay has answered a message, in each minute", waited, median, most, times)
    return "".join(
        [
            _card("Messages a minute", [relayed], times, _counted("messages", "Messages relayed", [relayed], times)),
            _card("Not relayed a minute", lost, times, _counted("lost", "Messages not relayed", lost, times)),
            _card("Time the relay takes for a message", [median, most], times, waits),
            _card("Logins a minute", logins, times, _counted("logins", "Logins", logins, times)),
            tables.minutes(times, [relayed, *lost], [median, most]),
        ]
    )


def _counted(ident: str, title: str, series: Sequence[Series], times: Sequence[str]) -> str:
    summary = f"In the hour up to {times[-1]}: {', '.join(map(_said, series))}."
    return bars(ident, f"{title} in each minute", summary, series, times)


def _each(steps: Sequence[Sample | None], value: Callable[[Sample], float | None]) -> list[float | None]:
    return [None if step is None else value(step) for step in steps]


def _wait(sample: Sample, share: float) -> float | None:
    return quantile(RELAY_LATENCY.bounds, sample.buckets(RELAY_LATENCY, "message"), share)


def _said(series: Series) -> str:
    values = [value or 0 for value in series.values]
    return f"{count(sum(values))} {series.name}, at most {count(max(values))} a minute"


def _card(title: str, series: Sequence[Series], times: Sequence[str], plot: str) -> str:
    key = "".join(f'<li class="{one.kind}">{escape(one.name)}</li>' for one in series)
    shown = "".join(f"<li>{times[at]}</li>" for at in (0, STEPS // 4, STEPS // 2, STEPS * 3 // 4, STEPS - 1))
    keys = f'<ul class="key">{key}</ul>' if len(series) > 1 else ""
    return (
        f'<section class="half"><div class="top"><h2>{title}</h2>{keys}</div>{plot}'
        f'<ul class="times" aria-hidden="true">{shown}</ul></section>'
    )


def _sum(sample: Sample, results: Sequence[str]) -> float:
    return sum(sample.of(MESSAGES, result) for result in results)
