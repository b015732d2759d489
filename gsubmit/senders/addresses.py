"""Addresses in a form in which two of the same mailbox are equal."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from gsubmit.smtp.address import Address, BadAddress, Cursor


class Key(NamedTuple):
    """A local part without case, and a domain of A-labels in lower case."""

    local_part: str
    domain: str


def key_of(address: Address) -> Key:
    """What is compared of an address."""
    return Key(folded(address.local_part), domain_key(address.domain))


def folded(text: str) -> str:
    """A local part or login without case.

    By toLowerCase (RFC 8265 3.3): case folding makes one of letters that are several, such as sharp s and ss.
    """
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()


def domain_key(domain: str) -> str:
    """A domain as DNS has it. What IDNA does not allow becomes something that DNS does not have either.

    As in RFC 5891 no character stands for another one: sharp s is a letter of its own.
    """
    if domain.isascii():
        return domain.lower()
    labels = unicodedata.normalize("NFC", unicodedata.normalize("NFC", domain).lower()).split(".")
    return ".".join([one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}" for one in labels])


def untagged(local_part: str, delimiters: str) -> str:
    """A local part up to the first delimiter, if anything stands before that."""
    for at, character in enumerate(local_part):
        if at and character in delimiters:
            return local_part[:at]
    return local_part


def read_address(text: str) -> Address:
    """An address without angle brackets, with the oddities that MAIL may have too. Raises BadAddress."""
    cursor = Cursor(text)
    address = cursor.mailbox()
    if cursor.remainder:
        raise BadAddress("unexpected character in address")
    return address
