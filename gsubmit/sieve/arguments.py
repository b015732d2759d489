"""The arguments of a command or test, checked against its declaration (RFC 5228 2.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gsubmit.sieve.call import Home, Value
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.grammar import Argument, Number, Strings, TagWord
from gsubmit.sieve.limits import STRIDE, in_turns
from gsubmit.sieve.strings import Texts
from gsubmit.sieve.words import Tag, Takes, Word


def read_arguments(
    arguments: Sequence[Argument], word: Word, home: Home
) -> tuple[Mapping[str, Value], Mapping[str, str]]:
    """The values by positional or group of tags, and which tag of each group there is. Raises Mistake."""
    given: dict[str, Value] = {}
    tags: dict[str, str] = {}
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if not isinstance(argument, TagWord):
            break
        at += 1
        tag = _tag(word, argument.name, home)
        if tag.kind in given:
            raise Mistake(f"':{tag.name}' cannot be there beside ':{tags[tag.kind]}'")
        tags[tag.kind], given[tag.kind] = tag.name, None
        if tag.takes is not None:
            if at == len(arguments):
                raise Mistake(f"':{tag.name}' needs {tag.takes} behind it")
            given[tag.kind] = _value(arguments[at], tag.takes, f"':{tag.name}'", home)
            at += 1
    rest = arguments[at:]
    positionals = word.positionals
    if word.is_first_optional and len(rest) < len(positionals):
        positionals = positionals[1:]
    if word.is_last_optional and len(rest) < len(positionals):
        positionals = positionals[:-1]
    for argument, (name, takes) in zip(rest, positionals, strict=False):
        given[name] = _value(argument, takes, str(word), home)
    if len(rest) != len(positionals):
        raise Mistake(f"{word} takes {_number(len(positionals))} beside tags, not {len(rest)}")
    return given, tags


def _number(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}" if count else "no argument"


def _tag(word: Word, name: str, home: Home) -> Tag:
    tag = word.find(name)
    if tag.extension and not home.offers(tag.extension):
        raise Mistake(f"unknown tag ':{name}' for {word}")
    if tag.extension and not home.has(tag.extension):
        raise Mistake(f"':{name}' needs require \"{tag.extension}\"")
    return tag


def _value(argument: Argument, takes: Takes, whose: str, home: Home) -> Value:
    if isinstance(argument, TagWord):
        raise Mistake(f"the tag ':{argument.name}' must stand before other arguments")
    if isinstance(argument, Number) and takes is Takes.NUMBER:
        return argument.value
    if isinstance(argument, Number) or takes is Takes.NUMBER or (argument.is_list and not takes.is_list):
        raise Mistake(f"{whose} takes {takes}, not {_what(argument)}")
    texts = []
    for value in in_turns(argument.values, home.pause):
        texts.append(home.text(value))
        if len(value) > STRIDE:
            home.pause()
    if takes is Takes.STRINGS:
        return Texts(texts)
    if takes is Takes.STRING:
        return texts[0]
    constants = Texts(texts).constants
    if constants is None:
        raise Mistake(f"{whose} takes no variables here")
    return constants if takes is Takes.CONSTANTS else constants[0]


def _what(argument: Number | Strings) -> str:
    if isinstance(argument, Number):
        return "a number"
    return "a list of strings" if argument.is_list else "a string"
