"""What single settings cannot tell: whether they make sense together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ssl import PROTOCOL_TLS_SERVER, SSLContext

from gsubmit.settings.blocks import InetListener, MetricsListener, PassdbSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.known import Known
from gsubmit.settings.parse import Value
from gsubmit.settings.passdbs import OTHER_DRIVERS
from gsubmit.settings.problem import Place, Report
from gsubmit.settings.reading import unsuitable
from gsubmit.settings.relay import RELAY_PREFIX, RelaySettings
from gsubmit.settings.sections import ALWAYS, Settings
from gsubmit.settings.senders import SenderSettings
from gsubmit.settings.sent import check_sent
from gsubmit.settings.sieve import check_sieve
from gsubmit.settings.tls import OLD_TLS_VERSIONS, SslSettings

_FORMATS_WITHOUT_DOMAIN = frozenset({"%n", "%Ln", "%{user | username}", "%{user | username | lower}"})


def check_consistency(
    settings: Settings,
    values: Mapping[str, Value],
    whole: Place,
    known: Known | None,
    report: Report,
) -> None:
    """Report what does not fit together. `values` are those that were set, `whole` stands for the configuration."""

    def place(*names: str) -> Place:
        return next((values[name].place for name in names if name in values), whole)

    _check_tls(settings, values, place("ssl", "ssl_cert", "ssl_key"), report)
    _check_client_certificates(settings, values, place, report)
    _check_versions(settings.ssl, place, report)
    if settings.ssl.ssl == "required" and not settings.auth.disable_plaintext_auth:
        text = "disable_plaintext_auth = no has no effect with ssl = required: nobody logs in without TLS"
        report.notice("warning", place("disable_plaintext_auth"), text)
    _check_listeners(settings, whole, report)
    _check_relay(settings.relay, place, report)
    for named in settings.submission.plugins.relays:
        _check_relay(named.relay, lambda *_, named=named: named.place, report, prefix="")
    if settings.fixups.submission_hide_client and settings.relay.trusted:
        text = "submission_hide_client = yes hides nothing from a relay that submission_relay_trusted = yes tells of it"
        report.notice("warning", place("submission_hide_client"), text)
    _check_senders(settings, values, report)
    _check_login(settings, place, report)
    check_sent(settings.sent, place, report)
    check_sieve(settings.submission.sieve, place, report)
    if known is not None:
        _check_mechanisms(settings, values.get("auth_mechanisms"), whole, known, report)
    _check_deny(settings, report)
    for word in ALWAYS:  # a..b@ is quoted towards the relay, and domains may have an underscore
        if word in settings.submission.submission_client_workarounds:
            place_of = place("submission_client_workarounds")
            report.notice("note", place_of, f"submission_client_workarounds: {word} need not be asked for")


def _check_relay(relay: RelaySettings, place: Callable[..., Place], report: Report, prefix: str = RELAY_PREFIX) -> None:
    login = relay.login
    if not relay.host:
        return
    if login.master_user and not login.user:
        report.problem(place(f"{prefix}master_user"), f"{prefix}master_user needs {prefix}user")
    elif login.user and not login.password:
        report.problem(place(f"{prefix}user"), f"{prefix}user needs {prefix}password")


def _check_senders(settings: Settings, values: Mapping[str, Value], report: Report) -> None:
    """Whether what is set about senders has an effect."""
    senders = settings.submission.senders
    check = senders.submission_sender_check
    for name, declared in declarations(SenderSettings).items():
        if getattr(senders, name) == declared.default or name == "submission_sender_check":
            continue
        if check == "no" and name == "recipient_delimiter":  # Dovecot's, for its mailboxes
            report.notice("ignored", values[name].place, f"{name} is ignored, submission_sender_check = no")
        elif check == "no" or (check == "envelope" and name == "submission_sender_header"):
            text = f"{name} has no effect with submission_sender_check = {check}"
            report.notice("warning", values[name].place, text)
    has_names = settings.auth.usernames.auth_username_format in _FORMATS_WITHOUT_DOMAIN
    if check != "no" and has_names and not (senders.submission_domains or senders.submission_sender_login_map):
        text = "logins have no domain (auth_username_format): without submission_domains or submission_sender_login_map"
        text += " only users with the passdb field senders may send"
        report.notice("warning", values["submission_sender_check"].place, text)


def _there(settings: Settings) -> list[PassdbSettings]:
    """The passdbs that can be asked: those of our drivers."""
    return [passdb for passdb in settings.passdbs if passdb.driver not in OTHER_DRIVERS]


def _check_tls(settings: Settings, values: Mapping[str, Value], place: Place, report: Report) -> None:
    ssl = settings.ssl.ssl
    if ssl == "no":
        for listener in settings.services.inet_listeners:
            if listener.ssl:
                text = f"'inet_listener {listener.name}' has ssl = yes, which contradicts ssl = no"
                report.problem(listener.place, text)
        return
    if "ssl" in values and values["ssl"].text != ssl:
        return  # what is wrong with it has been reported, as for a certificate that could not be read
    if any(name not in values or not values[name].text for name in ("ssl_cert", "ssl_key")):
        report.problem(place, f"ssl = {ssl} needs ssl_cert and ssl_key, or set ssl = no")
    for name, other in (("ssl_alt_cert", "ssl_alt_key"), ("ssl_alt_key", "ssl_alt_cert")):
        if name in values and values[name].text and (other not in values or not values[other].text):
            report.problem(values[name].place, f"{name} needs {other}")


def _check_client_certificates(
    settings: Settings, values: Mapping[str, Value], place: Callable[..., Place], report: Report
) -> None:
    """What asking clients for certificates needs, and whether anything comes of it."""
    ssl, auth = settings.ssl, settings.auth
    if not ssl.ssl_verify_client_cert:
        return
    here = place("ssl_verify_client_cert")
    if "ssl_ca" not in values or not values["ssl_ca"].text:
        report.problem(here, "ssl_verify_client_cert = yes needs ssl_ca")
    elif ssl.ssl_ca and ssl.ssl_require_crl and "-----BEGIN X509 CRL-----" not in ssl.ssl_ca:
        text = "ssl_ca holds no CRL: every client certificate is refused, unless ssl_require_crl = no"
        report.notice("note", place("ssl_ca"), text)
    uses = (auth.auth_ssl_require_client_cert, auth.auth_ssl_username_from_cert, "external" in auth.auth_mechanisms)
    if not any(uses):  # RFC 8314 4.2 forbids to ask then
        text = "clients are asked for certificates that nothing uses, such as external among auth_mechanisms"
        report.notice("note", here, text)


def _check_versions(ssl: SslSettings, place: Callable[..., Place], report: Report) -> None:
    """Whether TLS versions that only the old speak can be had, and what they cost."""
    own = ("ssl_min_protocol", ssl.ssl_min_protocol, "ssl_cipher_list", ssl.ssl_cipher_list)
    version = ssl.client.ssl_client_min_protocol
    client = ("ssl_client_min_protocol", version, "ssl_client_cipher_list", ssl.client_cipher_list)
    for name, version, list_name, ciphers in (own, client):
        if version not in OLD_TLS_VERSIONS:
            continue
        if ciphers and not _has_old_ciphers(ciphers):
            text = f"{name} = {version} has no effect: {list_name} needs ciphers of TLS before 1.2, and @SECLEVEL=0"
        else:
            whom = "clients, relay and IMAP servers" if name == own[0] and not client[1] else "whoever is as old"
            text = f"{name} = {version} takes broken TLS versions (RFC 8996) and weak keys from {whom}"
        report.notice("warning", place(name), text)


def _has_old_ciphers(ciphers: str) -> bool:
    """Whether TLS before 1.2 can be had with a list, at the level that it names, or 0."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers if "@SECLEVEL" in ciphers else f"{ciphers}:@SECLEVEL=0")
    return context.security_level == 0 and any(
        cipher["protocol"] in ("TLSv1.0", "SSLv3") for cipher in context.get_ciphers()
    )


