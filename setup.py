"""Packaging of gsubmit. Tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="gsubmit",
    version="0.1.0",
    description="A mail submission server: logs clients in and passes their messages to a relay, synchronously",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=[*find_packages(include=["gsubmit", "gsubmit.*"]), "gsubmit_cli", "gsubmit_cli.probe"],
    package_dir={"gsubmit_cli": "cli/gsubmit_cli"},
    package_data={"gsubmit": ["py.typed"], "gsubmit_cli": ["py.typed"]},
    install_requires=[
        "gevent>=24.2",
        "dnspython>=2.6",
        "click>=8.1",
        # The maintained distribution of passlib; the import name is `passlib`.
        "libpass>=1.9",
        "bcrypt>=4.1",
        "argon2-cffi>=23.1",
        # The temporary certificate of `gsubmit serve --demo`.
        "cryptography>=42",
        # Tokens of the passdb oauth2: JWT verification is not what this project exists for.
        "PyJWT>=2.8",
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "hypothesis>=6.100",
            "trustme>=1.1",
            # A SCRAM client of another hand, with channel binding.
            "scramp>=1.5",
            "mypy>=1.10",
            "ruff>=0.17,<0.18",  # another one formats otherwise
            "types-gevent>=24.2",
        ],
    },
    entry_points={"console_scripts": ["gsubmit = gsubmit_cli.main:main"]},
)
