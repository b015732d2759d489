"""The passdb driver passwd-file: users in a file, or in one file per domain or user."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from gsubmit.auth import hashing, schemes
from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.passdb import Denied, Identity, Unavailable, UnknownUser
from gsubmit.auth.schemes import SchemeError
from gsubmit.auth.userfile import ABSENT, Entry, UserFile
from gsubmit.sasl.mechanism import Cleartext
from gsubmit.settings.variables import expand

DEFAULT_SCHEME = "CRYPT"
DEFAULT_USERNAME_FORMAT = "%u"
MAX_FILES = 100  # kept read of a path with variables; the one used longest ago goes


class PasswdFile:
    """A passdb of driver passwd-file."""

    def __init__(
        self,
        path: str,
        scheme: str = DEFAULT_SCHEME,
        username_format: str = DEFAULT_USERNAME_FORMAT,
        cache: VerifiedCache | None = None,
    ) -> None:
        self.path = path
        self.scheme = scheme
        self.username_format = username_format
        self._cache = cache
        self._variables = _variables_in(path)
        self._fixed_path = "" if self._variables else expand(path, {})
        self._files: dict[str, UserFile] = {}  # path -> file, the one used last at the end
        self._sample = ""  # a stored password that is like the others

    @classmethod
    def from_args(cls, args: str, cache: VerifiedCache | None = None) -> PasswdFile:
        """The passdb of the setting `args = [scheme=S] [username_format=F] PATH`, or ValueError."""
        options = {"scheme": DEFAULT_SCHEME, "username_format": DEFAULT_USERNAME_FORMAT}
        path = args.strip()
        while not path.startswith("/"):
            word, _, path = path.partition(" ")
            name, equals, value = word.partition("=")
            path = path.lstrip()
            if not equals:
                raise ValueError("passwd-file: args must end in an absolute path")
            if name not in options or not value:
                raise ValueError(f"passwd-file: {word}: unknown option, or no value")
            options[name] = value
        try:
            schemes.parse("", options["scheme"])
        except SchemeError as error:
            raise ValueError(f"passwd-file: scheme={options['scheme']}: {error}") from None
        try:
            expand(options["username_format"], _values("user@domain"))
            return cls(path, options["scheme"], options["username_format"], cache)
        except ValueError as error:
            raise ValueError(f"passwd-file: {error}") from None

    def __str__(self) -> str:
        return f"passwd-file {self.path}"

    def verify(self, credentials: Cleartext) -> Identity:
        """Look the user up and compare the password."""
        user = credentials.authentication_id
        entry = self._find(user)
        if entry is None:
            raise UnknownUser
        try:
            proven = self._proves(user, entry, credentials.password)
        except SchemeError as error:
            raise Unavailable(f"user {user}: {error}") from None
        if not proven:
            raise Denied("password mismatch")
        return Identity(user, entry.fields)

    def pretend(self, credentials: Cleartext) -> None:
        """Compare the password with somebody's, whatever comes of it."""
        with suppress(SchemeError):
            hashing.check(self._sample, self.scheme, credentials.password)

    def _proves(self, user: str, entry: Entry, password: str) -> bool:
        stored = entry.password
        if "nopassword" in entry.fields:
            if stored:
                raise SchemeError("nopassword beside a password")
            return True
        if self._cache is None or schemes.is_cheap(stored, self.scheme):
            return hashing.check(stored, self.scheme, password)
        if self._cache.holds(str(self), user, stored, password):
            return True
        proven = hashing.check(stored, self.scheme, password)
        if proven:
            self._cache.add(str(self), user, stored, password)
        return proven

    def _find(self, user: str) -> Entry | None:
        path = self._path_for(user)
        key = user if self.username_format == "%u" else expand(self.username_format, _values(user))
        file = self._files.pop(path, None) or UserFile(path, may_vanish=bool(self._variables))
        try:
            entry = file.find(key)
        except OSError as error:
            if self._variables and error.errno in ABSENT:
                return None
            raise Unavailable(f"cannot read {path}: {error.strerror}") from error
        self._files[path] = file
        if len(self._files) > MAX_FILES:
            del self._files[next(iter(self._files))]
        self._sample = file.sample or self._sample
        return entry

    def _path_for(self, user: str) -> str:
        """The file this user would be in. The client chooses the name, so it must not lead into another folder."""
        if self._fixed_path:
            return self._fixed_path
        values = _values(user)
        for name in self._variables:
            value = values[name]
            if value in ("", ".", "..") or "/" in value or "\0" in value:
                raise UnknownUser
        return expand(self.path, values)


def _values(user: str) -> Mapping[str, str]:
    username, _, domain = user.partition("@")
    return {"user": user, "username": username, "domain": domain}


def _variables_in(path: str) -> list[str]:
    """The names of the variables whose values show in the path."""
    blank = {"user": "", "username": "", "domain": ""}
    without = expand(path, blank)
    return [name for name in blank if expand(path, {**blank, name: "x"}) != without]
