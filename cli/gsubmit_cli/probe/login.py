"""Logging in with AUTH, by every mechanism that has a client's side here. Nothing that holds the password is shown."""

from __future__ import annotations

import base64

from gsubmit.sasl.base64 import decode
from gsubmit.sasl.client import (
    MECHANISM_REFUSED,
    ClientMechanism,
    Login,
    LoginFailed,
    ServerNotProven,
    answer,
    conclude,
)
from gsubmit.sasl.mechanisms import TOKEN_MECHANISMS, fitting
from gsubmit.smtp.capabilities import Capabilities
from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.capabilities import listed
from gsubmit_cli.probe.conversation import Conversation
from gsubmit_cli.probe.transcript import MASK

MAX_COMMAND = 510  # octets without CRLF; a longer initial response must be left out, RFC 4954 4
NOT_PROVEN = "it does not know the password of this user: is it the server that you mean?"


def log_in(talk: Conversation, offered: Capabilities) -> None:
    """Log in as the user of the target. Raises Failure."""
    target = talk.target
    try:
        who = Login(target.user or "", password=target.password.decode("utf-8", "surrogateescape"))
        mechanisms = _choices(talk, offered, who)
        if talk.tls is None and mechanisms[0].is_cleartext:
            talk.transcript.note("the password travels in clear text")
        for mechanism in mechanisms:
            said = _attempt(talk, mechanism, who)
            if said.code not in MECHANISM_REFUSED:
                break
    except ServerNotProven as failed:
        raise talk.failure(str(failed), NOT_PROVEN) from failed
    except LoginFailed as failed:
        raise talk.failure(str(failed), "the server's log says more") from failed
    if said.code != 235:
        raise talk.refusal(said)


def _attempt(talk: Conversation, mechanism: ClientMechanism, who: Login) -> Answer:
    """The server's last word to a login with this mechanism. Raises LoginFailed when it cannot go on."""
    exchange = mechanism.start(who)
    response = next(exchange)
    talk.transcript.hide(talk.target.password, response)
    said, is_taken = _begin(talk, mechanism, response)
    while said.code == 334:
        if is_taken:
            try:
                response = answer(exchange, _challenge(talk, mechanism, said))
            except LoginFailed:
                talk.say("*")  # cancel, RFC 4954 4
                raise
            talk.transcript.hide(response)
        is_taken = True
        said = talk.say(_encoded(response), MASK)
    if said.code == 235:
        conclude(exchange)
    return said


def _begin(talk: Conversation, mechanism: ClientMechanism, response: bytes) -> tuple[Answer, bool]:
    """AUTH; the answer, and whether the server has taken the response that goes with it."""
    command = f"AUTH {mechanism.name}"
    whole = f"{command} {_encoded(response)}"
    if mechanism.client_first and len(whole) <= MAX_COMMAND:
        said = talk.say(whole, f"{command} {MASK}")
        if said.code not in (500, 501):  # else perhaps it takes no response together with AUTH
            # A challenge with nothing in it, or to a mechanism without any, asks for the response once more.
            return said, not (said.code == 334 and (mechanism.has_prompts or not said.text.strip()))
    return talk.say(command), False


def _challenge(talk: Conversation, mechanism: ClientMechanism, said: Answer) -> bytes:
    if mechanism.has_prompts:
        return b""
    try:
        challenge = decode(said.text)
    except ValueError:
        raise LoginFailed(f"malformed challenge of {mechanism.name}") from None
    if mechanism.is_token and challenge:  # why the token is refused
        talk.transcript.note(challenge.decode("utf-8", "backslashreplace"))
    return challenge


def _choices(talk: Conversation, offered: Capabilities, who: Login) -> list[ClientMechanism]:
    """The mechanisms to use, which the server offers, the best first.

    Without TLS none that shows the password comes after one that does not: whoever refuses that one might want it.
    """
    there = [name.upper() for name in listed(offered).get("AUTH", [])]
    wanted = talk.target.mechanism
    found = fitting(there, is_token=wanted in TOKEN_MECHANISMS)
    found = [one for one in found if wanted in (None, one.name) and (who.is_text or one.is_cleartext)]
    if found:
        return [one for one in found if talk.tls or one.is_cleartext == found[0].is_cleartext]
    if there:
        raise talk.failure(
            f"the server does not offer {wanted or 'a mechanism for a password'}", f"it offers {' '.join(there)}"
        )
    raise talk.missing("AUTH")


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
