"""The settings file of the passdb driver oauth2: names and meaning of Dovecot's dovecot-oauth2.conf.ext."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsubmit.auth import fields
from gsubmit.auth.oauth.endpoint import Endpoint
from gsubmit.settings.files import read_text, reason
from gsubmit.settings.lines import BadLine, logical_lines, read_line
from gsubmit.settings.problem import Place, Report, nearest, words
from gsubmit.settings.variables import check
from gsubmit.tls import certificates

DEFAULT_TIMEOUT = 10_000  # milliseconds, where Dovecot waits for ever
MODES = ("auth", "get", "post", "local")

_NAMES = ("user", "username", "domain")
_KEY_DICT = "fs:posix:prefix="
_CLAIM = re.compile(r"%[LU]*\{\s*(oauth2:[^{}|]*?)\s*[|}]")

log = logging.getLogger("gsubmit.auth")


@dataclass(frozen=True)
class OAuth2Settings:
    """What the file says."""

    path: str
    context: ssl.SSLContext = field(repr=False)
    introspection_mode: str = ""
    introspection_url: Endpoint | None = None
    tokeninfo_url: Endpoint | None = None
    force_introspection: bool = False
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    username_attribute: str = "email"
    username_format: str = "%Lu"
    active_attribute: str = ""
    active_value: str = ""
    scope: frozenset[str] = frozenset()
    issuers: frozenset[str] = frozenset()
    audience: frozenset[str] = frozenset()
    local_validation_key_dict: Path | None = None
    jwks_url: Endpoint | None = None
    openid_configuration_url: Endpoint | None = None
    timeout_msecs: int = DEFAULT_TIMEOUT
    pass_attrs: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether tokens are verified here, without asking about each one."""
        if self.introspection_mode:
            return self.introspection_mode == "local"
        return self.introspection_url is None and self.tokeninfo_url is None

    @property
    def attributes(self) -> frozenset[str]:
        """The variables `oauth2:CLAIM` in pass_attrs."""
        return frozenset(name for value in self.pass_attrs.values() for name in variables_in(value))


def variables_in(template: str) -> frozenset[str]:
    """The names `oauth2:CLAIM` or `oauth2:CLAIM:DEFAULT` that a template asks for."""
    return frozenset(_CLAIM.findall(template))


def read(path: str, known: Collection[str]) -> OAuth2Settings:
    """Read the file. ValueError tells everything that is wrong with it, by file and line.

    `known`: the variables that pass_attrs may use beside the claims.
    """
    report = Report()
    values, places = _values(Path(path), known, report)
    context = _context(values, places, report)
    settings = OAuth2Settings(path=path, context=context, **values)
    if not report.problems:
        _check(settings, places, report)
    for notice in report.notices:
        log.warning("%s", notice)
    if report.problems:
        raise ValueError("; ".join(map(str, report.problems)))
    return settings


def _values(path: Path, known: Collection[str], report: Report) -> tuple[dict[str, Any], dict[str, Place]]:
    """The values of the lines and where each stands; the last line of a name counts."""
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        report.problem(Place(path), f"cannot be read: {reason(error)}")
        return values, places
    readers = {**_READERS, "pass_attrs": lambda value: _pass_attrs(value, known)}
    for number, joined, glued in logical_lines(text):
        place = Place(path, number)
        if glued:
            report.notice("warning", place, "'#' starts a comment here; put the value in quotes to keep it")
        if not joined:
            continue
        try:
            line = read_line(number, joined)
            if line.kind != "value":
                raise BadLine("expected 'name = value'")
            _add(line.key, line.text, readers, values)
            places[line.key] = place
        except (BadLine, ValueError) as error:
            report.problem(place, str(error))
        if line.key in _IGNORED:
            report.notice("warning", place, f"{line.key} has no effect here")
    return values, places


