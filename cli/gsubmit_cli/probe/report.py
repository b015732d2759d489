"""How a test submission ended: in a few lines for people, in one JSON object for programs."""

from __future__ import annotations

from dataclasses import asdict

from gsubmit_cli.probe.capabilities import listed
from gsubmit_cli.probe.connection import Connection
from gsubmit_cli.probe.probe import Probe
from gsubmit_cli.probe.sentmail import SentMail


def verdict(probe: Probe) -> list[str]:
    """The last lines of the output."""
    outcome, seconds = probe.outcome, probe.transcript.seconds
    lines = [f"refused   <{recipient}>: {reply}" for recipient, reply in outcome.refused.items()]
    if probe.sent and probe.sent.place:
        uidvalidity, uid = probe.sent.place
        name = probe.sent.mailbox.name
        lines.append(f"stored    in the mailbox {name}, where it stays: UID {uid}, UIDVALIDITY {uidvalidity}")
    if outcome.reply:
        number = len(outcome.accepted)
        lines.append(f"accepted  for {number} recipient{'' if number == 1 else 's'}: {outcome.reply}")
    failure = outcome.failure
    if failure is None:
        return [*lines, f"ok        in {seconds:.3f} s"]
    return [
        *lines,
        f"failed    in step {failure.step}, after {seconds:.3f} s: {failure.reason}",
        f"hint      {failure.hint}",
        f"exit      {failure.stage.value} ({failure.stage.name})",
    ]


def for_programs(probe: Probe) -> dict[str, object]:
    """Everything, ready for json.dumps but for a time."""
    outcome = probe.outcome
    failure = outcome.failure
    return {
        "ok": failure is None,
        "exit_code": outcome.stage.value,
        "stage": outcome.stage.name,
        "failed_step": failure.step if failure else None,
        "error": failure.reason if failure else None,
        "hint": failure.hint if failure else None,
        "server": _server(probe),
        "seconds": round(probe.transcript.seconds, 6),
        "steps": [step.as_json() for step in probe.transcript.steps],
        "tls": _tls(probe),
        "capabilities": listed(probe.offered),
        "recipients": {"accepted": outcome.accepted, "refused": outcome.refused},
        "reply": outcome.reply or None,
        "imap": _imap(probe.sent) if probe.sent else None,
    }


def _server(connection: Connection) -> dict[str, object]:
    target = connection.target
    return {"host": target.host, "port": target.port, "tls": target.tls}


def _tls(connection: Connection) -> dict[str, object] | None:
    return asdict(connection.tls) if connection.tls else None


def _imap(sent: SentMail) -> dict[str, object]:
    return {
        "server": _server(sent),
        "tls": _tls(sent),
        "capabilities": sent.offered,
        "mailbox": sent.mailbox.name,
        "uidvalidity": sent.place[0] if sent.place else None,
        "uid": sent.place[1] if sent.place else None,
    }
