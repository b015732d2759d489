"""How a test submission ended: in a few lines for people, in one JSON object for programs."""

from __future__ import annotations

from gsubmit_cli.probe.probe import Outcome, Probe
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
        lines.append(f"accepted  for {_recipients(outcome)}: {outcome.reply}")
    failure = outcome.failure
    if failure is None:
        return [*lines, f"ok        in {seconds:.3f} s"]
    return [
        *lines,
        f"failed    in step {failure.step}, after {seconds:.3f} s: {failure.reason}",
        f"hint      {failure.hint}",
        f"exit      {failure.stage.value} ({failure.stage.name})",
    ]


def _recipients(outcome: Outcome) -> str:
    number = len(outcome.accepted)
    return "1 recipient" if number == 1 else f"{number} recipients"


def for_programs(probe: Probe) -> dict[str, object]:
    """Everything, ready for json.dumps."""
    outcome, target, tls = probe.outcome, probe.target, probe.talk.tls
    failure = outcome.failure
    return {
        "ok": failure is None,
        "exit_code": outcome.stage.value,
        "stage": outcome.stage.name,
        "failed_step": failure.step if failure else None,
        "error": failure.reason if failure else None,
        "hint": failure.hint if failure else None,
        "server": {"host": target.host, "port": target.port, "tls": target.tls},
        "seconds": round(probe.transcript.seconds, 6),
        "steps": [step.as_json() for step in probe.transcript.steps],
        "tls": tls.as_json() if tls else None,
        "capabilities": probe.offered,
        "recipients": {"accepted": outcome.accepted, "refused": outcome.refused},
        "reply": outcome.reply or None,
        "imap": _imap(probe.sent) if probe.sent else None,
    }


def _imap(sent: SentMail) -> dict[str, object]:
    target, tls = sent.mailbox.target, sent.talk.tls
    return {
        "server": {"host": target.host, "port": target.port, "tls": target.tls},
        "tls": tls.as_json() if tls else None,
        "capabilities": sent.capabilities,
        "mailbox": sent.mailbox.name,
        "uidvalidity": sent.place[0] if sent.place else None,
        "uid": sent.place[1] if sent.place else None,
    }
