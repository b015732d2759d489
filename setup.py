"""Packaging of gsubmit. Tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def _files(pattern: str) -> list[str]:
    """Files of ours by a pattern; setuptools wants them relative to this folder."""
    return sorted(str(path.relative_to(HERE)) for path in HERE.glob(pattern))


# Where other programs look, below the prefix of the installation.
DATA_FILES = [
    ("share/man/man1", _files("man/*.1")),
    ("share/man/man5", _files("man/*.5")),
    ("share/man/man7", _files("man/*.7")),
    ("share/man/man8", _files("man/*.8")),
    ("share/gsubmit/conf.d", [*_files("conf.d/*.conf"), *_files("conf.d/*.example")]),
    ("share/gsubmit/systemd", _files("systemd/*")),
    ("share/gsubmit/contrib", [*_files("contrib/*.yml"), *_files("contrib/*.json")]),
    ("share/bash-completion/completions", ["completions/gsubmit"]),
    ("share/zsh/site-functions", ["completions/_gsubmit"]),
    ("share/fish/vendor_completions.d", ["completions/gsubmit.fish"]),
]

setup(
    name="gsubmit",
    version="0.1.0",
    description="A mail submission server: logs clients in and passes their messages to a relay, synchronously",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    keywords=["smtp", "submission", "msa", "mail", "email", "dovecot", "burl", "gevent"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Pytest",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: Implementation :: CPython",
        "Topic :: Communications :: Email :: Mail Transport Agents",
        "Topic :: Software Development :: Testing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=[*find_packages(include=["gsubmit", "gsubmit.*"]), "gsubmit_cli", "gsubmit_cli.probe"],
    package_dir={"gsubmit_cli": "cli/gsubmit_cli"},
    package_data={
        "gsubmit": ["py.typed", "watch/page.css"],
        "gsubmit_cli": ["py.typed", "templates/*", "templates/conf.d/*"],
    },
    data_files=DATA_FILES,
    # The oldest ones are those of Debian 12, which the Debian package uses.
    install_requires=[
        "gevent>=22.10",
        "dnspython>=2.3",
        "click>=8.1",
        # The maintained distribution of passlib; the import name is `passlib`. Debian's package is the original.
        "libpass>=1.9",
        "bcrypt>=3.2",
        "argon2-cffi>=21.1",
        # The temporary certificate of `gsubmit serve --demo`.
        "cryptography>=38",
        # Tokens of the passdb oauth2: JWT verification is not what this project exists for.
        "PyJWT>=2.6",
        # The figures as Prometheus and OpenMetrics write them, whichever is asked for.
        "prometheus_client>=0.16",
        # submission_state: connections to Redis and Valkey.
        "redis>=4.3",
    ],
    extras_require={
        # Regular expressions in Sieve scripts, in linear time and by its makers' own package.
        "regex": ["google-re2>=1.1.20240601"],
        "test": [
            "google-re2>=1.1.20240601",
            "pytest>=8",
            "setuptools>=70.1",  # earlier ones need another package for a wheel
            "hypothesis>=6.100",
            "trustme>=1.1",
            # A SCRAM client of another hand, with channel binding.
            "scramp>=1.5",
            "mypy>=1.10",
            "ruff>=0.17,<0.18",  # another one formats otherwise
            "types-gevent>=24.2",
        ],
    },
    entry_points={
        "console_scripts": ["gsubmit = gsubmit_cli.main:main"],
        "gsubmit.plugins": [
            "footer = gsubmit.plugins.footer:Footer",
            "archive = gsubmit.plugins.archive:Archive",
            "webhook = gsubmit.plugins.webhook:Webhook",
        ],
        "pytest11": ["gsubmit.pytest_plugin = gsubmit.pytest_plugin"],
    },
)
