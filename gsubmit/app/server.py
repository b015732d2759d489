"""The listeners of one process with the service behind them, from the first client to a gentle end."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Sequence

import gevent
from gevent import monkey

from gsubmit.app import process
from gsubmit.app.build import CannotStart, build_service, login_state, with_plugins
from gsubmit.app.controlsocket import bind_control
from gsubmit.app.shared import Shared
from gsubmit.app.sockets import Bound, bind_metrics, close_all, open_all
from gsubmit.app.ticker import Ticker
from gsubmit.logs import output
from gsubmit.metrics.board import Board
from gsubmit.net.resolve import renew
from gsubmit.server.door import Door
from gsubmit.server.listener import Listener
from gsubmit.server.logins import Logins
from gsubmit.server.service import Service
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from gsubmit.tls.tlssocket import TlsSocket

STOP_TIME = 30.0  # seconds from SIGTERM to the end
LAST_WORDS_TIME = 4.0  # of them, the last: to say 421 to clients with a message under way
FAREWELL_TIME = 2.0  # of these, the last: to leave relay and IMAP servers
GRACE = 0.01  # seconds in which sessions take up commands that have come already
LEAST_TIME = 0.5  # seconds for each of these, however little there is
_log = logging.getLogger("gsubmit")


class Server:
    """Serves on sockets that are bound, or binds those of the settings. Raises CannotStart and SettingsError.

    `shared` is what it has in common with other processes that serve the same clients; this one has a row on its board.
    """

    def __init__(self, settings: Settings, bound: Sequence[Bound] | None = None, shared: Shared | None = None) -> None:
        if not (monkey.is_module_patched("socket") and issubclass(TlsSocket, ssl.SSLSocket)):
            raise CannotStart("gevent's monkey patch must come before everything else")
        self._settings = settings
        warnings: list[str] = []
        self.metrics: list[Bound] = []  # those of a server that is one process
        is_alone = bound is None
        if bound is None:  # before anything else: a port in use is the commonest mistake
            bound, warnings = open_all(settings)
        try:
            if is_alone:
                self.metrics = bind_metrics(settings)
            user = process.internal_user(settings)
            output.configure(settings.logging, owner=process.owner(user))
            logins = Logins(login_state(settings, shared))
            self.service = build_service(settings, logins, shared)
            self.control = bind_control(settings) if is_alone else None
            process.become(user)
            self.service = with_plugins(self.service)
            for warning in warnings:
                _log.warning("%s", warning)
        except BaseException:
            close_all([*bound, *self.metrics])
            raise
        if shared is None:
            self.board = Board(1)
            self.board.take(0)
        else:
            self.board = shared.board
        self.door = Door(settings.services.max_clients, self.board)
        self.ticker = Ticker(self.door, lambda: self.service)
        self.listeners = {
            one.name: Listener(one.sock, self.service, self.door, implicit_tls=one.implicit_tls, haproxy=one.haproxy)
            for one in bound
        }

    def start(self) -> None:
        """Accept clients, and find out what the relay can do."""
        self._leaving: list[gevent.Greenlet[..., None]] = []  # plugins of settings that are gone
        self._has_retired = False
        self._ticking = gevent.spawn(self.ticker.run)
        for listener in self.listeners.values():
            listener.start()
        _begin_relays(self.service)
        if self.service.sent is not None:
            self.service.sent.start()

    def log_faults(self) -> None:
        """Say what is wrong with this process: it serves, but not as the administrator may think."""
        for fault in process.running_faults(self._settings):
            _log.warning("%s", fault)

    def reload(self, load_again: Callable[[], Settings]) -> None:
        """Serve new clients by new settings; what is wrong with them is logged and the old ones stay.

        Sessions go on as they began. Ports, log files and the user are those of the start.
        """
        output.look_soon()
        renew()
        try:
            settings = load_again()
            is_elsewhere = settings.auth.submission_state != self._settings.auth.submission_state
            service = with_plugins(build_service(settings, None if is_elsewhere else self.service.logins))
        except (SettingsError, CannotStart) as error:
            for line in str(error).splitlines():
                _log.error("reload: %s", line)
            return
        except Exception:
            _log.exception("reload")
            return
        old, new = self._settings.services, settings.services
        if (new.inet_listeners, new.metrics) != (old.inet_listeners, old.metrics):
            _log.warning("reload: listeners of a server without a master change only with a restart")
        gevent.spawn(_leave_others, self.service)
        self._leaving = [one for one in self._leaving if not one.dead]
        self._leaving.append(gevent.spawn(_leave_plugins, self.service, list(self.door.sessions.values())))
        service.logins.state.forget_refusals()  # the new settings may have the right password
        self.service, self._settings = service, settings
        self.door.client_limit = settings.services.max_clients
        for listener in self.listeners.values():
            listener.service = service
        _begin_relays(service)
        if service.sent is not None:
            service.sent.start()
        _log.info("settings reloaded")
        self.log_faults()

    @property
    def places(self) -> list[str]:
        """Where we listen, as text."""
        return [f"{name} port {listener.port}" for name, listener in self.listeners.items()]

    # The end

    def retire(self, idle_time: float) -> None:
        """Accept nobody, and return when all sessions have ended; after `idle_time` seconds the idle ones hear 421."""
        self._close_listeners()
        farewell = gevent.spawn(_leave_others, self.service)
        self._await_sessions(time.monotonic() + idle_time)
        while self.door.sessions:
            self._await_sessions(time.monotonic() + STOP_TIME, self.door.stop_idle)
        plugins = gevent.spawn(self.service.plugins.stop)
        farewell.join(FAREWELL_TIME)
        plugins.join(STOP_TIME)
        plugins.kill(timeout=LEAST_TIME)
        self._has_retired = True

    def stop(self, seconds: float = STOP_TIME) -> None:
        """Accept nobody, say 421 to who waits for a command, let messages finish; all within `seconds`."""
        end = time.monotonic() + seconds
        self._close_listeners()
        gevent.sleep(GRACE)
        self._await_sessions(end - min(LAST_WORDS_TIME, seconds / 2), self.door.stop_waiting)
        self.door.stop_all()
        self._await_sessions(_at_least(end - FAREWELL_TIME))
        gevent.killall(list(self.door.sessions.values()), timeout=LEAST_TIME)
        endings: list[gevent.Greenlet[..., None]] = [gevent.spawn(_leave_others, self.service), *self._leaving]
        if not self._has_retired:
            endings.append(gevent.spawn(self.service.plugins.stop))
        gevent.joinall(endings, timeout=_at_least(end) - time.monotonic())
        gevent.killall(endings, timeout=LEAST_TIME)
        if self.service.sent is not None:
            self.service.sent.give_up()
        self._ticking.kill()
        self.ticker.tick()  # what has come since the last one

    def _close_listeners(self) -> None:
        for listener in self.listeners.values():
            listener.close()

    def _await_sessions(self, end: float, again: Callable[[], None] = lambda: None) -> None:
        """Wait until all sessions have ended, or for the end of the time."""
        while self.door.sessions and (left := end - time.monotonic()) > 0:
            again()
            gevent.joinall(list(self.door.sessions.values()), timeout=min(left, 0.5))


def _begin_relays(service: Service) -> None:
    for next_hop in service.next_hops:
        next_hop.start()


def _leave_others(service: Service) -> None:
    """Idle connections to relay and IMAP servers are of no use any longer; those in use end with their transaction."""
    for next_hop in service.next_hops:
        next_hop.close()
    service.resolver.close()
    if service.sent is not None:
        service.sent.close()


def _leave_plugins(service: Service, sessions: Sequence[gevent.Greenlet[..., object]]) -> None:
    """Plugins of settings that are gone hear of it when the sessions that began with them have ended."""
    gevent.joinall(sessions)
    service.plugins.stop()


def _at_least(end: float) -> float:
    return max(end, time.monotonic() + LEAST_TIME)
