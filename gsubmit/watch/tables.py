"""The tables of the status page. Everything from outside is escaped here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from html import escape

from gsubmit.metrics import figures as fig
from gsubmit.metrics.board import Board
from gsubmit.metrics.layout import Figure
from gsubmit.watch.history import Sample
from gsubmit.watch.lines import Object
from gsubmit.watch.plot import NOTHING, Series, bar, count, duration

FEW, MANY = 8, 50  # rows of a list: shown at first, and of the whole page
MINUTES = 5  # of a row in the table of the hour

_TOTALS: tuple[tuple[str, tuple[tuple[str, Figure, tuple[str, ...]], ...]], ...] = (
    (
        "Messages",
        (
            ("relayed", fig.MESSAGES, ("accepted",)),
            ("refused by the relay, for good", fig.MESSAGES, ("relay_5xx",)),
            ("refused by the relay, for now", fig.MESSAGES, ("relay_4xx",)),
            ("refused by gsubmit, for good", fig.MESSAGES, ("refused_5xx",)),
            ("refused by gsubmit, for now", fig.MESSAGES, ("refused_4xx",)),
            ("given up by the client", fig.MESSAGES, ("unfinished",)),
            ("octets relayed", fig.RELAY_SENT, ()),
        ),
    ),
    (
        "Recipients",
        (
            ("of relayed messages", fig.RECIPIENTS, ("accepted",)),
            ("refused by the relay, for good", fig.RECIPIENTS, ("relay_5xx",)),
            ("refused by the relay, for now", fig.RECIPIENTS, ("relay_4xx",)),
            ("refused by gsubmit, for good", fig.RECIPIENTS, ("refused_5xx",)),
            ("refused by gsubmit, for now", fig.RECIPIENTS, ("refused_4xx",)),
        ),
    ),
    (
        "Connections of clients",
        (
            ("taken", fig.CONNECTIONS, ("accepted",)),
            ("refused, all places taken", fig.CONNECTIONS, ("full",)),
            ("dropped before they could begin", fig.CONNECTIONS, ("dropped",)),
            ("TLS handshakes that failed", fig.FAILED_TLS_HANDSHAKES, ()),
        ),
    ),
)
_RESULTS = {
    "ok": "succeeded",
    "failed": "failed",
    "temporary": "failed by our fault",
    "unfinished": "given up by the client",
}


def span(hour: Sample) -> str:
    """The time of what was counted, in words."""
    minutes = round(hour.moment / 60)
    return "the last hour" if minutes >= 60 else f"the last {minutes} minutes" if minutes > 1 else "the last minute"


def states(now: Sample) -> str:
    """Open sessions by what they do."""
    words = {
        "before_login": "not logged in yet",
        "idle": "between messages",
        "transaction": "within a message",
        "proxied": "served by another server",
    }
    values = {state: now.of(fig.SESSIONS, state) for state in words}
    most = max(*values.values(), 1)
    rows = [
        f'<tr><th scope="row">{words[state]}</th>'
        f"<td>{bar(value / most)}</td>"
        f'<td class="number"{_named(fig.SESSIONS, (state,), value)}>{count(value)}</td></tr>'
        for state, value in values.items()
    ]
    return _section("Sessions", f'<table class="states"><tbody>{"".join(rows)}</tbody></table>')


def relay(name: str, now: Sample, hour: Sample, failing_for: float) -> str:
    """The relay: whether it can be reached, and the connections to it."""
    state = "reached" if any(now.buckets(fig.RELAY_LATENCY, "connect")) else "not tried yet"
    if failing_for:
        state = f'<span class="error">not reached for {_ago(failing_for)}</span>'
    rows = [
        _row("state", state),
        *(
            _row(
                f"connections {word}", count(now.of(fig.RELAY_CONNECTIONS, value)), fig.RELAY_CONNECTIONS, (value,), now
            )
            for word, value in (("in use", "busy"), ("kept", "idle"))
        ),
        _row("messages that wait for one", count(now.of(fig.RELAY_WAITING)), fig.RELAY_WAITING, (), now),
        _row("failures to connect in the hour", count(hour.of(fig.RELAY_FAILURES))),
    ]
    caption = escape(name) or "none is set"
    return _section("Relay", f"<table><caption>{caption}</caption><tbody>{''.join(rows)}</tbody></table>")


def workers(board: Board) -> str:
    """The processes that serve clients."""
    now = time.monotonic()
    rows = []
    for number, pid in board.workers.items():
        row = board.row(number)
        seen = now - board.last_beat(number)
        mark = _ago(seen) if seen < 15 else f'<span class="error">{_ago(seen)}</span>'
        cells = [count(row[fig.OPEN_CONNECTIONS.at()]), count(row[fig.MESSAGES.at("accepted")])]
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        head = f'<tr><th scope="row">{number}</th><td class="number">{pid}</td>'
        rows.append(f'{head}{numbers}<td class="number">{mark}</td></tr>')
    heads = "".join(f'<th scope="col" class="number">{head}</th>' for head in ("pid", "clients", "relayed", "seen"))
    table = f'<table><thead><tr><th scope="col">number</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return _section("Workers", table)


def failures(found: list[Object], fault: str, most: int) -> str:
    """What was refused or did not work, newest first: whose, and why; no addresses of recipients."""
    newest = sorted(found, key=lambda failure: str(failure["time"]), reverse=True)[:most]
    more = "The session finds all its lines in the log." if newest else "None since the start."
    more += f" {_all(len(found) - len(newest))}"
    return _list("Last failures", ("Time", "User", "What", "Session"), list(map(_failure, newest)), fault, more)


def sessions(found: list[Object], fault: str, most: int) -> str:
    """The newest sessions."""
    newest = sorted(found, key=lambda session: float(session["seconds"]))[:most]
    more = "The newest first; gsubmit who shows all." if newest else "Nobody is there."
    more += f" {_all(len(found) - len(newest))}"
    return _list(
        "Open sessions",
        ("User", "Address", "For", "State", "Messages", "Session"),
        list(map(_session, newest)),
        fault,
        more,
    )


def _all(left: int) -> str:
    return '<a href="?all">More of them</a>' if left > 0 else ""


def _list(title: str, heads: Sequence[str], rows: Sequence[str], fault: str, more: str) -> str:
    """A table whose rows are broken into lines where there is no room."""
    said = f'<p class="error">{escape(fault)}</p>' if fault else ""
    names = "".join(f'<th scope="col">{head}</th>' for head in heads)
    table = f'<table class="list"><thead><tr>{names}</tr></thead><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    said += f'<p class="more">{more}</p>' if rows or not fault else ""
    return _section(title, table + said, "")


def _session(session: Object) -> str:
    number = f'<td><span class="unit">messages: </span>{count(float(session["transactions"]))}</td>'
    cells = f"{_cell(session['address'])}<td>{_ago(float(session['seconds']))}</td>{_cell(session['state'])}{number}"
    return f"<tr>{_cell(session['user'])}{cells}{_ident(session['id'])}</tr>"


def _cell(text: str | None) -> str:
    """A fact from outside, which may not be known."""
    return f"<td>{escape(str(text))}</td>" if text else f'<td class="none">{NOTHING}</td>'


def _ident(text: str | None) -> str:
    return f'<td><code class="id">{escape(str(text))}</code></td>' if text else _cell(None)


def _failure(failure: Object) -> str:
    moment = str(failure["time"])
    shown = datetime.fromisoformat(moment).astimezone().strftime("%b %d %H:%M:%S")
    message = str(failure["message"])
    what, why = message, ""
    if "reply" in failure or "reason" in failure:
        what = message.partition(":")[0]
        who = {"relay": "by the relay", "gsubmit": "by gsubmit"}.get(str(failure.get("by")), "by the client")
        what, why = f"{what} {who}", str(failure.get("reply") or failure.get("reason"))
    kind = ' class="error"' if failure.get("level") == "error" else ""
    what += f" ({failure['times']} times)" if "times" in failure else ""
    said = f"<span{kind}>{escape(what)}</span>" + (f"<br><code>{escape(why)}</code>" if why else "")
    return (
        f'<tr><td><time datetime="{escape(moment)}">{shown}</time></td>{_cell(failure.get("user"))}'
        f'<td class="what">{said}</td>{_ident(failure.get("session"))}</tr>'
    )


def totals(now: Sample, hour: Sample) -> str:
    """Counters, in the last hour and since the start."""
    rows = []
    for group, lines in _TOTALS:
        rows.append(f'<tr class="group"><th scope="rowgroup" colspan="3">{group}</th></tr>')
        rows += [_total(name, figure, values, now, hour) for name, figure, values in lines]
    rows.append('<tr class="group"><th scope="rowgroup" colspan="3">Logins</th></tr>')
    for result, word in _RESULTS.items():
        rows.append(_counts(word, logins_of(hour, result), logins_of(now, result), ""))
    heads = f'<th scope="col" class="number">{span(hour)}</th><th scope="col" class="number">since the start</th>'
    table = f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return _details("All figures", table)


def logins_of(sample: Sample, result: str) -> float:
    """Logins with whatever mechanism."""
    return sum(sample.of(fig.LOGINS, mechanism, result) for mechanism in fig.MECHANISMS)


def minutes(times: Sequence[str], counts: Sequence[Series], waits: Sequence[Series]) -> str:
    """What the plots show, as a table; a row for each five minutes, the last ones first."""
    rows = []
    for last in range(MINUTES - 1, len(times), MINUTES):
        of_row = slice(last - MINUTES + 1, last + 1)
        sums = [sum(value or 0 for value in one.values[of_row]) for one in counts]
        worst = [max((value for value in one.values[of_row] if value), default=None) for one in waits]
        if any(value is not None for value in counts[0].values[of_row]):
            cells = "".join(f'<td class="number">{text}</td>' for text in (*map(count, sums), *map(duration, worst)))
            rows.append(f'<tr><th scope="row">{times[last]}</th>{cells}</tr>')
    names = (*(one.name for one in counts), *(f"{one.name} at most" for one in waits))
    heads = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in names)
    head = f'<thead><tr><th scope="col">up to</th>{heads}</tr></thead>'
    table = f'<div class="wide"><table>{head}<tbody>{"".join(reversed(rows))}</tbody></table></div>'
    return _details("The hour in figures", table)


def _total(name: str, figure: Figure, values: tuple[str, ...], now: Sample, hour: Sample) -> str:
    return _counts(
        name, hour.of(figure, *values), now.of(figure, *values), _named(figure, values, now.of(figure, *values))
    )


def _counts(name: str, recent: float, ever: float, named: str) -> str:
    return (
        f'<tr><th scope="row">{name}</th><td class="number">{count(recent)}</td>'
        f'<td class="number"{named}>{count(ever)}</td></tr>'
    )


def _row(
    name: str, value: str, figure: Figure | None = None, values: tuple[str, ...] = (), now: Sample | None = None
) -> str:
    named = _named(figure, values, now.of(figure, *values)) if figure is not None and now is not None else ""
    return f'<tr><th scope="row">{name}</th><td class="number"{named}>{value}</td></tr>'


def _named(figure: Figure, values: tuple[str, ...], value: float) -> str:
    """Which figure of /metrics a cell shows, and its whole value."""
    labels = ",".join(f"{label}={text}" for label, text in zip(figure.labels, values, strict=True))
    return f' data-figure="{figure.name}{{{labels}}}" data-value="{value:.0f}"'


def _details(title: str, content: str) -> str:
    """What is seen when somebody opens it, or asks for all of the page."""
    return f"<section><details><summary>{title}</summary>{content}</details></section>"


def _section(title: str, content: str, kind: str = "third") -> str:
    return f'<section class="{kind}"><div class="top"><h2>{title}</h2></div><div class="wide">{content}</div></section>'


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
