"""Names that Dovecot 2.3 knows and gsubmit has no use for, or does not implement yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from gsubmit.settings.kinds import YES
from gsubmit.settings.known import Known
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Report, words

# No business of a submission server: every setting that begins so ...
PREFIXES = (
    "director_", "doveadm_", "dsync_", "fts_", "imapc_", "lda_", "lmtp_", "maildir_", "managesieve_", "mbox_",
    "mdbox_", "old_stats_", "pop3_", "pop3c_", "quota_", "replication_", "replicator_", "sieve_", "stats_",
)  # fmt: skip

# ... and these.
NAMES = words(
    """
    config_cache_size import_environment libexec_dir process_shutdown_filter protocols
    state_dir valid_chroot_dirs verbose_proctitle version_ignore
    default_idle_kill default_internal_group default_vsz_limit
    first_valid_gid first_valid_uid last_valid_gid last_valid_uid
    deliver_log_format dict_db_config log_core_filter postmaster_address rejection_reason
    rejection_subject sendmail_path submission_host submission_ssl submission_timeout
    dotlock_use_excl lock_method mmap_disable mail_access_groups mail_always_cache_fields
    mail_attachment_detection_options mail_attachment_dir mail_attachment_fs mail_attachment_hash
    mail_attachment_min_size mail_attribute_dict mail_cache_fields mail_cache_min_mail_count mail_cache_max_size
    mail_chroot mail_debug mail_fsync mail_full_filesystem_access mail_gid mail_home mail_location mail_log_events
    mail_log_fields mail_log_prefix mail_max_keyword_length mail_max_lock_timeout mail_never_cache_fields
    mail_nfs_index mail_nfs_storage mail_plugin_dir mail_plugins mail_prefetch_count mail_privileged_group
    mail_save_crlf mail_server_admin mail_server_comment mail_shared_explicit_inbox mail_sort_max_read_count
    mail_temp_scan_interval mail_uid mail_vsize_bg_after_count mailbox_idle_check_interval mailbox_list_index
    mailbox_list_index_include_inbox mailbox_list_index_very_dirty_syncs
    imap_capability imap_client_workarounds imap_fetch_failure imap_hibernate_timeout imap_id_log imap_id_retain
    imap_id_send imap_idle_notify_interval imap_literal_minus imap_logout_format imap_max_line_length imap_metadata
    imap_urlauth_logout_format
    auth_cache_verify_password_with_worker auth_policy_check_after_auth auth_policy_check_before_auth
    auth_policy_hash_mech auth_policy_hash_nonce auth_policy_hash_truncate auth_policy_log_only
    auth_policy_reject_on_fail auth_policy_report_after_auth auth_policy_request_attributes
    auth_policy_server_api_header auth_policy_server_timeout_msecs auth_socket_path auth_stats
    auth_winbind_helper_path auth_worker_max_count master_user_separator
    login_plugin_dir login_proxy_notify_path
    ssl_crypto_device ssl_dh
    """
)

NO_USE = "a submission server has no use for it"
_REASONS = {"ssl_dh": "keys are agreed on with ECDHE, which needs no parameters"}

BLOCKS = frozenset({"userdb", "namespace", "mailbox", "plugin", "dict", "metric", "event_exporter"})

# Belongs to a submission server and is not implemented yet: the values that change nothing, Dovecot's default first.
UNSUPPORTED: dict[str, tuple[str, ...]] = {
    "auth_anonymous_username": ("anonymous",),
    "auth_debug": ("no",),
    "auth_debug_passwords": ("no",),
    "auth_gssapi_hostname": ("",),
    "auth_krb5_keytab": ("",),
    "auth_policy_server_url": ("",),
    "auth_realms": ("",),
    "auth_use_winbind": ("no",),
    "auth_verbose_passwords": ("no",),
    "debug_log_path": ("",),
    "log_debug": ("",),
    "login_access_sockets": ("",),
    "login_log_format": ("%$: %s",),
    "login_log_format_elements": ("user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>",),
    "login_plugins": ("",),
    "ssl_cipher_suites": ("",),
    "ssl_client_require_valid_cert": ("yes",),
    "ssl_curve_list": ("",),
    "ssl_options": ("",),
    "verbose_ssl": ("no",),
}

# Going on without these would let in somebody, or show us to the relay as somebody, who was not meant.
UNSAFE = frozenset({"auth_policy_server_url", "login_access_sockets"})

# Mechanisms of Dovecot's that are not here. Nobody comes in without.
OTHER_MECHANISMS = words("anonymous apop digest-md5 gss-spnego gssapi ntlm otp")

# What makes a server stricter, and so must not be lost in a block that is passed over.
_STRICT = {
    "ssl": ("required",),
    "disable_plaintext_auth": YES,
    "ssl_verify_client_cert": YES,
    "ssl_require_crl": YES,
    "auth_ssl_require_client_cert": YES,
}


def is_known(name: str) -> bool:
    """Whether Dovecot has a setting of this name."""
    return name in NAMES or name in UNSUPPORTED or name.startswith(PREFIXES)


def names() -> frozenset[str]:
    """The names of single settings of Dovecot's."""
    return NAMES | UNSUPPORTED.keys()