def _add(key: str, text: str, readers: Mapping[str, Callable[[str], Any]], values: dict[str, Any]) -> None:
    if key in _IGNORED:
        return
    if key not in readers:
        raise ValueError(f"unknown setting '{key}'{nearest(key, {*readers, *_IGNORED})}")
    values.pop(key, None)
    if not text:
        return
    try:
        value = readers[key](text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if value is not None:
        values[key] = value


def _context(values: dict[str, Any], places: Mapping[str, Place], report: Report) -> ssl.SSLContext:
    """What TLS connections are made with; takes the settings for that out of `values`."""
    ca_file, ca_dir = values.pop("tls_ca_cert_file", None), values.pop("tls_ca_cert_dir", None)
    cert, key = values.pop("tls_cert_file", None), values.pop("tls_key_file", None)
    context = certificates.new_context(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca_file or ca_dir:
            context.load_verify_locations(ca_file, ca_dir)
        else:
            context.load_default_certs()
    except OSError as error:
        place = places["tls_ca_cert_file" if ca_file else "tls_ca_cert_dir"]
        report.problem(place, f"cannot use {ca_file or ca_dir}: {reason(error)}")
    if key and not cert:
        report.problem(places["tls_key_file"], "tls_key_file without tls_cert_file")
    elif cert:
        try:
            # Without a callback OpenSSL would ask on the terminal.
            context.load_cert_chain(cert, key, password=lambda: "")
        except (OSError, ValueError) as error:
            report.problem(places["tls_cert_file"], f"cannot use the certificate and key: {reason(error)}")
    return context


def _check(settings: OAuth2Settings, places: Mapping[str, Place], report: Report) -> None:
    """What one line alone does not show."""
    whole = Place(Path(settings.path))
    mode = places.get("introspection_mode", whole)
    urls = ("introspection_url", "tokeninfo_url")
    if not settings.is_local and not any(getattr(settings, name) for name in urls):
        report.problem(mode, f"introspection_mode = {settings.introspection_mode} needs an introspection_url")
    if settings.is_local:
        if not (settings.local_validation_key_dict or settings.jwks_url or settings.openid_configuration_url):
            text = "nothing to verify tokens with: set introspection_url, local_validation_key_dict or jwks_url"
            report.problem(mode, text)
        unused = [*urls, "force_introspection"]
    else:
        unused = ["jwks_url", "local_validation_key_dict"]
    for name in unused:
        if getattr(settings, name):
            which = "with" if settings.is_local else "without"
            report.notice("warning", places[name], f"{name} has no effect {which} introspection_mode = local")
    if settings.client_secret and not settings.client_id:
        report.problem(places["client_secret"], "client_secret without client_id")
    if settings.active_value and not settings.active_attribute:
        report.problem(places["active_value"], "active_value without active_attribute")


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f"expected one of {', '.join(MODES)}")
    return text


def _flag(text: str) -> bool:
    if text.lower() not in ("yes", "no", "y", "n", "true", "false", "1", "0"):
        raise ValueError("expected yes or no")
    return text.lower() in ("yes", "y", "true", "1")


def _never(text: str) -> None:
    if _flag(text):
        raise ValueError("is not supported")


def _milliseconds(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or int(text) > 600_000:
        raise ValueError("expected milliseconds, at most 600000")
    return int(text) or None


def _format(text: str) -> str:
    check(text, _NAMES)
    return text


def _key_dict(text: str) -> Path:
    folder = text.removeprefix(_KEY_DICT)
    if folder == text or not folder.startswith("/"):
        raise ValueError(f"expected {_KEY_DICT}/FOLDER/, no other dictionary is supported")
    return Path(folder)


def _pass_attrs(text: str, known: Collection[str]) -> dict[str, str]:
    parsed = fields.parse(text)
    for value in parsed.values():
        check(value, {*known, *variables_in(value)})
    return parsed


_READERS: Mapping[str, Callable[[str], Any]] = {
    "introspection_mode": _mode,
    **dict.fromkeys(words("introspection_url tokeninfo_url jwks_url openid_configuration_url"), Endpoint.parse),
    **dict.fromkeys(words("client_id client_secret username_attribute active_attribute active_value"), str),
    **dict.fromkeys(words("tls_ca_cert_file tls_ca_cert_dir tls_cert_file tls_key_file"), str),
    **dict.fromkeys(words("scope issuers audience"), words),
    **dict.fromkeys(words("tls_allow_invalid_cert use_grant_password"), _never),
    "force_introspection": _flag,
    "username_format": _format,
    "local_validation_key_dict": _key_dict,
    "timeout_msecs": _milliseconds,
}

SETTINGS = frozenset({*_READERS, "pass_attrs"})

# Dovecot has them. They are about its logs, its connections, or grants of passwords.
_IGNORED = words(
    "debug rawlog_dir grant_url max_idle_time_msecs max_parallel_connections max_pipelined_requests send_auth_headers"
    " tls_cipher_suite"
)
