"""Logging in with AUTH PLAIN or AUTH LOGIN. Nothing that holds the password is ever shown."""

from __future__ import annotations

import base64

from gsubmit_cli.sending.capabilities import Capabilities
from gsubmit_cli.sending.conversation import Conversation
from gsubmit_cli.sending.transcript import MASK

MECHANISMS = ("plain", "login")  # the best first
MAX_COMMAND = 510  # octets without CRLF; a longer initial response must be left out, RFC 4954 4


def log_in(talk: Conversation, offered: Capabilities) -> None:
    """Log in as the user of the target. Raises Failure."""
    mechanism = _choice(talk, offered)
    responses = _responses(mechanism, talk.target.user or "", talk.target.password)
    talk.transcript.hide(talk.target.password, responses[-1])
    if talk.tls is None:
        talk.transcript.note("the password travels in clear text")
    command = f"AUTH {mechanism.upper()}"
    shown = command
    if mechanism == "plain" and len(command) + 1 + len(_encoded(responses[0])) <= MAX_COMMAND:
        command, shown = f"{command} {_encoded(responses.pop(0))}", f"{command} {MASK}"
    answer = talk.say(command, shown)
    while answer.code == 334 and responses:
        answer = talk.say(_encoded(responses.pop(0)), MASK)
    if answer.code == 334:  # it wants to hear more than the mechanism has to say: cancel, RFC 4954 4
        talk.say("*")
        raise talk.failure("the server asks for more than the mechanism has", "the server's log says more")
    if answer.code != 235:
        raise talk.refusal(answer)


def _choice(talk: Conversation, offered: Capabilities) -> str:
    """The mechanism to use, one that the server offers."""
    there = [name.lower() for name in offered.get("AUTH", [])]
    wanted = [talk.target.mechanism] if talk.target.mechanism else MECHANISMS
    for mechanism in wanted:
        if mechanism in there:
            return mechanism
    if there:
        raise talk.failure(
            f"the server does not offer {' or '.join(wanted).upper()}", f"it offers {' '.join(there).upper()}"
        )
    raise talk.missing("AUTH")


def _responses(mechanism: str, user: str, password: bytes) -> list[bytes]:
    name = user.encode("utf-8", "surrogateescape")
    if mechanism == "plain":
        return [b"\0" + name + b"\0" + password]  # RFC 4616 2: no authorization id
    return [name, password]


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
