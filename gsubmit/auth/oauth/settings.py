"""The settings file of the passdb driver oauth2: names and meaning of Dovecot's dovecot-oauth2.conf.ext."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from gsubmit.auth import fields
from gsubmit.auth.oauth.endpoint import Endpoint
from gsubmit.auth.oauth.tokenclaims import Demands
from gsubmit.settings.declare import FileContent, ValueType, declarations, part, setting
from gsubmit.settings.files import read_text, reason
from gsubmit.settings.kinds import boolean, enum, string
from gsubmit.settings.parse import Value, read_lines
from gsubmit.settings.problem import Place, Report, words
from gsubmit.settings.reading import known_values, read_section
from gsubmit.settings.variables import check
from gsubmit.tls import certificates
from gsubmit.tls.certificates import CertificateError
from gsubmit.tls.checkup import Names

DEFAULT_TIMEOUT = 10_000  # milliseconds, where Dovecot waits for ever

ACCESS_TOKEN = "oauth2:access_token"  # noqa: S105 (Dovecot's name for the token itself)
_KEY_DICT = "fs:posix:prefix="
_CLAIM = re.compile(r"%[LU]*\{\s*(oauth2:[^{}|]*?)\s*[|}]")

# Dovecot has them. They are about its logs, its connections, or grants of passwords.
_IGNORED = words(
    "debug rawlog_dir grant_url max_idle_time_msecs max_parallel_connections max_pipelined_requests send_auth_headers"
    " tls_cipher_suite"
)

_log = logging.getLogger("gsubmit.auth")


def _milliseconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 600_000:
        raise ValueError("expected milliseconds, at most 600000")
    return int(text) or DEFAULT_TIMEOUT


def _key_dict(text: str) -> Path:
    folder = text.removeprefix(_KEY_DICT)
    if folder == text or not folder.startswith("/"):
        raise ValueError(f"expected {_KEY_DICT}/FOLDER/, no other dictionary is supported")
    return Path(folder)


def _never(text: str) -> bool:
    if boolean.read(text):
        raise ValueError("is not supported")
    return False


def _show(value: object) -> str:
    return "" if value is None else str(value)


milliseconds: ValueType[int] = ValueType(_milliseconds, str)
url: ValueType[Endpoint | None] = ValueType(Endpoint.parse, _show)
key_dict: ValueType[Path | None] = ValueType(_key_dict, _show)
never: ValueType[bool] = ValueType(_never, boolean.show)


@dataclass(frozen=True)
class TlsFiles:
    """How the authorization server is to be trusted, and what only Dovecot does."""

    tls_ca_cert_file: str = setting(string, "", "File of CA certificates to trust, in place of the system's.")
    tls_ca_cert_dir: str = setting(string, "", "Folder of CA certificates to trust, in place of the system's.")
    tls_cert_file: str = setting(string, "", "File of a client certificate to show to the server.")
    tls_key_file: str = setting(string, "", "File of its private key; empty means tls_cert_file.")
    tls_allow_invalid_cert: bool = setting(never, False, "Dovecot's, for files that are shared with it: only no.")
    use_grant_password: bool = setting(never, False, "Dovecot's, for files that are shared with it: only no.")


@dataclass(frozen=True)
class OAuth2Settings:
    """What the file says."""

    path: str
    context: ssl.SSLContext = field(repr=False)
    introspection_mode: str = setting(
        enum("auth", "get", "post", "local"),
        "",
        "How tokens are checked: auth, get and post ask the authorization server, local verifies signatures here.",
    )
    jwks_url: Endpoint | None = setting(url, None, "Where the server publishes its keys, to verify tokens here.")
    local_validation_key_dict: Path | None = setting(
        key_dict, None, "Keys to verify tokens with, in files FOLDER/AZP/ALG/KID."
    )
    introspection_url: Endpoint | None = setting(url, None, "Whom to ask about each token.")
    tokeninfo_url: Endpoint | None = setting(
        url, None, "Asked first, the token appended; introspection_url only if its answer lacks a claim."
    )
    force_introspection: bool = setting(boolean, False, "Whether introspection_url is asked in any case.")
    client_id: str = setting(string, "", "Whom the server takes us for, in mode post.")
    client_secret: str = setting(string, "", "The password that goes with client_id.", secret=True)
    demands: Demands = part(Demands)
    pass_attrs: str = setting(string, "", "Fields of the passdb entry, from claims.", secret=True)
    openid_configuration_url: Endpoint | None = setting(
        url,
        None,
        "Told to clients whose token is refused. Alone with introspection_mode = local, the keys are found through it.",
    )
    timeout_msecs: int = setting(
        milliseconds, DEFAULT_TIMEOUT, "Milliseconds for one question, once the name is looked up."
    )

    @property
    def is_local(self) -> bool:
        """Whether tokens are verified here, without asking about each one."""
        if self.introspection_mode:
            return self.introspection_mode == "local"
        return self.introspection_url is None and self.tokeninfo_url is None

    @property
    def attributes(self) -> frozenset[str]:
        """The variables `oauth2:CLAIM` in pass_attrs."""
        return variables_in(self.pass_attrs) - {ACCESS_TOKEN}


SETTINGS = declarations(OAuth2Settings) | declarations(TlsFiles)


def variables_in(template: str) -> frozenset[str]:
    """The names `oauth2:CLAIM` or `oauth2:CLAIM:DEFAULT` that a template asks for."""
    return frozenset(_CLAIM.findall(template))


def read(path: str, known: Collection[str]) -> OAuth2Settings:
    """Read the file. ValueError tells everything that is wrong with it, by file and line.

    `known`: the variables that pass_attrs may use beside the claims.
    """
    report = Report()
    whole = Place(Path(path))
    values = known_values(_values(whole, report), SETTINGS, report, _pass_over, _IGNORED)
    values = {name: value for name, value in values.items() if value.text}

    def place(*names: str) -> Place:
        return next((values[name].place for name in names if name in values), whole)

    context = _context(read_section(TlsFiles, values, report), place, report)
    settings = read_section(OAuth2Settings, values, report, path=path, context=context)
    for template in fields.parse(settings.pass_attrs).values():
        try:
            check(template, {*known, *variables_in(template)})
        except ValueError as error:
            report.problem(place("pass_attrs"), f"pass_attrs: {error}")
    if not report.problems:
        _check(settings, place, report)
    for notice in report.notices:
        _log.warning("%s", notice)
    if report.problems:
        raise ValueError("; ".join(map(str, sorted(report.problems, key=lambda problem: problem.place))))
    return settings


def _values(whole: Place, report: Report) -> list[Value]:
    """The values of the lines."""
    values: list[Value] = []
    try:
        text = read_text(whole.file)
    except (OSError, ValueError) as error:
        report.problem(whole, f"cannot be read: {reason(error)}")
        return values
    for line, place in read_lines(text, whole.file, report):
        if line.kind == "value":
            values.append(Value(line.key, line.text, place))
        else:
            report.problem(place, "expected 'name = value'")
    return values


def _pass_over(value: Value, report: Report) -> bool:
    if value.key in _IGNORED:
        report.notice("warning", value.place, f"{value.key} has no effect here")
    return value.key in _IGNORED


def _context(files: TlsFiles, place: Callable[..., Place], report: Report) -> ssl.SSLContext:
    """What TLS connections are made with."""
    context = certificates.new_context(ssl.PROTOCOL_TLS_CLIENT)
    cert, key = files.tls_cert_file, files.tls_key_file
    try:
        context = certificates.client_context(files.tls_ca_cert_file, files.tls_ca_cert_dir)
    except CertificateError as error:
        report.problem(place("tls_ca_cert_file", "tls_ca_cert_dir"), str(error))
    if key and not cert:
        report.problem(place("tls_key_file"), "tls_key_file without tls_cert_file")
    elif cert:
        try:
            own, its_key = (FileContent(read_text(path), path) for path in (Path(cert), Path(key or cert)))
            certificates.load(context, own, its_key, "", Names("tls_cert_file", "tls_key_file"))
        except CertificateError as error:
            report.problem(place("tls_cert_file"), str(error))
        except (OSError, ValueError) as error:
            report.problem(place("tls_cert_file"), f"cannot use the certificate and key: {reason(error)}")
    return context


def _check(settings: OAuth2Settings, place: Callable[..., Place], report: Report) -> None:
    """What one line alone does not show."""
    mode = place("introspection_mode")
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
            report.notice("warning", place(name), f"{name} has no effect {which} introspection_mode = local")
    if settings.client_secret and not settings.client_id:
        report.problem(place("client_secret"), "client_secret without client_id")
    if settings.demands.active_value and not settings.demands.active_attribute:
        report.problem(place("active_value"), "active_value without active_attribute")
