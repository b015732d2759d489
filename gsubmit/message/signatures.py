"""What the signatures in a header cover (RFC 6376 3.5, RFC 8617 4.1.2, RFC 4870 3.2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gsubmit.fairness import let_others_run
from gsubmit.message.fields import Field

SIGNATURES = frozenset({b"dkim-signature", b"arc-message-signature", b"domainkey-signature"})
_SIGNED_FIELDS = re.compile(rb"(?:^|;)h=([^;]*)")
_SPACE = re.compile(rb"[ \t\r\n]+")


def covered_names(fields: Sequence[Field]) -> frozenset[bytes]:
    """The names of the fields that may be neither changed, nor taken out, nor added; in lower case.

    What a signature lists that is not there is signed as not there (RFC 6376 5.4).
    """
    covered: set[bytes] = set()
    covers_all = False
    for field in fields:
        if field.name in SIGNATURES:
            let_others_run()
            listed = _SIGNED_FIELDS.search(_SPACE.sub(b"", field.value).lower())
            if listed is not None:
                covered.update(listed[1].split(b":"))
            covers_all = covers_all or listed is None  # DomainKeys
    if covers_all:
        covered.update(field.name for field in fields)
    return frozenset(covered)


def is_signed(fields: Iterable[Field]) -> bool:
    """Whether a signature in the header covers the content."""
    return any(field.name in SIGNATURES for field in fields)
