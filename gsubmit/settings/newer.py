"""Configurations of Dovecot 2.4, in the words of 2.3.

In 2.4 each kind of passdb has settings of its own, certificates are named without `<`, and lists may be blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from gsubmit.settings import foreign
from gsubmit.settings.declare import declarations
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.passdbs import OTHER_DRIVERS, RESTRICTIONS
from gsubmit.settings.problem import Report, words
from gsubmit.settings.sections import Settings
from gsubmit.settings.services import NAME as LOGIN_SERVICE

VERSION = "dovecot_config_version"

_Words = dict[str, str]
_OPPOSITE = {"yes": "no", "no": "yes"}

# What a setting of 2.4's is called in 2.3, and the values that are written otherwise.
RENAMED: dict[str, tuple[str, _Words]] = {
    "auth_allow_cleartext": ("disable_plaintext_auth", _OPPOSITE),
    "auth_default_domain": ("auth_default_realm", {}),
    "ssl_server_key_password": ("ssl_key_password", {}),
    "ssl_server_prefer_ciphers": ("ssl_prefer_server_ciphers", {"server": "yes", "client": "no"}),
    "ssl_server_request_client_cert": ("ssl_verify_client_cert", {"yes": "yes", "no": "no"}),
    "ssl_server_require_crl": ("ssl_require_crl", {}),
    "ssl_server_cert_username_field": ("ssl_cert_username_field", {}),
}
# The same for paths of files, which 2.3 writes with "<".
FILES = {
    "ssl_server_cert_file": "ssl_cert",
    "ssl_server_key_file": "ssl_key",
    "ssl_server_alt_cert_file": "ssl_alt_cert",
    "ssl_server_alt_key_file": "ssl_alt_key",
    "ssl_server_ca_file": "ssl_ca",
    "ssl_client_cert_file": "ssl_client_cert",
    "ssl_client_key_file": "ssl_client_key",
}
NAMES = frozenset({*RENAMED, *FILES})

# Of no use here, like those that 2.3 has too.
_NO_USE = words("dovecot_storage_version ssl_server_dh_file auth_internal_failure_delay login_socket_path")
# What stands behind these is for a submission server; all else that 2.4 has is not.
_OURS = re.compile(r"(auth|haproxy|imap_urlauth|login|oauth2|passdb|ssl|submission)(_|$)|listen$|hostname$")
_KNOWN = frozenset({*declarations(Settings), *NAMES})
_LISTS = words("auth_mechanisms submission_client_workarounds submission_backend_capabilities login_trusted_networks")
_FILTERS = words("protocol local local_name remote")
_SERVICE = {"restart_request_count": "service_count"}
_PASSDB = {name: name for name in words(
    "args deny master skip result_success result_failure result_internalfail username_filter use_worker"
)} | {"mechanisms_filter": "mechanisms"}  # fmt: skip
_VARIABLE = re.compile(r"%\{[^}]*\}")


def translate(root: Block, report: Report) -> bool:
    """Put a configuration of 2.4 into words of 2.3. False when that cannot be; then that is the only problem."""
    version = next((value for value in root.values() if value.key == VERSION), None)
    if version is None:
        return True
    translation = _Translation(has_tls=not any((value.key, value.text) == ("ssl", "no") for value in root.values()))
    root.entries = list(translation.entries(root.entries))
    if translation.lost:
        lost = ", ".join(f"{what} ({value.place.file.name}:{value.place.line})" for what, value in translation.lost)
        text = f"this is a configuration of Dovecot 2.4, and this cannot be said in the words of 2.3: {lost}"
        report.problems[:] = []
        report.problem(version.place, text)
        return False
    text = "this is a configuration of Dovecot 2.4, read as 2.3 would say it: check-config -n shows that"
    report.notice("note", version.place, text)
    return True


def advice(value: Value) -> str:
    """What to write in place of a setting of 2.4's, or nothing when it is none."""
    if value.key in FILES:
        return f"{FILES[value.key]} = <{value.text}"
    if value.key not in RENAMED:
        return ""
    name, others = RENAMED[value.key]
    return f"{name} = {others.get(value.text.lower(), value.text)}" if "password" not in name else name