def _check_login(settings: Settings, place: Callable[..., Place], report: Report) -> None:
    """What the settings of logins need from each other."""
    auth = settings.auth
    if not settings.ssl.ssl_verify_client_cert:
        for name in ("auth_ssl_require_client_cert", "auth_ssl_username_from_cert"):
            if getattr(auth, name):
                report.problem(place(name), f"{name} needs ssl_verify_client_cert = yes and ssl_ca")
        if "external" in auth.auth_mechanisms:
            text = "auth_mechanisms: external needs ssl_verify_client_cert = yes and ssl_ca"
            report.notice("warning", place("auth_mechanisms"), text)
    workarounds = settings.submission.submission_client_workarounds
    if "implicit-auth-external" in workarounds and "external" not in auth.auth_mechanisms:
        text = "submission_client_workarounds: implicit-auth-external needs external among auth_mechanisms"
        report.notice("warning", place("submission_client_workarounds"), text)
    masters = any(passdb.master for passdb in settings.passdbs)
    if auth.usernames.auth_master_user_separator and not masters:
        text = "auth_master_user_separator has no effect without a passdb that has master = yes"
        report.notice("warning", place("auth_master_user_separator"), text)


def _check_mechanisms(settings: Settings, value: Value | None, whole: Place, known: Known, report: Report) -> None:
    """Whether there are such mechanisms, and passdbs that answer them. `value` is what auth_mechanisms was set to."""
    place = value.place if value else whole
    mechanisms = settings.auth.auth_mechanisms
    unknown = [mechanism for mechanism in mechanisms if mechanism not in known.mechanisms]
    if unknown:
        text = f"Unknown mechanism: {unknown[0]}; available: {' '.join(known.mechanisms)}"
        report.problem(place, f"auth_mechanisms: {unsuitable(value) if value and value.from_file else text}")
    drivers = {passdb.driver for passdb in _there(settings) if not passdb.deny}
    for mechanism in mechanisms if drivers else ():
        able = [driver for driver, answered in known.drivers.items() if mechanism in answered]
        if able and drivers.isdisjoint(able):
            text = f"auth_mechanisms: {mechanism} needs a passdb of driver {' or '.join(able)}"
            report.notice("warning", place, text)


