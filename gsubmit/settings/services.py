"""`service submission-login { }`: the listeners and how many clients they take."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from gsubmit.settings.blocks import DEFAULT_CLIENT_LIMIT, SUBMISSION, SUBMISSIONS, InetListener, ServiceSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Place, Report, nearest, words
from gsubmit.settings.reading import block_values, given, known_values

NAME = "submission-login"

# Of Dovecot's processes, which gsubmit has none of.
_SERVICE_NAMES = words(
    """
    chroot drop_priv_before_exec executable extra_groups group idle_kill privileged_group process_limit
    process_min_avail protocol service_count type user vsz_limit
    """
)
# In Dovecot the socket by which logins ask how long an address has to wait; mode = 0 closes it.
_ANVIL, _PENALTY = "anvil", "anvil-auth-penalty"
_LISTENER_NAMES = frozenset({"haproxy", "reuse_port"})
_OTHER_LISTENERS = frozenset({"unix_listener", "fifo_listener"})


class Services:
    """What is read from the service blocks, and where each listener stands."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.places: dict[str, Place] = {}
        self._values: dict[str, Value] = {}
        self._listeners: dict[str, dict[str, Value]] = {}
        self._has_penalty = True

    def read(self, block: Block) -> None:
        """Take in one `service` block. Blocks of the same name add up."""
        if block.name == _ANVIL:
            self._read_anvil(block)
            return
        if block.name != NAME:
            self.report.notice("ignored", block.place, f"'{block}' is ignored, gsubmit is one process")
            return
        known = declarations(ServiceSettings)
        self._values |= known_values(block.values(), known, self.report, _of_service, _SERVICE_NAMES)
        for entry in block.blocks():
            if entry.word == "inet_listener":
                self.places.setdefault(entry.name, entry.place)
                names = declarations(InetListener)
                values = block_values(entry, names, self.report, _of_listener, _LISTENER_NAMES)
                self._listeners.setdefault(entry.name, {}).update(values)
            elif entry.word in _OTHER_LISTENERS:
                self.report.notice("ignored", entry.place, f"'{entry}' is ignored, gsubmit has no such listener")
            else:
                near = nearest(entry.word, {"inet_listener", *_OTHER_LISTENERS})
                self.report.problem(entry.place, f"unknown block '{entry.word}'{near}")

    def _read_anvil(self, block: Block) -> None:
        for entry in block.entries:
            if isinstance(entry, Block) and (entry.word, entry.name) == ("unix_listener", _PENALTY):
                modes = [value.text for value in entry.values() if value.key == "mode"]
                self._has_penalty = not any(re.fullmatch("0+", mode) for mode in modes)
            else:
                text = f"{entry.key if isinstance(entry, Value) else entry} is ignored, gsubmit is one process"
                self.report.notice("ignored", entry.place, text)

    def settings(self, *, tls: bool) -> ServiceSettings:
        """The result of all blocks read. Without TLS the listener on port 465 is not there by itself."""
        typed = given(ServiceSettings, self._values, self.report)
        limit = typed.get("client_limit", DEFAULT_CLIENT_LIMIT) or DEFAULT_CLIENT_LIMIT  # 0 is Dovecot's "default"
        if not self._listeners:
            return ServiceSettings(ServiceSettings.default_listeners(tls=tls), limit, self._has_penalty)
        if SUBMISSION.name not in self._listeners:
            place = next(iter(self.places.values()))
            text = f"only the listeners named are opened, and 'inet_listener {SUBMISSION.name}' (587) is not among them"
            self.report.notice("note", place, text)
        listeners = [self._listener(name, values) for name, values in self._listeners.items()]
        if not any(listener is None or listener.port for listener in listeners):
            self.report.problem(next(iter(self.places.values())), "no listener is left, each has port = 0")
        opened = tuple(listener for listener in listeners if listener and listener.port)
        return ServiceSettings(opened, limit, self._has_penalty)

    def _listener(self, name: str, values: dict[str, Value]) -> InetListener | None:
        start = {listener.name: listener for listener in (SUBMISSION, SUBMISSIONS)}.get(name, InetListener(name))
        if not start.port and "port" not in values:
            self.report.problem(self.places[name], f"'inet_listener {name}' needs a port")
            return None
        return replace(start, **given(InetListener, values, self.report))


def _pass_over(names: Collection[str], value: Value, report: Report) -> bool:
    """What a service or its listeners have beside in Dovecot."""
    if value.key == "haproxy" and value.key in names:
        if value.text.lower() not in ("no", "n", "0", "false"):
            report.problem(value.place, "haproxy is not supported yet, clients could not be understood")
    elif value.key in names:
        report.notice("ignored", value.place, f"{value.key} is ignored, gsubmit is one process")
    return value.key in names


_of_service = partial(_pass_over, _SERVICE_NAMES)
_of_listener = partial(_pass_over, _LISTENER_NAMES)
