"""The conversation with a submission server: commands, and the answers that end a step or do not."""

from __future__ import annotations

from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.connection import Connection
from gsubmit_cli.probe.failure import Broken, Failure
from gsubmit_cli.probe.hints import MISSING, RELAY_TROUBLE, SILENT_GREETING, TROUBLE, reply_hint

GO_AHEAD = {"STARTTLS": "220", "DATA": "354"}  # all else is taken with 2yz


class Conversation(Connection):
    """Says lines, hears answers and tells the transcript."""

    def trouble_hint(self, trouble: Broken) -> str:
        """What to look at when the connection itself failed in the present stage."""
        target = self.target
        if target.configured and trouble.kind in RELAY_TROUBLE:
            return RELAY_TROUBLE[trouble.kind]
        if self.step_name == "greeting" and target.tls != "implicit" and trouble.kind in SILENT_GREETING:
            return SILENT_GREETING[trouble.kind]
        return TROUBLE[trouble.kind].format(host=target.host, port=target.port)

    def missing(self, keyword: str) -> Failure:
        """The present step as one that needs what the server does not offer."""
        return self.failure(f"the server does not offer {keyword}", MISSING[keyword][self.target.configured])

    def refusal(self, answer: Answer) -> Failure:
        """The present step as one that the server refused."""
        return self.failure(self.quoted(answer), reply_hint(answer, self.stage, self.target, self.step_name))

    def quoted(self, answer: Answer) -> str:
        """An answer to show."""
        return f"{answer.code} {self.transcript.masked(answer.text)}".rstrip()

    def hear(self) -> Answer:
        """The server's next answer."""
        answer = Answer.of(iter(self.hear_line, None))
        if answer.code == 421:  # the server closes after it, RFC 5321 4.2.2
            self.is_open = False
        return answer

    def say(self, line: str, shown: str | None = None) -> Answer:
        """Send a line and hear the answer; `shown` stands in the transcript for a line with a secret."""
        self.transcript.sent(line if shown is None else shown)
        self.wire.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.hear()

    def demand(self, line: str) -> Answer:
        """Say a line and hear an answer that lets it go on. Raises Failure."""
        answer = self.say(line)
        if not str(answer.code).startswith(GO_AHEAD.get(line, "2")):
            raise self.refusal(answer)
        return answer

    def hand_over(self, octets: bytes, shown: str) -> Answer:
        """Send content and hear the answer. A server that has enough of it may answer early and close."""
        self.transcript.sent(shown)
        try:
            self.upload(octets)
        except Broken as cut_off:
            self.is_open = False
            try:
                return self.hear()
            except Broken:
                raise cut_off from None
        return self.hear()