def _check_deny(settings: Settings, report: Report) -> None:
    """Whether users to keep out may have come in before anybody asks about them."""
    doors = [passdb for passdb in _there(settings) if not passdb.master]
    for at, passdb in enumerate(doors):
        before = [door for door in doors[:at] if not door.deny and not door.result_success.startswith("continue")]
        if passdb.deny and before:
            first = before[0].place
            text = f"deny = yes is too late for whom the passdb at {first} lets in, so put it before that one"
            report.notice("warning", passdb.place, text)


def _check_listeners(settings: Settings, whole: Place, report: Report) -> None:
    services = settings.services
    taken: list[tuple[str, int, str]] = []
    listeners: list[InetListener | MetricsListener] = [*services.inet_listeners, *services.metrics]
    for one in listeners:
        for address in one.addresses(settings.server.listen) if isinstance(one, InetListener) else one.address:
            for other, port, name in taken:
                if port == one.port and _overlap(address, other):
                    text = f"'inet_listener {one.name}' listens on {address} port {port}, as does '{name}'"
                    report.problem(one.place, text)
            taken.append((address, one.port, one.name))
    for listener in services.inet_listeners:
        if listener.haproxy and not settings.auth.haproxy.trusted_networks:
            text = f"'inet_listener {listener.name}' has haproxy = yes, and nobody is in haproxy_trusted_networks"
            report.notice("warning", listener.place, text)
    if not settings.server.listen:
        report.problem(whole, "listen is empty")


def _overlap(one: str, other: str) -> bool:
    """Whether two listen addresses cannot be bound to the same port; * and :: hold all of their family."""
    if one == other:
        return True
    same_family = (":" in one) == (":" in other)
    return same_family and not {one, other}.isdisjoint({"*", "::", "0.0.0.0"})  # noqa: S104 - compared, not bound
