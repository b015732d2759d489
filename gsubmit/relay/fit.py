"""The content as the relay can take it: converted where it lacks 8BITMIME or BINARYMIME (EBM-4, BDT-18)."""

from __future__ import annotations

import logging
import re

from gsubmit.message.content import Content
from gsubmit.message.encode import eight_bit, headers_need_smtputf8, seven_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.params import MailParams
from gsubmit.smtp.replies import CANNOT_CONVERT, UTF8_HEADER
from gsubmit.smtp.reply import Refused

# Fields that hold a signature over the octets of the message (RFC 6376, RFC 8617 4.1.2, RFC 4870).
_SIGNATURE = re.compile(
    rb"^(?<![^\r]\n)(DKIM-Signature|ARC-Message-Signature|DomainKey-Signature)[ \t]*:", re.IGNORECASE | re.MULTILINE
)

_log = logging.getLogger("gsubmit.relay")


def fitting(body: Content, params: MailParams, relay: Capabilities, label: str = "") -> Content:
    """`body` itself, or a converted copy, for the caller to close. Raises Refused, or OSError for lack of space.

    `label` is who it is for, in the log.
    """
    if params.smtputf8 and "SMTPUTF8" not in relay and headers_need_smtputf8(body):
        raise Refused(UTF8_HEADER)
    is_binary = params.body == "BINARYMIME"
    if "8BITMIME" in relay.keywords and (not is_binary or relay.takes_binary):
        return body
    if not (is_binary or body.has_8bit):
        return body
    convert = eight_bit if "8BITMIME" in relay else seven_bit
    try:
        converted = convert(body, body.directory)
    except CannotConvert as error:
        text = f"{CANNOT_CONVERT.text}: {error.reason}"
        raise Refused(CANNOT_CONVERT.with_text(text)) from error
    if signature := _SIGNATURE.search(body.head()):
        text = "the message had to be converted for the relay, and its %s does not hold any more"
        _log.warning(text, signature[1].decode("ascii"), extra={"prefix": label})
    return converted
