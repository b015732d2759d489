"""Fields of X.509 names, as OpenSSL knows them."""

from __future__ import annotations

import ssl

from gsubmit.settings.declare import ValueType


def long_name(field: str) -> str:
    """OpenSSL's long name of a field: CN and 2.5.4.3 are commonName. Raises ValueError for one it does not know."""
    try:
        return ssl._ASN1Object.fromname(field).longname  # OBJ_txt2nid, which is how Dovecot reads such a name
    except ValueError:
        expected = "a field of X.509 names that OpenSSL knows, such as commonName or emailAddress"
        raise ValueError(f"expected {expected}, not '{field}'") from None


def _read(text: str) -> str:
    long_name(text)
    return text


name_field: ValueType[str] = ValueType(_read, str)
