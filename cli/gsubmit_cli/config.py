"""The option that says where the configuration is."""

from __future__ import annotations

from pathlib import Path

import click

CONFIG = Path("/etc/gsubmit/conf.d")
PATH = click.Path(path_type=Path)

config_option = click.option(
    "-c", "--config", "path", type=PATH, default=CONFIG, show_default=True,
    help="A configuration file, or a folder whose *.conf are read in name order.",
)  # fmt: skip
