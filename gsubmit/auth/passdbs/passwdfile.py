"""The passdb driver passwd-file: users in a file, or in one file per domain or user."""

from __future__ import annotations

import logging
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Self

from gsubmit.auth import fields, hashing
from gsubmit.auth.cache import Finding
from gsubmit.auth.keys import wanted
from gsubmit.auth.looks import Looks
from gsubmit.auth.means import Means
from gsubmit.auth.names import values
from gsubmit.auth.passdb import Answer, Origin, Reach, Unavailable, UnknownUser
from gsubmit.auth.passdbs.options import read_options
from gsubmit.auth.passdbs.userfile import ABSENT, Entry, UserFile, regular
from gsubmit.auth.schemes.keys import scram_keys
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import parse
from gsubmit.sasl.claims import Claim, Cleartext, Denied, KeysWanted, Proven
from gsubmit.sasl.scram import ALGORITHMS
from gsubmit.settings.variables import expand

DEFAULTS = {"scheme": "CRYPT", "username_format": "%u"}
MAX_FILES = 100  # kept read of a path with variables; the one used longest ago goes

_ARGS = re.compile("((?:[^/ ][^ ]* +)*)(/.*)")  # options and path

_log = logging.getLogger("gsubmit.auth")


class PasswdFile:
    """A passdb of driver passwd-file."""

    serves: tuple[type[Claim], ...] = (Cleartext, KeysWanted, Proven)
    reach: Reach = "here"

    def __init__(self, path: str, means: Means, scheme: str, username_format: str) -> None:
        self.path = path
        self.scheme = scheme
        self.username_format = username_format
        self._means = means
        self._variables = _variables_in(path)
        self.fixed_path = "" if self._variables else expand(path, {})  # empty: it depends on the user
        self._files: dict[str, UserFile] = {}  # path -> file, the one used last at the end
        self._sample = ""  # a stored password that is like the others

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of the setting `args = [scheme=S] [username_format=F] PATH`, or ValueError."""
        matched = _ARGS.fullmatch(args.strip(" "))
        if matched is None:
            raise ValueError("args must end in an absolute path")
        options = read_options(matched[1].split(), DEFAULTS)
        try:
            parse("", options["scheme"])
        except SchemeError as error:
            raise ValueError(f"scheme={options['scheme']}: {error}") from None
        expand(options["username_format"], values("user@domain"))
        return cls(matched[2], means, **options)

    def __str__(self) -> str:
        return f"passwd-file {self.path}"

    def read(self) -> bytes:
        """The file whose path is fixed, as it is now. Raises OSError."""
        regular(Path(self.fixed_path))
        return Path(self.fixed_path).read_bytes()

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Look the user up, and compare the password or give its keys."""
        user = claim.authentication_id
        entry = self._find(user)
        if entry is None:
            raise UnknownUser
        keys = None
        try:
            if "noauthenticate" in entry.fields:
                pass  # whoever is asked next compares the password, see auth.walk
            elif isinstance(claim, Cleartext):
                self._compare(claim, entry, origin)
            elif isinstance(claim, KeysWanted):
                nodelay = "nodelay" in entry.fields
                keys = wanted(entry.password, self.scheme, claim, self._means, nodelay=nodelay)
        except SchemeError as fault:  # for the log; the client hears what unknown users hear, as late
            _log.error("%s: user %s: stored password: %s", self, user, fault)
            self.pretend(claim, origin)
            raise Denied(f"stored password: {fault}", nodelay="nodelay" in entry.fields) from None
        try:
            return Answer(fields.expanded(entry.fields, user, origin), keys)
        except ValueError as error:  # a variable that is none
            raise Unavailable(f"user {user}: {error}") from None

    def pretend(self, claim: Claim, origin: Origin) -> Looks | None:
        """Compare the password with somebody's, whatever comes of it."""
        if isinstance(claim, KeysWanted):
            return self._looks(claim.authentication_id)
        if isinstance(claim, Cleartext) and self._sample:
            with suppress(SchemeError):
                hashing.compare(parse(self._sample, self.scheme), claim, origin, self._means.rules)
        return None

    def _compare(self, claim: Cleartext, entry: Entry, origin: Origin) -> None:
        nodelay = "nodelay" in entry.fields
        if "nopassword" in entry.fields:
            if entry.password:
                raise SchemeError("nopassword beside a password")
            return
        if not entry.password:
            self.pretend(claim, origin)
            raise Denied("no password set", nodelay=nodelay)
        if not self._proves(claim, entry.password, origin):
            raise Denied("password mismatch", nodelay=nodelay)

    def _proves(self, claim: Cleartext, stored: str, origin: Origin) -> bool:
        user, password = claim.authentication_id, claim.password
        hashed = parse(stored, self.scheme)
        if hashed.is_cheap:
            return hashing.compare(hashed, claim, origin, self._means.rules)
        finding = self._means.cache.recall(str(self), user, password, stored)
        if finding is None:
            proven = hashing.compare(hashed, claim, origin, self._means.rules)
            finding = Finding({} if proven else None)
            self._means.cache.remember(str(self), user, password, finding, stored)
        return finding.fields is not None

    def _is_usable(self, stored: str) -> bool:
        """Whether a stored password is like those that are compared."""
        try:
            hashed = parse(stored, self.scheme)
            self._means.rules.check(hashed)
            if hashed.name in ALGORITHMS:
                scram_keys(hashed, hashed.name, b"", 0)
        except SchemeError:
            return False
        return hashed.is_cheap or hashed.is_weak or hashed.cost.seconds > 0  # or else of no known form

    def _looks(self, user: str) -> Looks:
        """How the users of the file look that this one would be in, or those of all files."""
        with suppress(UnknownUser):
            file = self._files.get(self._path_for(user))
            if file is not None and (looks := file.looks(self.scheme, self._means.limits)):
                return looks
        return sum((file.looks(self.scheme, self._means.limits) for file in self._files.values()), Counter())

    def _find(self, user: str) -> Entry | None:
        path = self._path_for(user)
        key = user if self.username_format == "%u" else expand(self.username_format, values(user))
        file = self._files.pop(path, None)
        file = file or UserFile(path, may_vanish=bool(self._variables), is_usable=self._is_usable)
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
        if self.fixed_path:
            return self.fixed_path
        known = values(user)
        for name in self._variables:
            value = known[name]
            if value in ("", ".", "..") or "/" in value or "\0" in value:
                raise UnknownUser
        return expand(self.path, known)


def _variables_in(path: str) -> list[str]:
    """The names of the variables whose values show in the path."""
    blank = {"user": "", "username": "", "domain": ""}
    without = expand(path, blank)
    return [name for name in blank if expand(path, {**blank, name: "x"}) != without]
