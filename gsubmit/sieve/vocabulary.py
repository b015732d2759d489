"""All words, all extensions."""

from __future__ import annotations

from gsubmit.sieve import (
    actions,
    bodytests,
    comparators,
    control,
    datetests,
    duplicate,
    editheader,
    environment,
    flags,
    headertests,
    ihave,
    include,
    logic,
    loops,
    mailboxtests,
    regex,
    variables,
)
from gsubmit.sieve.checking import Vocabulary
from gsubmit.sieve.references import COMMON, common

WORDS = (
    *control.WORDS,
    *logic.WORDS,
    *headertests.WORDS,
    *actions.WORDS,
    *variables.WORDS,
    *flags.WORDS,
    *editheader.WORDS,
    *datetests.WORDS,
    *environment.WORDS,
    *mailboxtests.WORDS,
    *include.WORDS,
    *ihave.WORDS,
    *bodytests.WORDS,
    *loops.WORDS,
    *duplicate.WORDS,
)
EXTENSIONS = frozenset(
    {
        *("fileinto", "envelope", "encoded-character", "reject", "ereject", "copy", "mailbox", "special-use"),
        *("variables", "imap4flags", "relational", "subaddress", "index", "mime", "date"),
        *("editheader", "environment", "include", "ihave", "body", "foreverypart", "extracttext", "duplicate"),
        *("vnd.dovecot.debug", environment.EXTENSION),
        *comparators.EXTENSIONS,
        *(("regex",) if regex.IS_THERE else ()),
    }
)
NAMESPACES = {
    COMMON: ("include", common),
    environment.NAMESPACE: (environment.EXTENSION, environment.variable),
}
VOCABULARY = Vocabulary(WORDS, NAMESPACES, EXTENSIONS)
