"""What is wrong with the users of a passwd-file, found before one of them tries to log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from gsubmit.auth.names import Names, values
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.userfile import Entry, lines_of
from gsubmit.auth.schemes import cryptform
from gsubmit.auth.schemes.keys import scram_keys
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import Rules, StoredPassword, parse
from gsubmit.fairness import let_others_run
from gsubmit.sasl.claims import Denied
from gsubmit.sasl.scram import ALGORITHMS
from gsubmit.settings.variables import expand

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class UserCheck:
    """What a passwd-file is held against."""

    names: Names
    rules: Rules
    is_list: bool  # only the names count, as of users to keep out
    needs_password: bool  # there is no way to log in without one

    def faults(self, passdb: PasswdFile) -> Iterator[tuple[int, str]]:
        """Line (0 for the whole file) and what is wrong there, of a file whose path is fixed. Raises OSError."""
        octets = passdb.read()
        if octets.startswith(_UTF16):
            yield 1, "UTF-16: it must be UTF-8"
            return
        if octets.startswith(_UTF8_MARK):
            yield 1, "begins with a byte order mark, which becomes part of the first name"
        is_empty = True
        for number, user, rest, fault in lines_of(octets):
            let_others_run()
            is_empty = False
            if fault:
                yield number, fault
                continue
            if fault := self._fault_of_name(user, passdb.username_format):
                yield number, fault
            if not self.is_list and (fault := self._fault_of_entry(Entry.parse(rest), passdb.scheme)):
                yield number, f"user {user!a}: {fault}"
        if is_empty:
            yield 0, "no users in it"

    def _fault_of_name(self, user: str, username_format: str) -> str:
        if self._is_found(user, username_format):
            return ""
        if self._is_found(user.lower(), username_format):
            return f"user {user!a} is never found: names are made lower case (auth_username_format)"
        if username_format == "%u":
            settings = "auth_username_format, auth_username_chars, auth_default_realm"
            return f"user {user!a} is never found: nobody who logs in has this name (see {settings})"
        return ""  # of another form nobody can say

    def _is_found(self, key: str, username_format: str) -> bool:
        """Whether some name that a client may send becomes this one."""
        for sent in (key, f"{key}@example.org", f"user@{key}"):
            with suppress(Denied, ValueError):
                if expand(username_format, values(self.names.canonical(sent))) == key:
                    return True
        return False

    def _fault_of_entry(self, entry: Entry, scheme: str) -> str:
        if "nopassword" in entry.fields or "noauthenticate" in entry.fields:
            return ""
        if not entry.password:
            return "no password" if self.needs_password else ""
        try:
            hashed = parse(entry.password, scheme)
            _check_form(hashed)
            self.rules.check(hashed)
        except SchemeError as error:
            return f"stored password: {error}"
        return ""


def _check_form(hashed: StoredPassword) -> None:
    """Raise SchemeError for a content that no password can match, as far as this is seen without a costly hash."""
    if hashed.name in cryptform.SCHEMES:
        if fault := cryptform.fault(hashed.name, hashed.content.decode("utf-8", "replace")):
            raise SchemeError(fault)
    elif hashed.name in ALGORITHMS:
        scram_keys(hashed, hashed.name, b"", 0)
    elif hashed.is_cheap:
        hashed.matches("x", "user")
    elif hashed.name == "PBKDF2" and not hashed.cost.seconds:
        raise SchemeError(cryptform.MALFORMED)
