"""The keys that an authorization server publishes (RFC 7517), fetched when they are needed."""

from __future__ import annotations

import logging
import time
from threading import Lock

from gsubmit.auth.oauth.endpoint import Client, Endpoint
from gsubmit.auth.oauth.keys import Key, key_set
from gsubmit.auth.oauth.strictjson import JsonObject, parse_object
from gsubmit.auth.passdb import Unavailable

REFETCH = 60.0  # seconds between two fetches at least: a key id is what a client says it is
RETRY = 5.0  # seconds between two fetches as long as there are no keys at all
MAX_AGE = 3600.0  # seconds after which keys are fetched again, so that a withdrawn one does not live on

_log = logging.getLogger("gsubmit.auth")


class PublishedKeys:
    """A set of keys. What was fetched stays in use while the server does not answer."""

    def __init__(self, client: Client, url: Endpoint | None, configuration_url: Endpoint | None = None) -> None:
        """`url`: of the set; without it, it stands in the OpenID configuration (OpenID Connect Discovery 1.0 4)."""
        self._client = client
        self._url = url
        self._configuration_url = configuration_url
        self._keys: tuple[Key, ...] = ()
        self._fetched: float | None = None  # when the keys came
        self._tried: float | None = None  # when they were last asked for
        self._fault = ""  # why the last fetch failed
        self._fetching = Lock()

    def find(self, algorithm: str, key_id: str) -> tuple[Key, ...]:
        """The keys that may have signed; none if no key is known by that id. Unavailable if that cannot be known."""
        found = self._known(algorithm, key_id)
        if found and not self._is_old():
            return found
        # Only one login waits for fresh keys; the others go on with those that are there.
        if self._fetching.acquire(blocking=not found):
            try:
                if found or not self._known(algorithm, key_id):  # another login may have fetched them meanwhile
                    self._fetch_if_due()
            finally:
                self._fetching.release()
        found = self._known(algorithm, key_id)
        if not found and (self._fault or self._fetched is None):
            raise Unavailable(self._fault or "no keys were fetched yet")
        return found

    def _known(self, algorithm: str, key_id: str) -> tuple[Key, ...]:
        """Those with this id, and those without; all if the token names none (RFC 7515 4.1.4: it is a hint)."""
        ids = ("", key_id)
        return tuple(key for key in self._keys if algorithm in key.algorithms and (not key_id or key.id in ids))

    def _is_old(self) -> bool:
        return self._fetched is None or time.monotonic() >= self._fetched + MAX_AGE

    def _fetch_if_due(self) -> None:
        interval = REFETCH if self._fetched is not None else RETRY
        if self._tried is not None and time.monotonic() < self._tried + interval:
            return
        try:
            self._keys = self._fetch()
            self._fetched = time.monotonic()
            self._fault = ""
        except Unavailable as unavailable:
            if self._fetched is not None:
                _log.error("%s; the keys that were fetched before stay in use", unavailable.reason)
            self._fault = unavailable.reason
        finally:
            self._tried = time.monotonic()  # after the wait for a server that does not answer

    def _fetch(self) -> tuple[Key, ...]:
        url = self._url or self._discovered()
        try:
            return key_set(self._document(url))
        except ValueError as error:
            raise Unavailable(f"{url}: {error}") from None

    def _discovered(self) -> Endpoint:
        configuration = self._configuration_url
        assert configuration is not None
        try:
            return Endpoint.parse(str(self._document(configuration).get("jwks_uri", "")))
        except ValueError as error:
            raise Unavailable(f"{configuration}: jwks_uri: {error}") from None

    def _document(self, url: Endpoint) -> JsonObject:
        status, body = self._client.ask(url)
        if status != 200:
            raise Unavailable(f"{url}: answered {status}")
        try:
            return parse_object(body)
        except ValueError as error:
            raise Unavailable(f"{url}: {error}") from None
