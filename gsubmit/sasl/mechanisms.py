"""All mechanisms by name, in the order in which they are offered."""

from __future__ import annotations

from gsubmit.sasl.crammd5 import CRAM_MD5
from gsubmit.sasl.external import EXTERNAL
from gsubmit.sasl.login import LOGIN
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.sasl.oauth import OAUTHBEARER, XOAUTH2
from gsubmit.sasl.plain import PLAIN
from gsubmit.sasl.scram import SCRAM_SHA_1, SCRAM_SHA_1_PLUS, SCRAM_SHA_256, SCRAM_SHA_256_PLUS

# The best first, for clients that take the first one they know.
_BEST_FIRST = (
    EXTERNAL,
    SCRAM_SHA_256_PLUS,
    SCRAM_SHA_1_PLUS,
    SCRAM_SHA_256,
    SCRAM_SHA_1,
    OAUTHBEARER,
    XOAUTH2,
    PLAIN,
    LOGIN,
    CRAM_MD5,
)

MECHANISMS: dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in _BEST_FIRST}
