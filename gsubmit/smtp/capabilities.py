"""What an SMTP server said in its EHLO reply (RFC 5321 4.1.1.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_LIMIT = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, eq=False)
class Capabilities:
    """EHLO keywords in upper case with their parameters as they came."""

    keywords: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Capabilities:
        """Read the keyword lines, the first line of the reply left out. `AUTH=X`, an old form, is read as `AUTH X`."""
        keywords: dict[str, str] = {}
        for line in lines:
            keyword, _, parameters = line.strip().partition(" ")
            if not keyword:
                continue  # some servers say an empty line
            if keyword.upper().startswith("AUTH="):
                keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
            if keyword.upper() == "AUTH" and "AUTH" in keywords:
                parameters = f"{keywords['AUTH']} {parameters}"
            keywords[keyword.upper()] = parameters
        return cls(keywords)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    def without(self, names: Collection[str]) -> Capabilities:
        """The same with these keywords, in upper case, left out."""
        if names and not self.keywords.keys().isdisjoint(names):
            return Capabilities({keyword: said for keyword, said in self.keywords.items() if keyword not in names})
        return self

    @property
    def size(self) -> int:
        """The largest message in octets, 0 for no fixed maximum (RFC 1870 3)."""
        number = self.keywords.get("SIZE", "")
        return int(number) if number.isascii() and number.isdigit() else 0

    def limit(self, name: str) -> int:
        """A limit that the server announces, such as MAILMAX; 0 for none (RFC 9422 4)."""
        for word in self.keywords.get("LIMITS", "").split():
            key, _, value = word.partition("=")
            if key.upper() == name and _LIMIT.fullmatch(value):
                return int(value)
        return 0

    @property
    def mechanisms(self) -> list[str]:
        """SASL mechanisms, upper case."""
        return self.keywords.get("AUTH", "").upper().split()

    @property
    def takes_binary(self) -> bool:
        """BINARYMIME means something only together with CHUNKING (RFC 3030 3)."""
        return "BINARYMIME" in self and "CHUNKING" in self


NOTHING = Capabilities()
