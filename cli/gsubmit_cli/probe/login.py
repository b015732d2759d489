"""Logging in with AUTH PLAIN or AUTH LOGIN. Nothing that holds the password is ever shown."""

from __future__ import annotations

import base64

from gsubmit.sasl.client import MECHANISM_REFUSED
from gsubmit.smtp.capabilities import Capabilities
from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.capabilities import listed
from gsubmit_cli.probe.conversation import Conversation
from gsubmit_cli.probe.transcript import MASK

MECHANISMS = ("plain", "login")  # the best first
MAX_COMMAND = 510  # octets without CRLF; a longer initial response must be left out, RFC 4954 4


def log_in(talk: Conversation, offered: Capabilities) -> None:
    """Log in as the user of the target. Raises Failure."""
    mechanisms = _choices(talk, offered)
    if talk.tls is None:
        talk.transcript.note("the password travels in clear text")
    for mechanism in mechanisms:
        answer = _attempt(talk, mechanism)
        if answer.code not in MECHANISM_REFUSED:
            break
    if answer.code != 235:
        raise talk.refusal(answer)


def _attempt(talk: Conversation, mechanism: str) -> Answer:
    """The server's last word to a login with this mechanism. What the challenges say means nothing."""
    target = talk.target
    name = (target.user or "").encode("utf-8", "surrogateescape")
    responses = [target.plain] if mechanism == "plain" else [name, target.password]
    talk.transcript.hide(target.password, responses[-1])
    command = f"AUTH {mechanism.upper()}"
    whole = f"{command} {_encoded(responses[0])}"
    goes_whole = mechanism == "plain" and len(whole) <= MAX_COMMAND
    answer = talk.say(whole, f"{command} {MASK}") if goes_whole else talk.say(command)
    if goes_whole and answer.code in (500, 501):  # perhaps it takes no response together with AUTH
        answer = talk.say(command)
    while answer.code == 334 and responses:
        answer = talk.say(_encoded(responses.pop(0)), MASK)
    if answer.code == 334:  # it wants to hear more than the mechanism has to say: cancel, RFC 4954 4
        talk.say("*")
        raise talk.failure("the server asks for more than the mechanism has", "the server's log says more")
    return answer


def _choices(talk: Conversation, offered: Capabilities) -> list[str]:
    """The mechanisms to use, which the server offers, the best first."""
    there = [name.lower() for name in listed(offered).get("AUTH", [])]
    wanted = [talk.target.mechanism] if talk.target.mechanism else MECHANISMS
    if choices := [mechanism for mechanism in wanted if mechanism in there]:
        return choices
    if there:
        raise talk.failure(
            f"the server does not offer {' or '.join(wanted).upper()}", f"it offers {' '.join(there).upper()}"
        )
    raise talk.missing("AUTH")


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
