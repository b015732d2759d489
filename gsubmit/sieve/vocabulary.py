"""All words, all extensions."""

from __future__ import annotations

from gsubmit.sieve import actions, comparators, control, flags, headertests, logic, regex, variables
from gsubmit.sieve.checking import Vocabulary
from gsubmit.sieve.references import COMMON, common

WORDS = (
    *control.WORDS,
    *logic.WORDS,
    *headertests.WORDS,
    *actions.WORDS,
    *variables.WORDS,
    *flags.WORDS,
)
EXTENSIONS = frozenset(
    {
        *("fileinto", "envelope", "encoded-character", "reject", "ereject", "copy", "mailbox", "special-use"),
        *("variables", "imap4flags", "relational", "subaddress", "index", "mime"),
        *comparators.EXTENSIONS,
        *(("regex",) if regex.IS_THERE else ()),
    }
)
VOCABULARY = Vocabulary(WORDS, {COMMON: ("include", common)}, EXTENSIONS)
