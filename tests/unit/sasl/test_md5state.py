"""HMAC-MD5 from stored states is HMAC-MD5."""

from __future__ import annotations

import hmac

from hypothesis import example, given
from hypothesis import strategies as st

from gsubmit.sasl.claims import CramKeys
from gsubmit.sasl.md5state import digest, states_of


@given(st.binary(max_size=200), st.binary(max_size=300))
@example(b"", b"")
@example(b"k" * 64, b"m" * 55)
@example(b"k" * 65, b"m" * 56)
@example(b"k", b"m" * 64)
def test_like_hmac(key: bytes, message: bytes) -> None:
    assert digest(states_of(key), message) == hmac.digest(key, message, "md5")


def test_example_of_the_rfc() -> None:
    """RFC 2195 2."""
    keys = states_of(b"tanstaaftanstaaf")
    assert digest(keys, b"<1896.697170952@postoffice.reston.mci.net>").hex() == "b913a602c7eda7a495b4e6e7334d3890"


def test_states_as_dovecot_stores_them() -> None:
    """Made by `doveadm pw -s CRAM-MD5 -p secret`."""
    keys = states_of(b"secret")
    assert (keys.outer + keys.inner).hex() == "cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56"


def test_states_are_not_shown() -> None:
    assert repr(states_of(b"secret")) == repr(CramKeys(outer=b"", inner=b""))
