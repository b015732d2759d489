"""Every scheme by its name. OTP is missing: its passwords are for once, and would have to be stored anew each time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gsubmit.auth.schemes import crypt
from gsubmit.auth.schemes.cram import CRAM_MD5, DIGEST_MD5, HMAC_MD5
from gsubmit.auth.schemes.digest import md4, md5, salted, sha1, sha256, sha512, unsalted
from gsubmit.auth.schemes.pbkdf2 import PBKDF2
from gsubmit.auth.schemes.plain import CLEARTEXT, PLAIN_TRUNC
from gsubmit.auth.schemes.scheme import Scheme, always
from gsubmit.auth.schemes.scram import scram

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "ARGON2ID": crypt.ARGON2ID,
        "ARGON2I": crypt.ARGON2I,
        "ARGON2": crypt.ARGON2ID,
        "BLF-CRYPT": crypt.BLF_CRYPT,
        "CRYPT": crypt.CRYPT,
        "SHA512-CRYPT": crypt.SHA512_CRYPT,
        "SHA256-CRYPT": crypt.SHA256_CRYPT,
        "SCRAM-SHA-256": scram("sha256"),
        "SCRAM-SHA-1": scram("sha1"),
        "PBKDF2": PBKDF2,
        "SSHA512": salted(sha512),
        "SSHA256": salted(sha256),
        "SSHA": salted(sha1),
        "SHA512": unsalted(sha512),
        "SHA256": unsalted(sha256),
        "SHA1": unsalted(sha1),
        "SHA": unsalted(sha1),
        "PLAIN": CLEARTEXT,
        "CLEAR": CLEARTEXT,
        "CLEARTEXT": CLEARTEXT,
        "PLAIN-TRUNC": PLAIN_TRUNC,
        "CRAM-MD5": CRAM_MD5,
        "HMAC-MD5": HMAC_MD5,
        "DIGEST-MD5": DIGEST_MD5,
        "SMD5": salted(md5, is_weak=always),
        "LDAP-MD5": unsalted(md5, is_weak=always),
        "PLAIN-MD5": unsalted(md5, encoding="HEX", is_weak=always),
        "PLAIN-MD4": unsalted(md4, encoding="HEX", is_weak=always),
        "MD5-CRYPT": crypt.MD5_CRYPT,
        "MD5": crypt.MD5,
        "DES-CRYPT": crypt.DES_CRYPT,
    }
)
WEAK = frozenset(name for name, scheme in SCHEMES.items() if scheme.is_weak is always)