def default_text(name: str) -> str | None:
    """What `$name` stands for while it is not set; None when nobody knows the name."""
    return UNSUPPORTED.get(name, ("",))[0] if is_known(name) else None


def pass_over(value: Value, report: Report) -> bool:
    """Report a setting of Dovecot's that has no effect here. False when the name is unknown."""
    name = value.key
    if name in UNSUPPORTED:
        if _is_unsafe(value):
            report.problem(value.place, f"{name} is not supported yet, and to go on without it would be unsafe")
        elif not _changes_nothing(value):
            report.notice("warning", value.place, f"{name} is not supported yet, it has no effect")
    elif is_known(name) or name.partition("/")[0] in BLOCKS:
        report.notice("ignored", value.place, f"{name} is ignored, {_REASONS.get(name, NO_USE)}")
    else:
        return False
    return True


def _changes_nothing(value: Value) -> bool:
    """Whether a value is a default; the unit of a time may be glued to its number, words differ in case."""
    return not value.from_file and value.text.lower() in (text.lower() for text in UNSUPPORTED[value.key])


def _is_unsafe(value: Value) -> bool:
    return value.key in UNSAFE and not _changes_nothing(value)


def without_mechanisms(values: Mapping[str, Value], known: Known | None, report: Report) -> Mapping[str, Value]:
    """The values without mechanisms that only Dovecot has, if any are left then."""
    value = values.get("auth_mechanisms")
    if known is None or value is None or value.from_file:
        return values
    listed = re.findall(r"[^\s,]+", value.text.lower())
    others = OTHER_MECHANISMS.intersection(listed).difference(known.mechanisms)
    left = [word for word in listed if word not in others]
    if not others or not left:
        return values
    text = f"auth_mechanisms: {', '.join(sorted(others))} is not supported yet, clients are offered the others"
    report.notice("warning", value.place, text)
    return {**values, "auth_mechanisms": replace(value, text=" ".join(left))}


def is_for_others(block: Block) -> bool:
    """Whether it is a `protocol` block that does not hold for submission."""
    if block.word != "protocol" or block.name == "submission":
        return False
    return not block.name.startswith("!") or block.name == "!submission"


def pass_over_filter(block: Block, report: Report) -> None:
    """Report a block for some clients only that has no effect here, unless it is stricter than the rest."""
    if block.word == "passdb":  # nor has Dovecot any for some clients only
        report.problem(block.place, "a passdb inside a local or remote block is not supported")
        return
    report.notice("warning", block.place, f"'{block}' is not supported yet, it has no effect")
    for value in block.values():
        _refuse_if_strict(value, block, report)
    for inner in block.blocks():
        if not is_for_others(inner):
            pass_over_filter(inner, report)


def pass_over_filtered(value: Value, block: Block, report: Report) -> None:
    """The same for one setting of a block of which others do have an effect."""
    if not _refuse_if_strict(value, block, report):
        report.notice("warning", value.place, f"{value.key} inside '{block}' is not supported yet, it has no effect")


def _refuse_if_strict(value: Value, block: Block, report: Report) -> bool:
    strict = value.text.lower() in _STRICT.get(value.key, ()) or _is_unsafe(value)
    if strict:
        text = f"{value.key} inside '{block}' is not supported yet, and to go on without it would be unsafe"
        report.problem(value.place, text)
    return strict
