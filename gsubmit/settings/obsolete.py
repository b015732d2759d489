"""Names of Dovecot before 2.3, read as Dovecot 2.3 reads them (doveconf says "Obsolete setting")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Report, words

# What still is a setting of 2.3's under another name, or in a block of its own for imap and pop3 and never for
# submission, or nothing at all.
NAMES = words(
    """
    auth_chroot auth_count auth_executable auth_process_size auth_user
    dbox_rotate_days dbox_rotate_min_size dbox_rotate_size director_consistent_hashing fsync_disable
    login_chroot login_dir login_executable login_max_connections login_max_processes_count
    login_process_per_connection login_process_size login_processes_count login_user mail_drop_priv_before_exec
    mail_executable mail_log_max_lines_per_sec mail_process_size maildir_copy_preserve_filename max_mail_processes
    sieve sieve_storage ssl_dh_parameters_length ssl_listen ssl_parameters_regenerate
    """
)
_FILES = {"ssl_cert_file": "ssl_cert", "ssl_key_file": "ssl_key", "ssl_ca_file": "ssl_ca"}
_PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2")
_LISTEN_PORT = re.compile(r"(\*|[0-9.]+|\[[0-9a-fA-F:]*\]):[0-9]+")
# Blocks with settings that stand outside of blocks too.
_FILTERS = frozenset({"protocol", "local", "local_name", "remote"})


def translate(block: Block, report: Report) -> None:
    """Replace old names in a whole configuration, or in a block that holds for some clients, and tell of it."""
    entries: list[Value | Block] = []
    for entry in block.entries:
        if isinstance(entry, Value):
            entries += _value(entry, report)
        elif entry.word == "auth":
            report.notice("note", entry.place, "'auth' is obsolete: its settings are read as auth_* without the block")
            entries += _auth(entry, report)
        else:
            if entry.word in _FILTERS:
                translate(entry, report)
            entries.append(entry)
    block.entries = entries


def _value(value: Value, report: Report) -> Iterator[Value]:
    """What a value is read as: itself, one with another name, or nothing."""
    if value.key in NAMES:
        text = f"{value.key} is ignored, Dovecot 2.3 has no such setting either, or none that is for submission"
        report.notice("ignored", value.place, text)
    elif new := _FILES.get(value.key):
        yield _renamed(value, report, new, value.text, from_file=True)
    elif value.key == "ssl_disable" and value.text.lower() in ("yes", "no"):
        yield _renamed(value, report, "ssl", "no" if value.text.lower() == "yes" else "yes")
    elif value.key == "ssl_protocols":
        yield from _protocols(value, report)
    elif (value.key, value.text) == ("ssl_min_protocol", "SSLv3"):  # OpenSSL has no SSLv3 any more
        yield _renamed(value, report, "ssl_min_protocol", "TLSv1")
    elif value.key == "listen" and (without := _LISTEN_PORT.sub(r"\1", value.text)) != value.text:
        text = "a port in listen is obsolete and not for submission: it stands in 'inet_listener submission'"
        report.notice("warning", value.place, text)
        yield replace(value, text=without)
    else:
        yield value


def _renamed(value: Value, report: Report, key: str, text: str, *, from_file: bool = False) -> Value:
    what = value.key if value.key != key else f"{key} = {value.text}"
    report.notice("note", value.place, f"{what} is obsolete: read as {key} = {'<' * from_file}{text}")
    return Value(key, text, value.place, from_file)


def _protocols(value: Value, report: Report) -> Iterator[Value]:
    """The lowest version that a list of versions leaves, `!` before those that are excluded."""
    listed = re.split(r"[\s,]+", value.text.strip())
    unknown = [word for word in listed if word.removeprefix("!") not in _PROTOCOLS]
    wanted = [name for name in _PROTOCOLS if name in listed] or [
        name for name in _PROTOCOLS if f"!{name}" not in listed
    ]
    if unknown or not wanted:
        what = f"no version is '{unknown[0]}'" if unknown else "it leaves no version"
        text = f"ssl_protocols is obsolete and has no effect, as in Dovecot 2.3, for {what}: use ssl_min_protocol"
        report.notice("warning", value.place, text)
        return
    # OpenSSL has no SSLv3 any more.
    yield _renamed(value, report, "ssl_min_protocol", "TLSv1" if wanted[0] == "SSLv3" else wanted[0])


def _auth(block: Block, report: Report) -> Iterator[Value | Block]:
    """The entries of a block `auth`, as they stand without it."""
    for entry in block.entries:
        if isinstance(entry, Value):
            yield from _value(replace(entry, key=f"auth_{entry.key}"), report)
        elif entry.word in ("passdb", "userdb") and entry.name:
            driver = Value("driver", entry.name, entry.place)
            yield Block(entry.word, "", entry.place, [driver, *entry.entries])
        elif entry.word != "socket":  # for other programs
            yield entry
