"""The content as the relay can take it: converted where it lacks 8BITMIME or BINARYMIME (EBM-4, BDT-18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit.message.body import MessageBody
from gsubmit.message.encode import eight_bit, headers_need_smtputf8, seven_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.params import MailParams
from gsubmit.smtp.replies import CANNOT_CONVERT, UTF8_HEADER
from gsubmit.smtp.reply import Refused


@contextmanager
def fitting(body: MessageBody, params: MailParams, relay: Capabilities) -> Iterator[MessageBody]:
    """`body` itself, or a converted copy that ends with the block. Raises Refused, or OSError for want of room."""
    if params.smtputf8 and "SMTPUTF8" not in relay and headers_need_smtputf8(body):
        raise Refused(UTF8_HEADER)
    is_binary = params.body == "BINARYMIME"
    if "8BITMIME" in relay and (relay.takes_binary or not is_binary):
        yield body
        return
    if not (is_binary or body.has_8bit):
        yield body
        return
    convert = eight_bit if "8BITMIME" in relay else seven_bit
    try:
        converted = convert(body, body.directory)
    except CannotConvert as error:
        raise Refused(CANNOT_CONVERT) from error
    try:
        yield converted
    finally:
        converted.close()
