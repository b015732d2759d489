"""All mechanisms of both sides by name, in the order in which they are offered and tried."""

from __future__ import annotations

from collections.abc import Sequence

from gsubmit.sasl import scram
from gsubmit.sasl.client import ClientMechanism
from gsubmit.sasl.crammd5 import CRAM_MD5
from gsubmit.sasl.external import EXTERNAL
from gsubmit.sasl.login import LOGIN, LOGIN_CLIENT
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.sasl.oauth import OAUTHBEARER, OAUTHBEARER_CLIENT, XOAUTH2, XOAUTH2_CLIENT
from gsubmit.sasl.plain import PLAIN, PLAIN_CLIENT

_ALL = (
    PLAIN,
    LOGIN,
    scram.SCRAM_SHA_256_PLUS,
    scram.SCRAM_SHA_256,
    scram.SCRAM_SHA_1_PLUS,
    scram.SCRAM_SHA_1,
    EXTERNAL,
    OAUTHBEARER,
    XOAUTH2,
    CRAM_MD5,
)

_CLIENTS_BEST_FIRST = (
    scram.SCRAM_SHA_256_CLIENT,
    scram.SCRAM_SHA_1_CLIENT,
    PLAIN_CLIENT,
    LOGIN_CLIENT,
    OAUTHBEARER_CLIENT,
    XOAUTH2_CLIENT,
)
CLIENT_NAMES = tuple(mechanism.name for mechanism in _CLIENTS_BEST_FIRST)
TOKEN_MECHANISMS = frozenset(mechanism.name for mechanism in _CLIENTS_BEST_FIRST if mechanism.is_token)

MECHANISMS: dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in _ALL}


def fitting(
    offered: Sequence[str], *, has_authorization_id: bool = False, is_token: bool = False
) -> list[ClientMechanism]:
    """The mechanisms for a login at a server that offers these, the best first."""
    names = {name.upper() for name in offered}
    return [
        mechanism
        for mechanism in _CLIENTS_BEST_FIRST
        if mechanism.name in names
        and mechanism.is_token == is_token
        and (mechanism.has_authorization_id or not has_authorization_id)
    ]
