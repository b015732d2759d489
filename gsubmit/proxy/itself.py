"""Whether a backend is this very server, which must not proxy to itself."""

from __future__ import annotations

from collections.abc import Iterable

from gsubmit.net.local import is_local
from gsubmit.settings.hosts import canonical
from gsubmit.settings.sections import Settings

_WILDCARDS = {4: frozenset({"*", "0.0.0.0"}), 6: frozenset({"::"})}  # noqa: S104 - compared, not bound


class Itself:
    """Where this server listens: addresses by port, and the further addresses that it has by auth_proxy_self."""

    def __init__(self, listening: Iterable[tuple[str, int]] = (), further: Iterable[str] = ()) -> None:
        self._listening = [(canonical(address), port) for address, port in listening]
        self._further = frozenset(map(canonical, further))

    @classmethod
    def of(cls, settings: Settings) -> Itself:
        """The server of these settings."""
        listening = [
            (address, listener.port)
            for listener in settings.services.inet_listeners
            for address in listener.addresses(settings.server.listen)
        ]
        return cls(listening, settings.proxy.auth_proxy_self)

    def is_at(self, address: str, port: int) -> bool:
        """Whether this server answers at that address and port."""
        here = {listening for listening, its_port in self._listening if its_port == port}
        if not here:
            return False
        if address in here or address in self._further:
            return True
        return not here.isdisjoint(_WILDCARDS[6 if ":" in address else 4]) and is_local(address)
