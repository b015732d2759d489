"""The option that says where the configuration is, and what is read there."""

from __future__ import annotations

from pathlib import Path

import click

from gsubmit.auth.drivers import KNOWN
from gsubmit.settings.declare import declarations
from gsubmit.settings.load import Loaded, base_dir, load
from gsubmit.settings.problem import Place, Problem, SettingsError
from gsubmit.settings.sections import ServerSettings

CONFIG = Path("/etc/gsubmit/conf.d")
BASE_DIR = declarations(ServerSettings)["base_dir"].default_text
PATH = click.Path(path_type=Path)

config_option = click.option(
    "-c", "--config", "path", type=PATH, default=CONFIG, show_default=True,
    help="A configuration file, or a folder whose *.conf are read in name order.",
)  # fmt: skip


def loaded_from(path: Path) -> Loaded:
    """The configuration there. Raises SettingsError, which says how to begin where nothing is set up."""
    if path == CONFIG and not path.exists():
        text = "nothing is set up here: `gsubmit init` lays it out, and -c names another place"
        raise SettingsError([Problem(Place(path), text)])
    return load(path, KNOWN)


def base_dir_from(path: Path) -> str:
    """Where the server with the configuration there is asked; that of none, where nothing is set up."""
    return BASE_DIR if path == CONFIG and not path.exists() else base_dir(path)
