"""`service submission-login { }`: the listeners and how many clients they take; `service metrics { }`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

from gsubmit.settings.blocks import MAX_CLIENTS, SUBMISSION, InetListener, MetricsListener, ServiceSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.hosts import is_loopback
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Place, Report, nearest, words
from gsubmit.settings.reading import block_values, given, known_values, read_section
from gsubmit.settings.sections import DEFAULT_CLIENT_LIMIT, DEFAULT_PROCESS_LIMIT, ServerSettings

NAME = "submission-login"
METRICS = "metrics"

# Of Dovecot's processes, which gsubmit has others of.
SERVICE_NAMES = words(
    """
    chroot drop_priv_before_exec executable extra_groups group idle_kill privileged_group
    protocol type user vsz_limit
    """
)
# In Dovecot the socket by which logins ask how long an address has to wait; mode = 0 closes it.
_ANVIL, _PENALTY = "anvil", "anvil-auth-penalty"
LISTENER_NAMES = frozenset({"reuse_port"})
_OTHER_LISTENERS = frozenset({"unix_listener", "fifo_listener"})


# A listener before its blocks are read, with the place of the first, and what they all say.
L = TypeVar("L", InetListener, MetricsListener)
_Unread: TypeAlias = tuple[L, dict[str, Value]]


def read_services(
    blocks: Iterable[Block], server: ServerSettings, whole: Place, report: Report, *, tls: bool
) -> ServiceSettings:
    """What all `service` blocks say; those of the same name add up. `whole` stands for the configuration.

    Where no listener is named there is one on port 465 too if there is TLS. Else Dovecot's are there, with what is
    named about them, and those that are named.
    """
    values: dict[str, Value] = {}
    listeners: dict[str, _Unread[InetListener]] = {}
    metrics: dict[str, _Unread[MetricsListener]] = {}
    has_penalty = True
    for block in blocks:
        if block.name == _ANVIL:
            has_penalty = _has_penalty(block, has_penalty, report)
        elif block.name == NAME:
            values |= known_values(block.values(), declarations(ServiceSettings), report, _of_service, SERVICE_NAMES)
            _add_listeners(block, listeners, InetListener, report, (SUBMISSION,))
        elif block.name == METRICS:
            known_values(block.values(), (), report, _of_service, SERVICE_NAMES)
            _add_listeners(block, metrics, MetricsListener, report)
        else:
            report.notice("ignored", block.place, f"'{block}' is ignored, gsubmit has no such process")
    service = replace(read_section(ServiceSettings, values, report), has_penalty=has_penalty)
    max_clients = _max_clients(service, server, values, whole, report)
    service = replace(service, max_clients=max_clients, metrics=_metrics(metrics, report))
    if not listeners:
        default = ServiceSettings.default_listeners(tls=tls)
        return replace(service, inet_listeners=tuple(replace(listener, place=whole) for listener in default))
    listeners = {SUBMISSION.name: (replace(SUBMISSION, place=whole), {}), **listeners}
    read = [_listener(start, known, report) for start, known in listeners.values()]
    opened = tuple(listener for listener in read if listener.port)
    if not opened:
        report.problem(next(iter(listeners.values()))[0].place, "no listener is left, each has port = 0")
    return replace(service, inet_listeners=opened)


def _metrics(listeners: Mapping[str, _Unread[MetricsListener]], report: Report) -> tuple[MetricsListener, ...]:
    """Those that are opened; anybody who can connect to them is told."""
    opened = [one for one in (_listener(start, known, report) for start, known in listeners.values()) if one.port]
    for listener in opened:
        for address in listener.address:
            if not is_loopback(address):
                where = f"'inet_listener {listener.name}' listens on {address}"
                report.notice("warning", listener.place, f"{where}: whoever can connect sees figures and users")
    return tuple(opened)


def _max_clients(
    service: ServiceSettings, server: ServerSettings, values: dict[str, Value], whole: Place, report: Report
) -> int:
    """How many clients Dovecot's processes would have at the same time."""
    usual = ServiceSettings()
    said = [
        (server.default_process_limit, DEFAULT_PROCESS_LIMIT),
        (server.default_client_limit, DEFAULT_CLIENT_LIMIT),
        (service.process_limit, usual.process_limit),
        (service.client_limit, usual.client_limit),
        (service.service_count, usual.service_count),
    ]
    if all(value == default for value, default in said):
        return MAX_CLIENTS
    processes = service.process_limit or server.default_process_limit
    clients = service.client_limit or server.default_client_limit
    clients = min(clients, service.service_count or clients)
    text = f"{processes * clients} clients at the same time, as {processes} processes of Dovecot with {clients} each"
    report.notice("note", next((value.place for value in values.values()), whole), text)
    return processes * clients


def _has_penalty(block: Block, before: bool, report: Report) -> bool:
    """Whether there is a penalty, by `service anvil`."""
    for entry in block.entries:
        if isinstance(entry, Block) and (entry.word, entry.name) == ("unix_listener", _PENALTY):
            modes = [value.text for value in entry.values() if value.key == "mode"]
            before = not any(re.fullmatch("0+", mode) for mode in modes)
        else:
            text = f"{entry.key if isinstance(entry, Value) else entry} is ignored, gsubmit has no such process"
            report.notice("ignored", entry.place, text)
    return before


def _add_listeners(
    block: Block, listeners: dict[str, _Unread[L]], kind: type[L], report: Report, usual: Collection[L] = ()
) -> None:
    for entry in block.blocks():
        if entry.word == "inet_listener":
            values = block_values(entry, declarations(kind), report, _of_listener, LISTENER_NAMES)
            start = next((one for one in usual if one.name == entry.name), kind(entry.name))
            listeners.setdefault(entry.name, (replace(start, place=entry.place), {}))[1].update(values)
        elif entry.word in _OTHER_LISTENERS:
            report.notice("ignored", entry.place, f"'{entry}' is ignored, gsubmit has no such listener")
        else:
            near = nearest(entry.word, {"inet_listener", *_OTHER_LISTENERS})
            report.problem(entry.place, f"unknown block '{entry.word}'{near}")


def _listener(start: L, values: dict[str, Value], report: Report) -> L:
    if not start.port and "port" not in values:
        text = f"'inet_listener {start.name}' has no port, so it is not opened, as in Dovecot 2.3"
        report.notice("warning", start.place, text)
    return replace(start, **given(type(start), values, report))


def _pass_over(names: Collection[str], value: Value, report: Report) -> bool:
    """What a service or its listeners have beside in Dovecot."""
    if value.key in names:
        report.notice("ignored", value.place, f"{value.key} is ignored, gsubmit has no such process")
    return value.key in names


_of_service = partial(_pass_over, SERVICE_NAMES)
_of_listener = partial(_pass_over, LISTENER_NAMES)
