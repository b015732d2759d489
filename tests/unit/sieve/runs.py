"""Scripts, run on a message in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import Action, FileInto, Result
from gsubmit.sieve.script import Source, compile_script

MESSAGE = """\
From: "Coyote, W." <coyote+road@Example.ORG>
To: Friends: roadrunner@acme.example, "beep beep"@acme.example;, acme@acme.example
Cc: not an address
Subject: =?utf-8?q?Br=C3=BCcke?= to the other side
X-Number: 0010
X-Two: first
X-Two: second
Date: Fri, 27 Nov 2026 22:30:15 +0200

Meep meep!
"""


def mail(message: str = MESSAGE) -> DraftMail:
    body = MessageBody("/tmp")
    body.append(message.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
    return DraftMail(Draft(body), may_change_authors=True)


def run(
    script: str, message: str = MESSAGE, limits: Limits | None = None, scripts: Mapping[str, str] = {}, **world: Any
) -> Result:
    """`scripts` are those that may be included; a global one has a name with a slash before it. This one is "main"."""

    def find(name: str, is_global: bool) -> Source | None:
        path = "/" + name if is_global else name
        text = script if path == "main" else scripts.get(path)
        return None if text is None else Source(path, text)

    compiled = compile_script(script, "main", limits=limits or Limits(), find=find)
    return compiled.run(mail(message), World(**world))


def actions(script: str, message: str = MESSAGE, **more: Any) -> list[Action]:
    return run(script, message, **more).actions


def mailboxes(script: str, message: str = MESSAGE, **more: Any) -> list[str]:
    """Those that fileinto names."""
    return [action.mailbox for action in actions(script, message, **more) if isinstance(action, FileInto)]


def holds(test: str, *extensions: str, message: str = MESSAGE, before: str = "", **more: Any) -> bool:
    """Whether a test is true; `before` are commands that come first."""
    required = f"require [{', '.join(f'{chr(34)}{one}{chr(34)}' for one in extensions)}];" if extensions else ""
    return bool(actions(f"{required}\n{before}\nif {test} {{ discard; }}", message, **more))


def problems(script: str, message: str = MESSAGE, **more: Any) -> list[str]:
    """What is wrong with a script, when it is compiled or when it runs."""
    try:
        run(script, message, **more)
    except SieveError as error:
        return [str(problem) for problem in error.problems]
    return []
