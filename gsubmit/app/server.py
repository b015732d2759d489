"""From settings to a running server, and to a gentle stop."""

from __future__ import annotations

import logging
import signal
import ssl
import time
from collections.abc import Callable

import gevent
from gevent import monkey
from gevent.event import Event

from gsubmit.app import failures, process
from gsubmit.app.build import CannotStart, build_service
from gsubmit.app.sockets import bind_all
from gsubmit.app.ticker import Ticker
from gsubmit.logs import output
from gsubmit.metrics.board import Board
from gsubmit.net.resolve import renew
from gsubmit.server.door import Door
from gsubmit.server.listener import Listener
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
    """The listeners and the service behind them."""

    def __init__(self, settings: Settings) -> None:
        if not (monkey.is_module_patched("socket") and issubclass(TlsSocket, ssl.SSLSocket)):
            raise CannotStart("gevent's monkey patch must come before everything else")
        self._settings = settings
        sockets, warnings = bind_all(settings)  # before anything else: a port in use is the commonest mistake
        try:
            user = process.internal_user(settings)
            output.configure(settings.logging, owner=process.owner(user))
            for warning in warnings:
                _log.warning("%s", warning)
            self.service = build_service(settings)
            if user is not None:
                process.become(user)
        except BaseException:
            for bound in sockets:
                bound.sock.close()
            raise
        self.door = Door(settings.services.max_clients)
        self.board = Board(1)
        self.ticker = Ticker(self.door, lambda: self.service)
        self.listeners = {
            bound.name: Listener(
                bound.sock, self.service, self.door, implicit_tls=bound.implicit_tls, haproxy=bound.haproxy
            )
            for bound in sockets
        }
        self._stop = Event()

    def start(self) -> None:
        """Accept clients, and find out what the relay can do."""
        self.board.take(0)
        self._ticking = gevent.spawn(self.ticker.run)
        for listener in self.listeners.values():
            listener.start()
        self.service.relay.start()

    def run(self, load_again: Callable[[], Settings] | None = None) -> None:
        """Serve until SIGTERM or SIGINT, then stop gently. SIGHUP takes the settings of `load_again`, or stops too."""
        process.take_all_descriptors()
        failures.log_all()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._stop.set)
        if load_again is None:
            gevent.signal_handler(signal.SIGHUP, self._stop.set)
        else:
            gevent.signal_handler(signal.SIGHUP, self.reload, load_again)
        self.start()
        _log.info("serving on %s", ", ".join(self.places))
        self._log_faults()
        self._stop.wait()
        self.stop()

    def _log_faults(self) -> None:
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
            service = build_service(settings, self.service.logins)
        except (SettingsError, CannotStart) as error:
            for line in str(error).splitlines():
                _log.error("reload: %s", line)
            return
        except Exception:
            _log.exception("reload")
            return
        if settings.services.inet_listeners != self._settings.services.inet_listeners:
            _log.warning("reload: listeners change only with a restart")
        gevent.spawn(self.service.relay.close)  # its idle connections; those in use end with their transaction
        self.service.resolver.close()  # its idle connections too
        service.logins.state.forget_refusals()  # the new settings may have the right password
        self.service, self._settings = service, settings
        self.door.client_limit = settings.services.max_clients
        for listener in self.listeners.values():
            listener.service = service
        service.relay.start()
        _log.info("settings reloaded")
        self._log_faults()

    @property
    def places(self) -> list[str]:
        """Where we listen, as text."""
        return [f"{name} port {listener.port}" for name, listener in self.listeners.items()]

    def stop(self, seconds: float = STOP_TIME) -> None:
        """Accept nobody, say 421 to who waits for a command, let messages finish; all within `seconds`."""
        end = time.monotonic() + seconds
        for listener in self.listeners.values():
            listener.close()
        gevent.sleep(GRACE)
        self._await_sessions(end - min(LAST_WORDS_TIME, seconds / 2), self.door.stop_waiting)
        self.door.stop_all()
        self._await_sessions(_at_least(end - FAREWELL_TIME))
        gevent.killall(list(self.door.sessions.values()), timeout=LEAST_TIME)
        farewell = gevent.spawn(self._leave_others)
        farewell.join(_at_least(end) - time.monotonic())
        farewell.kill()
        self._ticking.kill()
        self.ticker.tick()  # what has come since the last one
        _log.info("stopped")

    def _await_sessions(self, end: float, again: Callable[[], None] = lambda: None) -> None:
        """Wait until all sessions have ended, or for the end of the time."""
        while self.door.sessions and (left := end - time.monotonic()) > 0:
            again()
            gevent.joinall(list(self.door.sessions.values()), timeout=min(left, 0.5))

    def _leave_others(self) -> None:
        self.service.relay.close()
        self.service.resolver.close()


def _at_least(end: float) -> float:
    return max(end, time.monotonic() + LEAST_TIME)