@dataclass
class _Translation:
    """A walk over the tree; `lost` is what has no words in 2.3."""

    has_tls: bool
    lost: list[tuple[str, Value | Block]] = field(default_factory=list)

    def entries(self, entries: Iterable[Value | Block]) -> Iterator[Value | Block]:
        """The entries that stand outside of blocks, or in one for some clients only."""
        for entry in entries:
            if isinstance(entry, Value):
                yield from self.value(entry)
            elif entry.word in _FILTERS:
                yield replace(entry, entries=list(self.entries(entry.entries)))
            elif entry.word == "passdb":
                yield from self.passdb(entry)
            elif entry.word == "service":
                yield self.service(entry) if entry.name == LOGIN_SERVICE else entry
            elif entry.word in _LISTS:
                chosen = [value.key for value in entry.values() if value.text.lower() == "yes"]
                yield Value(entry.word, " ".join(chosen), entry.place)
            elif entry.word == "imap_urlauth_server":
                yield entry
            elif _OURS.match(entry.word):
                self.lost.append((f"'{entry}'", entry))

    def value(self, value: Value) -> Iterator[Value]:
        """A setting, if it is one of ours."""
        value = replace(value, text=_plain(value.text))
        name, others = RENAMED.get(value.key, (value.key, {}))
        if value.key == VERSION or value.key in _NO_USE:
            return
        if value.key in FILES:
            yield replace(value, key=FILES[value.key], from_file=True)
        elif value.key not in _KNOWN:
            if foreign.is_known(value.key):
                yield value
            elif _OURS.match(value.key):
                self.lost.append((value.key, value))
        elif others and value.text.lower() not in others:
            self.lost.append((f"{value.key} = {value.text}", value))
        elif value.text == "unlimited":
            yield replace(value, text="0")
        else:
            yield replace(value, key=name, text=others.get(value.text.lower(), value.text))

    def service(self, block: Block) -> Block:
        """The listeners of 2.4 are 587 and 465, whichever is named."""
        entries: list[Value | Block] = []
        if self.has_tls and any(inner.word == "inet_listener" for inner in block.blocks()):
            usual: list[Value | Block] = [Value("port", "465", block.place), Value("ssl", "yes", block.place)]
            entries.append(Block("inet_listener", "submissions", block.place, usual))
        for entry in block.entries:
            if isinstance(entry, Value):
                entries.append(replace(entry, key=_SERVICE.get(entry.key, entry.key)))
            else:
                inner: list[Value | Block] = [
                    replace(one, key="address") if isinstance(one, Value) and one.key == "listen" else one
                    for one in entry.entries
                ]
                entries.append(replace(entry, entries=inner))
        return replace(block, entries=entries)

    def passdb(self, block: Block) -> Iterator[Block]:
        """`passdb NAME { }`: the driver is NAME, and what is for one driver becomes `args`."""
        said = {value.key.removeprefix("passdb_"): replace(value, text=_plain(value.text)) for value in block.values()}
        driver = replace(said.pop("driver", Value("", block.name, block.place)), key="driver")
        has_args = "args" in said  # for drivers whose settings we cannot translate
        alike = [replace(said.pop(name), key=_PASSDB[name]) for name in sorted(_PASSDB.keys() & said.keys())]
        entries: list[Value | Block] = [driver, *alike]
        if driver.text in OTHER_DRIVERS:  # of which only counts whom it keeps out
            fields = [
                word for word in _Translation(has_tls=True).fields(block) if word.partition("=")[0] in RESTRICTIONS
            ]
            entries.append(Value("override_fields", " ".join(fields), block.place))
            yield replace(block, name="", entries=entries)
            return
        fields = list(self.fields(block))
        if (make_args := _ARGS.get(driver.text)) and not has_args:
            entries.append(Value("args", make_args(said, fields), block.place))
        elif not has_args:
            self.lost.append((f"'{block}' (write its args, see gsubmit.conf(5))", block))
        if driver.text != "static":
            entries.append(Value("override_fields", " ".join(fields), block.place))
        self.lost += [(f"{name} in '{block}'", value) for name, value in said.items()]
        yield replace(block, name="", entries=entries)

    def fields(self, block: Block) -> Iterator[str]:
        """The block `fields`, as words."""
        for inner in block.blocks():
            if inner.word not in ("fields", "passdb_fields"):
                self.lost.append((f"'{inner}' in '{block}'", inner))
                continue
            for value in inner.values():
                text = _plain(value.text)
                if " " in text:  # a word cannot hold it
                    self.lost.append((f"{value.key} = {text} in '{block}'", value))
                yield f"{value.key}={text}"


def _plain(text: str) -> str:
    """Variables without blanks, by which args are cut into words, and parts of a name as 2.3 says them."""
    text = _VARIABLE.sub(lambda match: re.sub(r"\s+", "", match[0]), text)
    return text.replace("%{user|username", "%{username").replace("%{user|domain", "%{domain")


def _of_passwd_file(said: dict[str, Value], _: list[str]) -> str:
    names = {"default_password_scheme": "scheme=", "auth_username_format": "username_format=", "passwd_file_path": ""}
    return " ".join(f"{option}{said.pop(name).text}" for name, option in names.items() if name in said)


def _of_static(said: dict[str, Value], fields: list[str]) -> str:
    scheme = f"{{{said.pop('default_password_scheme').text}}}" if "default_password_scheme" in said else ""
    passwords = [said.pop(name).text for name in ("static_password", "password") if name in said]
    given = [f"password={text if text.startswith('{') else scheme + text}" for text in passwords]
    return " ".join([*given, *fields])


_ARGS: dict[str, Callable[[dict[str, Value], list[str]], str]] = {"passwd-file": _of_passwd_file, "static": _of_static}
