"""Messages by chance, with what scripts stumble over."""

from __future__ import annotations

from random import Random

WORDS = ("alpha", "Beta", "gamma delta", "10", "9", "007", "a*b", "x?y", "c\\d", "Größe", "", "two words", "A", "é")
ADDRESSES = (
    *("wile@example.org", "Wile+Road@Example.ORG", '"odd local"@example.net', "beep@acme.example.com", "a@b.example"),
    *(
        "Wile E. Coyote <wile@example.org>",
        '"Beep, Meep" <beep+meep@acme.example.com>',
        "list: a@b.example, c@d.example;",
    ),
    *("nonsense", "half@", "@half", "<>", "x@y@z", "a@b (a (nested) comment)", "<@r.example:routed@example.org>", ""),
)
DATES = (
    *("Fri, 27 Nov 2026 00:30:15 +0200", "Thu, 26 Nov 2026 22:30:10 +0000", "7 Feb 99 05:06 EST", "nonsense"),
    *("Sat, 29 Feb 2020 23:59:60 -0000", "Sun, 01 Mar 2020 12:00:00 -0930", "Mon, 31 Dec 1999 23:59:59 GMT"),
)
FIELDS = ("Subject", "X-One", "X-Two", "X-Three")
WITH_ADDRESSES = ("From", "To", "Cc", "Sender", "Reply-To")


class Messages:
    """They are made by this chance."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def _sometimes(self, chance: float) -> bool:
        return self.random.random() < chance

    def message(self) -> str:
        """One with its header."""
        one = self.random
        lines = [f"{name}: {self._some_address()}" for name in WITH_ADDRESSES if self._sometimes(0.6)]
        lines += [f"{one.choice(FIELDS)}: {self._header_text()}" for _ in range(one.randint(0, 5))]
        lines += [
            f"Date: {one.choice(DATES)}",
            f"Received: by here; {one.choice(DATES)}",
            "Message-ID: <1@b.example>",
        ]
        one.shuffle(lines)
        lines += self._entity(0)
        return "\n".join(lines) + "\n"

    def _some_address(self) -> str:
        return ", ".join(self.random.choice(ADDRESSES) for _ in range(self.random.choice((1, 1, 2, 3))))

    def _header_text(self) -> str:
        word = self.random.choice(WORDS)
        if not word.isascii():
            word = self.random.choice(("=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "=?iso-8859-1?b?6Q==?="))
        if self._sometimes(0.1):
            word += "\n " + self.random.choice(("folded", "and more"))
        return word

    def _entity(self, depth: int) -> list[str]:
        one = self.random
        if depth < 2 and self._sometimes(0.4):
            boundary = f"b{depth}{one.randrange(1000)}"
            kind = one.choice(("mixed", "alternative"))
            lines = [f'Content-Type: multipart/{kind}; boundary="{boundary}"', "", one.choice(("prologue", ""))]
            for _ in range(one.randint(1, 3)):
                lines += [f"--{boundary}", *([f"X-One: {self._header_text()}"] * self._sometimes(0.3))]
                lines += self._entity(depth + 1)
            return [*lines, f"--{boundary}--", one.choice(("epilogue", ""))]
        match one.randrange(6):
            case 0:
                return ["Content-Type: text/html", "", "<p>alpha <b>Beta</b></p>"]
            case 1:
                return [
                    "Content-Type: text/plain; charset=utf-8",
                    "Content-Transfer-Encoding: base64",
                    "",
                    "R3LDtsOfZSBhbHBoYQ==",
                ]
            case 2:
                return [
                    'Content-Type: image/png; name="alpha.png"',
                    "Content-Transfer-Encoding: base64",
                    "",
                    "YWxwaGE=",
                ]
            case 3 if depth:
                return ["Content-Type: message/rfc822", "", "X-One: alpha", "Subject: within", "", "two words"]
            case 4:
                return ["", f"{one.choice(WORDS)}", "gamma delta"]
            case _:
                return ["Content-Type: text/plain", "", one.choice(WORDS)]
