"""Where Redis or Valkey is, as submission_state says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from gsubmit.settings.declare import HIDDEN, ValueType
from gsubmit.settings.hosts import host_and_port

PORT = 6379
_FORMS = "redis://[user:password@]host[:port][/db], rediss:// for TLS, or unix:///path[?db=number]"


@dataclass(frozen=True, slots=True)
class StateUrl:
    """A server with host and port, or with the path of its socket; as text without the password."""

    host: str = ""
    port: int = PORT
    path: str = ""
    tls: bool = False
    db: int = 0
    user: str = ""  # empty: the default user, or nobody without a password
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        hidden = f":{HIDDEN}" if self.password else ""
        login = f"{self.user}{hidden}@" if self.user or hidden else ""
        if self.path:
            return f"unix://{login}{self.path}{f'?db={self.db}' if self.db else ''}"
        return f"redis{'s' * self.tls}://{login}{host_and_port(self.host, self.port)}/{self.db}"


def _read(text: str) -> StateUrl | None:
    """Raises ValueError with words that do not show the value: it may have a password."""
    if not text:
        return None
    try:
        url = urlsplit(text)
        _, port = url.hostname, url.port
    except ValueError:
        raise ValueError(f"expected {_FORMS}") from None
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if url.username and url.password is None:
        raise ValueError("expected a password after the user, as in user:password@")
    if url.fragment or any(character < " " for character in text):
        raise ValueError(f"expected {_FORMS}; in user and password write %23 for #, %3A for :, %2F for / and %40 for @")
    if url.scheme == "unix":
        return StateUrl(path=_path(url), db=_db(url.query, "db=([0-9]{1,5})"), user=user, password=password)
    if url.scheme not in ("redis", "rediss"):
        raise ValueError(f"expected {_FORMS}")
    if not url.hostname or not re.fullmatch("[!#-&(-~]+", url.hostname):
        raise ValueError("expected a host, as in redis://host")
    if url.query or port == 0:
        raise ValueError(f"expected {_FORMS}")
    db = _db(url.path, "/([0-9]{0,5})")
    return StateUrl(
        host=url.hostname, port=port or PORT, tls=url.scheme == "rediss", db=db, user=user, password=password
    )


def _path(url: SplitResult) -> str:
    if (url.hostname or "") or not url.path.startswith("/") or url.path == "/":
        raise ValueError("expected an absolute path, as in unix:///run/redis/redis.sock")
    return unquote(url.path)


def _db(text: str, form: str) -> int:
    match = re.fullmatch(form, text)
    if text and not match:
        raise ValueError("expected the number of a database, as in redis://host/0 or unix:///path?db=0")
    return int(match[1] or 0) if match else 0


state_url: ValueType[StateUrl | None] = ValueType(_read, lambda url: str(url or ""))
