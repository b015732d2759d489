"""Keys for SCRAM and CRAM-MD5, from what is stored or from the password."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from gsubmit.auth.schemes.keys import cram_keys, scram_keys
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import hash_password, parse
from gsubmit.sasl.client import Login, answer
from gsubmit.sasl.md5state import digest
from gsubmit.sasl.scram import scram_client

SALT = bytes.fromhex("4125c247e43ab1e93c6dff76")  # RFC 5802 5
# Made by Dovecot 2.3.19 of "IX" with a soft hyphen in it, which SASLprep takes away and Dovecot does not.
SOFT_HYPHEN = "{SCRAM-SHA-1}4096,4aXADZHdHlfPnLUz/p7OoA==,ytrlbMJEHxHgdHKKiV2xEhFtgkY=,6FRiBUeBdQXD6qsMryhejsr2FYs="
ALGORITHMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


def test_example_of_the_rfc() -> None:
    """RFC 5802 5: the server's signature is made with its key."""
    messages = (
        b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
    )
    keys = scram_keys(parse("pencil", "PLAIN"), "SCRAM-SHA-1", SALT, 4096)
    assert keys is not None
    assert b64encode(hmac.digest(keys.server_key, messages, "sha1")) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="


@pytest.mark.parametrize("scheme", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("password", ["secret", "pässwörd", "I\u00adX", "\u2168 roman", "spaced\u00a0out"])
def test_clients_have_the_same_keys(scheme: str, password: str) -> None:
    """Also where SASLprep changes the password."""
    made = parse(hash_password(scheme, password), "PLAIN")
    stored = scram_keys(made, scheme, b"", 0)
    assert stored is not None
    assert stored == scram_keys(parse(password, "PLAIN"), scheme, stored.salt, stored.iterations)
    assert made.matches(password)
    # The proof: ClientKey XOR a signature made with StoredKey, which is the hash of ClientKey (RFC 5802 3).
    algorithm = ALGORITHMS[scheme]
    exchange = scram_client(algorithm, Login("user", password=password), nonce="client")
    client_first = next(exchange).removeprefix(b"n,,")
    server_first = b"r=client+server,s=" + b64encode(stored.salt) + b",i=4096"
    client_final, _, proof = answer(exchange, server_first).rpartition(b",p=")
    signature = hmac.digest(stored.stored_key, b",".join((client_first, server_first, client_final)), algorithm)
    client_key = bytes(one ^ other for one, other in zip(b64decode(proof), signature, strict=True))
    assert hashlib.new(algorithm, client_key).digest() == stored.stored_key


def test_stored_without_saslprep() -> None:
    stored = parse(SOFT_HYPHEN, "PLAIN")
    assert stored.matches("I\u00adX")
    assert not stored.matches("IX")


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("{SSHA}UgIbA7NS7QVOHuLWVG2+NwsOITz3vDjo", id="a digest"),
        pytest.param("{SCRAM-SHA-1}4096,OYG8BNW3X4NodCoFc0cjNQ==,a,b", id="keys for another mechanism"),
        pytest.param("{PLAIN-TRUNC}6-secret", id="perhaps a part of it only"),
        pytest.param("{PLAIN}\u2028", id="forbidden by SASLprep"),
        pytest.param("{PLAIN}\u00ad", id="nothing after SASLprep"),
        pytest.param("{PLAIN}", id="empty"),
    ],
)
def test_no_scram_keys(stored: str) -> None:
    assert scram_keys(parse(stored, "PLAIN"), "SCRAM-SHA-256", b"salt", 4096) is None


@pytest.mark.parametrize("scheme", ["CRAM-MD5", "HMAC-MD5", "PLAIN", "CLEARTEXT.b64"])
def test_cram_keys(scheme: str) -> None:
    keys = cram_keys(parse(hash_password(scheme, "pässwörd"), "CRYPT"))
    assert keys is not None
    assert digest(keys, b"<1@x>") == hmac.digest("pässwörd".encode(), b"<1@x>", "md5")


@pytest.mark.parametrize("scheme", ["SSHA", "DIGEST-MD5", "SCRAM-SHA-1", "PLAIN-MD5"])
def test_no_cram_keys(scheme: str) -> None:
    assert cram_keys(parse(hash_password(scheme, "secret", user="user"), "CRYPT")) is None


def test_malformed_keys() -> None:
    with pytest.raises(SchemeError):
        cram_keys(parse("{CRAM-MD5.hex}00", "CRYPT"))
    with pytest.raises(SchemeError):
        scram_keys(parse("{SCRAM-SHA-1}4096", "CRYPT"), "SCRAM-SHA-1", b"salt", 4096)


def test_keys_are_not_shown() -> None:
    stored = parse("{PLAIN}secret", "CRYPT")
    shown = repr(scram_keys(stored, "SCRAM-SHA-1", b"salt", 4096)) + repr(cram_keys(stored))
    assert "key" not in shown and "outer" not in shown and "inner" not in shown
