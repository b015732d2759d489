"""Logging in at another SMTP server, with the best mechanism that it really has (RLY-2, RFC 4954)."""

from __future__ import annotations

import ipaddress
import logging
from base64 import b64encode
from collections.abc import Sequence

from gsubmit.dial.answer import LoginRefused, RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.sasl import base64
from gsubmit.sasl.client import MECHANISM_REFUSED, ClientMechanism, Login, LoginFailed, answer, conclude
from gsubmit.sasl.mechanisms import fitting
from gsubmit.settings.relay import RelayLogin
from gsubmit.smtp.replies import RELAY_REFUSES_US
from gsubmit.smtp.reply import Reply

MAX_INITIAL_RESPONSE = 510  # longer AUTH lines go without initial response, RFC 4954 4
MIN_MASKED = 4  # characters; shorter ones are parts of words, and these may be for a client to read
_NO_INITIAL_RESPONSE = frozenset({500, 501})  # to AUTH with one: perhaps without

_log = logging.getLogger("gsubmit.relay")


def log_in(connection: RelayConnection, login: RelayLogin) -> Reply:
    """Log in; the reply of success. Raises RelayFailed, LoginRefused among it with the refusal as it was said."""
    if not (connection.tls_version or login.auth_cleartext or connection.hop.trusted or _is_here(connection)):
        why = "no password without TLS to another machine, unless submission_relay_auth_cleartext = yes"
        raise RelayFailed(RELAY_REFUSES_US, f"{connection}: {why}")
    try:
        user, master = login.user, login.master_user
        who = Login(master or user, user if master else "", login.password)
        mechanism, reply = _try_each(connection, _candidates(connection, login, who), who)
    except LoginFailed as failed:
        raise RelayFailed(RELAY_REFUSES_US, f"login at {connection}: {failed}") from failed
    if reply.code == 503 and connection.client is not None and connection.client.login:
        return reply  # Postfix takes XCLIENT's LOGIN for a login
    if reply.code != 235:
        others = ""
        if reply.code in MECHANISM_REFUSED and not (connection.tls_version or mechanism.is_cleartext):
            others = " (a weaker mechanism is not tried without TLS)"
        why = f"{connection} refused our login with {mechanism.name}: {reply}{others}"
        raise LoginRefused(RELAY_REFUSES_US, why, reply)
    return reply


def _candidates(connection: RelayConnection, login: RelayLogin, who: Login) -> Sequence[ClientMechanism]:
    """The mechanisms that may be tried, the best first. Those that the relay lists but has refused are left out.

    Where nobody else can read it the password may go as it is; without TLS never because a better way was refused.
    """
    offered = connection.capabilities.mechanisms
    mechanisms = [
        mechanism
        for mechanism in fitting(offered, has_authorization_id=bool(who.authorization_id), is_token=login.is_token)
        if login.mechanism in ("", mechanism.name) and (who.is_text or mechanism.is_cleartext)
    ]
    if not mechanisms:
        wanted = f"mechanism {login.mechanism}" if login.mechanism else "mechanism"
        raise RelayFailed(RELAY_REFUSES_US, f"{connection} offers no {wanted} to log in with")
    if not connection.tls_version:
        mechanisms = [each for each in mechanisms if each.is_cleartext == mechanisms[0].is_cleartext]
    habits = connection.hop.login_habits
    habits.look_at(offered)
    return [each for each in mechanisms if each.name not in habits.refused] or mechanisms


def _try_each(
    connection: RelayConnection, mechanisms: Sequence[ClientMechanism], who: Login
) -> tuple[ClientMechanism, Reply]:
    """The mechanism that the relay did not refuse as such, or the last one, and the relay's last word to it."""
    for mechanism, following in zip(mechanisms, [*mechanisms[1:], None], strict=True):
        reply = _converse(connection, mechanism, who)
        if reply.code not in MECHANISM_REFUSED:
            break
        connection.hop.login_habits.refused.add(mechanism.name)
        if following is None:
            break
        _log.warning("%s does not take AUTH %s: %s; next is %s", connection, mechanism.name, reply, following.name)
    return mechanism, reply


def _converse(connection: RelayConnection, mechanism: ClientMechanism, who: Login) -> Reply:
    """Carry challenges and responses; the relay's last word, without what it may repeat of them."""
    exchange = mechanism.start(who)
    responses = [_encoded(next(exchange))]
    reply, has_taken_first = _begin(connection, mechanism, responses[0])
    if reply.code == 334 and not has_taken_first:
        reply = connection.ask(responses[0], secret=True)
    while reply.code == 334:
        try:
            challenge = b"" if mechanism.has_prompts else base64.decode(reply.text)
            responses.append(_encoded(answer(exchange, challenge)))
        except (LoginFailed, ValueError) as failed:
            connection.ask("*")
            if isinstance(failed, LoginFailed):
                raise
            raise LoginFailed(f"malformed challenge of {mechanism.name}: {_masked(reply, responses, who)}") from failed
        reply = connection.ask(responses[-1], secret=True)
    if reply.code == 235:
        conclude(exchange)
    return _masked(reply, responses, who)


def _begin(connection: RelayConnection, mechanism: ClientMechanism, response: str) -> tuple[Reply, bool]:
    """AUTH; the reply, and whether the relay has taken the response that goes with it."""
    line = f"AUTH {mechanism.name} {response}"
    habits = connection.hop.login_habits
    if mechanism.client_first and len(line) <= MAX_INITIAL_RESPONSE and mechanism.name not in habits.without_initial:
        reply = connection.ask(line)
        if reply.code not in _NO_INITIAL_RESPONSE:
            # A challenge with nothing in it, or to a mechanism without any, asks for the response once more.
            return reply, not (reply.code == 334 and (mechanism.has_prompts or not reply.text.strip()))
        habits.without_initial.add(mechanism.name)
        said = _masked(reply, [response], None)
        _log.warning("%s takes no initial response with AUTH %s: %s", connection, mechanism.name, said)
    return connection.ask(f"AUTH {mechanism.name}"), False


def _masked(reply: Reply, responses: Sequence[str], who: Login | None) -> Reply:
    """A reply for the log: some servers repeat what they did not like."""
    text = reply.text
    for secret in (*responses, who.password if who is not None else ""):
        if len(secret) >= MIN_MASKED:
            text = text.replace(secret, "<secret>")
    return reply.with_text(text)


def _encoded(response: bytes) -> str:
    return b64encode(response).decode("ascii")


def _is_here(connection: RelayConnection) -> bool:
    """Whether the relay is on this machine."""
    return bool(connection.hop.unix_path) or ipaddress.ip_address(connection.address).is_loopback
