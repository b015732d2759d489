"""Configuration files as a tree of blocks and values: includes followed, variables expanded."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gsubmit.settings.files import read_text, reason
from gsubmit.settings.lines import BadLine, Line, is_unclosed, logical_lines, read_line
from gsubmit.settings.problem import Place, Report

MAX_DEPTH = 32  # of files that include each other; a loop is found long before

# The text of a setting that no file has set yet, or None for a name that nobody knows.
DefaultText = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Value:
    """`key = text`. With `from_file` the text is the path of the file that holds the value."""

    key: str
    text: str
    place: Place
    from_file: bool = False

    @property
    def path(self) -> Path:
        """The file named by a `<path` value; relative paths start at the configuration file's folder."""
        return self.place.file.parent / self.text


@dataclass(slots=True)
class Block:
    """`word name { ... }`. The whole configuration is a block without a word."""

    word: str
    name: str
    place: Place
    entries: list[Value | Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.word} {self.name}".rstrip()

    def values(self) -> Iterator[Value]:
        """The values that stand directly in this block, in order."""
        return (entry for entry in self.entries if isinstance(entry, Value))

    def blocks(self) -> Iterator[Block]:
        """The blocks that stand directly in this block, in order."""
        return (entry for entry in self.entries if isinstance(entry, Block))


def read_lines(text: str, file: Path, report: Report) -> Iterator[tuple[Line, Place]]:
    """The lines of a file that say something. What is no line is reported."""
    for number, joined, glued in logical_lines(text):
        place = Place(file, number)
        if glued:
            report.notice("warning", place, "'#' starts a comment here; put the value in quotes to keep it")
        if "\0" in joined:
            report.problem(place, "a NUL character")
        elif joined:
            try:
                yield read_line(number, joined), place
            except BadLine as error:
                report.problem(place, str(error))


def parse(path: Path, default_text: DefaultText, report: Report) -> Block:
    """Read a file, or the *.conf of a folder in name order. Problems go to `report`."""
    root = Block("", "", Place(path))
    parser = _Parser(root, default_text, report)
    if path.is_dir():
        files = sorted(path.glob("*.conf"))
        if not files:
            report.problem(root.place, "no *.conf file in this folder")
        for file in files:
            parser.read_file(file, root.place)
    else:
        parser.read_file(path, root.place)
    return root


def parse_text(text: str, file: Path, default_text: DefaultText, report: Report) -> Block:
    """Read a configuration from a string; `file` is what problems and relative paths refer to."""
    root = Block("", "", Place(file))
    _Parser(root, default_text, report).read(text, file)
    return root


class _Parser:
    """Where the reader stands: the open blocks, outermost first, and the files that include each other."""

    def __init__(self, root: Block, default_text: DefaultText, report: Report) -> None:
        self._open = [root]
        self._files: list[Path] = []
        self._default_text = default_text
        self._report = report

    def read_file(self, file: Path, asked_at: Place) -> None:
        """Add a file's lines to the open block."""
        try:
            text = read_text(file)
            real = file.resolve()
        except (OSError, ValueError) as error:
            if asked_at.line:
                self._report.problem(asked_at, f"cannot read {file}: {reason(error)}")
            else:
                self._report.problem(Place(file), f"cannot be read: {reason(error)}")
            return
        if real in self._files or len(self._files) >= MAX_DEPTH:
            self._report.problem(asked_at, f"{file} includes itself")
            return
        self._files.append(real)
        self.read(text, file)
        self._files.pop()

    def read(self, text: str, file: Path) -> None:
        """Add lines to the open block. A file closes the blocks that it opens, and no others."""
        depth = len(self._open)
        for line, place in read_lines(text, file, self._report):
            try:
                self._add(line, place, depth)
            except BadLine as error:
                self._report.problem(place, str(error))
        while len(self._open) > depth:
            block = self._open.pop()
            self._report.problem(block.place, f"'{block} {{' is never closed")
            self._report.unclosed.append(block.place)

    def _add(self, line: Line, place: Place, depth: int) -> None:
        match line.kind:
            case "value":
                self._open[-1].entries.append(self._value(line, place))
            case "open":
                block = Block(line.key, line.text, place)
                self._open[-1].entries.append(block)
                self._open.append(block)
            case "close" if len(self._open) > depth:
                self._open.pop()
            case "close":
                raise BadLine("'}' without a block to close")
            case "include" | "include_try":
                self._include(line, place)

    def _include(self, line: Line, place: Place) -> None:
        pattern = os.path.join(place.file.parent, line.text)  # noqa: PTH118 - glob.glob takes strings
        try:
            files = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob refuses absolute patterns
        except ValueError as error:  # characters that no file name can have
            raise BadLine(f"cannot read {pattern!r}: no file has such a name") from error
        if not files and line.kind == "include":
            raise BadLine(f"cannot read {pattern}: no {'file matches' if glob.has_magic(line.text) else 'such file'}")
        for file in files:
            self.read_file(Path(file), place)

    def _value(self, line: Line, place: Place) -> Value:
        if line.quoted:
            return Value(line.key, line.text, place)
        if is_unclosed(line.text):
            self._report.notice("warning", place, f"{line.key}: the quote is never closed, and so part of the value")
        if line.text.startswith("<"):
            return Value(line.key, line.text[1:].strip(), place, from_file=True)
        if "$" not in line.text:
            return Value(line.key, line.text, place)
        return self._expanded(line, place)

    def _expanded(self, line: Line, place: Place) -> Value:
        """Replace each `$name` that stands as a word of its own."""
        words = line.text.split(" ")
        for at, word in enumerate(words):
            if not word.startswith("$") or word == "$":
                continue
            found = self._look_up(word[1:], place)
            if found.from_file and len(words) > 1:
                raise BadLine(f"{line.key}: {word} is a file and cannot be part of another value")
            if found.from_file:
                return Value(line.key, str(found.path), place, from_file=True)
            words[at] = found.text
        return Value(line.key, " ".join(words).strip(), place)

    def _look_up(self, name: str, place: Place) -> Value:
        """Return what `$name` stands for: set before in this block or one around it, the default, or itself."""
        if name.startswith("ENV:"):
            try:
                return Value(name, os.environ.get(name[4:], ""), place)
            except ValueError as error:  # characters that no variable's name can have
                raise BadLine(f"there is no variable {name!r}") from error
        name = name.removeprefix("SET:")  # Dovecot 2.4
        for block in reversed(self._open):
            for entry in reversed(block.entries):
                if isinstance(entry, Value) and entry.key == name:
                    return entry
        default = self._default_text(name)
        if default is None:
            # The word is not shown: it may be a password that begins with a dollar sign.
            text = "no setting has the name after '$', so the word stays as it is; in quotes it would be meant so"
            self._report.notice("warning", place, text)
            return Value(name, f"${name}", place)
        return Value(name, default, place)
