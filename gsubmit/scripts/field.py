"""A header field as scripts see it."""

from __future__ import annotations

from gsubmit.message import fields
from gsubmit.message.encodedword import decoded


class Field:
    """A sieve.mail.Field. Its texts are made when somebody asks for them, once."""

    __slots__ = ("_raw", "_text", "name", "original")

    def __init__(self, original: fields.Field) -> None:
        self.original = original
        self.name = original.name.decode("ascii")
        self._raw: str | None = None
        self._text: str | None = None

    @property
    def raw(self) -> str:
        """What follows the colon, unfolded and stripped; octets that are not UTF-8 as PEP 383 has them."""
        if self._raw is None:
            self._raw = self.original.value.strip(b" \t").decode("utf-8", "surrogateescape")
        return self._raw

    @property
    def text(self) -> str:
        """The same with its encoded-words decoded; octets that are not UTF-8 are Latin-1."""
        if self._text is None:
            self._text = decoded(self.original)
        return self._text
