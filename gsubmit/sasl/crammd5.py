"""CRAM-MD5 (RFC 2195), for old clients: SCRAM replaces it."""

from __future__ import annotations

import hmac
import re
import secrets
import time

from gsubmit.sasl import md5state
from gsubmit.sasl.claims import Authority, CramKeys, Keys, KeysWanted, MalformedResponse, name_from
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism

# The name may hold spaces: the last one ends it.
_RESPONSE = re.compile(rb"(.+) ([0-9a-f]{32})", re.DOTALL)


def crammd5(authority: Authority, channel: Channel, challenge: bytes = b"") -> Exchange:
    """One challenge, which the client digests with its password (RFC 2195 2). Tests give it."""
    challenge = challenge or f"<{secrets.randbits(64)}.{int(time.time())}@{channel.hostname}>".encode()
    response = yield challenge
    matched = _RESPONSE.fullmatch(response)
    if matched is None:
        raise MalformedResponse("not a name and a digest")
    account = authority.account(KeysWanted(name_from(matched[1]), scheme="CRAM-MD5"))

    def is_proven(keys: Keys) -> bool:
        assert isinstance(keys, CramKeys)
        return hmac.compare_digest(md5state.digest(keys, challenge).hex().encode(), matched[2])

    admission, _ = authority.settle(account, is_proven)
    return admission()


CRAM_MD5 = Mechanism("CRAM-MD5", crammd5, KeysWanted, server_first=True)
