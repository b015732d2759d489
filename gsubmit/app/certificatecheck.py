"""The certificates of a configuration: whether they can be used, for how long, and for whom."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable, Collection, Iterator

from gsubmit.settings.declare import FileContent
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import NOWHERE, Problem, Report
from gsubmit.settings.tls import Certificate
from gsubmit.tls.certificates import CertificateError, new_context
from gsubmit.tls.checkup import certificates_in, expiry, names_of, place_of, strangers
from gsubmit.tls.client import client_context
from gsubmit.tls.server import ServerTls, load_pairs


def check(loaded: Loaded, report: Report) -> None:
    """Report what is wrong with each of them, at the line of its setting."""
    settings = loaded.settings
    if settings.ssl.ssl != "no":
        known = len(report.problems)
        for shown, hosts, setting in _shown(loaded):
            _check_usable(shown, loaded, report)
            is_own = shown is settings.ssl
            _check_pem("ssl_cert", shown.ssl_cert, hosts, setting, report, is_own=is_own)
            _check_pem("ssl_alt_cert", shown.ssl_alt_cert, hosts, setting, report, is_own=False)
        if len(report.problems) == known:
            _attempt(lambda: ServerTls(settings), ("ssl_ca",), loaded, report)
    others = {settings.relay.ssl, *(server.ssl for server in settings.burl.servers)}
    if settings.sent.server is not None:
        others.add(settings.sent.server.ssl)
    if others != {"no"}:
        names = ("ssl_client_ca_file", "ssl_client_ca_dir")
        _attempt(lambda: client_context(settings.ssl, verify=True), names, loaded, report)


def _shown(loaded: Loaded) -> Iterator[tuple[Certificate, Collection[str], str]]:
    """What clients are shown, the names that they may ask for, and the setting that has these names."""
    settings = loaded.settings
    hosts = [settings.server.hostname] if "hostname" in loaded.values else []
    yield settings.ssl, hosts, "hostname"
    for named in settings.local_names:
        yield named, named.names, "local_name"
    for address in settings.local_addresses:
        yield address, (), ""


def _check_usable(shown: Certificate, loaded: Loaded, report: Report) -> None:
    own = loaded.settings.ssl
    context = new_context(ssl.PROTOCOL_TLS_SERVER, own.ssl_min_protocol, own.ssl_cipher_list)
    _attempt(lambda: load_pairs(context, shown), (), loaded, report)


def _attempt(make: Callable[[], object], names: Collection[str], loaded: Loaded, report: Report) -> None:
    """Whether TLS can be made; a fault without a place of its own is about one of the settings `names`."""
    try:
        make()
    except CertificateError as error:
        problem = error.problem
        place = loaded.place(*names) if problem.place == NOWHERE else problem.place
        report.problem(place, problem.text)


def _check_pem(
    name: str, pem: FileContent, hosts: Collection[str], setting: str, report: Report, *, is_own: bool
) -> None:
    """Time and names of one certificate. Out of its time the server's own is an error, for nobody can be served."""
    found, where = certificates_in(pem), place_of(pem)
    if not found:
        return
    error, warning = expiry(found, where, datetime.datetime.now(datetime.UTC))
    if error and is_own:
        report.problem(pem.place, f"{name}: {error}")
    elif (error or warning) and Problem(pem.place, f"{name}: {error}") not in report.problems:
        report.notice("warning", pem.place, f"{name}: {error or warning}")
    others = list(strangers(found[0], hosts))
    if others:
        whom = ", ".join(names_of(found[0])) or "nobody"
        text = f"{name}: the certificate in {where} is for {whom}, not for {setting} {' '.join(others)}"
        report.notice("warning", pem.place, text)
