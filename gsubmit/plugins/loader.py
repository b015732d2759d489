"""Plugins that the configuration names, from files or installed packages; nothing else is loaded."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from gsubmit.plugins.config import Config, ConfigError
from gsubmit.plugins.plugin import Plugin
from gsubmit.plugins.runner import Plugins, Running, arranged
from gsubmit.settings.plugins import PluginSettings
from gsubmit.settings.problem import Place, Report, SettingsError, nearest

GROUP = "gsubmit.plugins"


class CannotLoad(Exception):
    """What keeps a plugin from being loaded, and where."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place


def installed() -> dict[str, EntryPoint]:
    """What packages offer, by name; nothing of it is loaded."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_plugins(asked: Iterable[PluginSettings]) -> Plugins:
    """An instance of each. Raises SettingsError with all that is wrong."""
    report = Report()
    plugins = check_plugins(asked, report)
    if report.problems:
        raise SettingsError(report.problems)
    return plugins


def check_plugins(asked: Iterable[PluginSettings], report: Report) -> Plugins:
    """An instance of each that can be loaded; what is wrong with the others is reported."""
    found = []
    for settings in asked:
        config = Config(settings.name, {value.key: value for value in settings.others}, settings.place)
        try:
            plugin = _made(class_of(settings), config, settings)
        except CannotLoad as error:
            report.problem(error.place, str(error))
            continue
        for value in config.unasked:
            near = nearest(value.key, config.asked)
            report.notice("warning", value.place, f"plugin {settings.name} knows no '{value.key}'{near}")
        found.append(Running(settings.name, plugin, settings.timeout, settings.threaded, settings.on_error == "accept"))
    return arranged(found)


def _made(kind: type[Plugin], config: Config, settings: PluginSettings) -> Plugin:
    try:
        return kind(config)
    except ConfigError as error:
        raise CannotLoad(error.place, str(error)) from error
    except ValueError as error:
        raise CannotLoad(settings.place, f"plugin {settings.name}: {error}") from error
    except (Exception, SystemExit) as error:
        raise _where(error, settings) from error


def class_of(settings: PluginSettings) -> type[Plugin]:
    """The class of a plugin. Raises CannotLoad."""
    try:
        found = _from_file(settings) if settings.path else _installed(settings)
    except CannotLoad:
        raise
    except (Exception, SystemExit) as error:
        raise _where(error, settings) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise CannotLoad(settings.place, f"plugin {settings.name}: {found!r} is no Plugin class")
    return found


def _installed(settings: PluginSettings) -> object:
    name = settings.plugin or settings.name
    there = installed()
    if name not in there:
        text = f"no plugin {name} is installed{nearest(name, there)}"
        raise CannotLoad(settings.place, f"{text}; a file is named by submission_plugin {settings.name} {{ path = }}")
    return there[name].load()


def _from_file(settings: PluginSettings) -> object:
    """The file is read each time, and leaves no compiled one beside it."""
    path = Path(settings.path)
    code = compile(path.read_bytes(), str(path), "exec")
    module = ModuleType(f"gsubmit_plugin_{settings.name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    exec(code, module.__dict__)  # noqa: S102 - it is what the administrator asks for
    if settings.plugin:
        if not hasattr(module, settings.plugin):
            near = nearest(settings.plugin, vars(module))
            raise CannotLoad(settings.place, f"{path} has no {settings.plugin}{near}")
        return getattr(module, settings.plugin)
    classes = [
        one
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, Plugin) and one.__module__ == module.__name__
    ]
    if len(classes) != 1:
        text = f"{path} has {len(classes) or 'no'} Plugin classes{'; name one: plugin = NAME' if classes else ''}"
        raise CannotLoad(settings.place, text)
    return classes[0]


def _where(error: BaseException, settings: PluginSettings) -> CannotLoad:
    """What went wrong in a plugin's code, with its own file and line where that is known."""
    if isinstance(error, SyntaxError) and error.filename:
        return CannotLoad(Place(Path(error.filename), error.lineno or 0), f"{type(error).__name__}: {error.msg}")
    text = f"plugin {settings.name}: {type(error).__name__}: {error}"
    if isinstance(error, OSError) and str(error.filename) == settings.path:
        return CannotLoad(settings.place, f"cannot read {settings.path}: {error.strerror}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == settings.path]
    place = Place(Path(frames[-1].filename), frames[-1].lineno or 0) if frames else settings.place
    return CannotLoad(place, text)
