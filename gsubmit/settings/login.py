"""The settings of logins: how clients log in, the names of users, and stored passwords."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.settings.declare import part, setting
from gsubmit.settings.kinds import (
    boolean,
    limit,
    lower_words,
    networks,
    pairs,
    positive_seconds,
    seconds,
    size,
    string,
    template,
    uint,
)
from gsubmit.settings.stateurl import StateUrl, state_url

USERNAME_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@"  # Dovecot's default
USERNAME_VARIABLES = ("user", "username", "domain")


@dataclass(frozen=True, slots=True)
class UsernameSettings:
    """What names of users look like."""

    auth_username_format: str = setting(
        template(USERNAME_VARIABLES), "%Lu", "Name of a user as passdbs, log and relay see it; %Lu is lower case."
    )
    auth_username_chars: str = setting(
        string, USERNAME_CHARS, "Characters allowed in the names of users; empty means all but controls."
    )
    auth_username_translation: str = setting(
        pairs, "", "Pairs of characters in names: the first of each pair becomes the second."
    )
    auth_default_realm: str = setting(string, "", "Domain to add to names that have none.")
    auth_master_user_separator: str = setting(
        string, "", "Text in a name with a master user's name behind it, who logs in for the user before it."
    )


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """How stored passwords are compared, and verified logins remembered."""

    auth_allow_weak_schemes: bool = setting(
        boolean, False, "Whether passwords stored by weak schemes, such as MD5 or DES, are compared."
    )
    auth_max_hash_time: float = setting(
        seconds,
        2.0,
        "Longest time that a stored hash may take; 0 means unlimited.",
        "It is estimated from the numbers in the hash, for one core of an ordinary machine: 3.3 million rounds of"
        " `SHA512-CRYPT`, cost 15 of bcrypt, 2.5 million iterations of PBKDF2 and SCRAM take 2 seconds. With a hash"
        " that takes longer nobody can log in; the log says so.",
    )
    auth_max_hash_memory: int = setting(
        size,
        256 << 20,
        "Most memory that one may take; 0 means unlimited.",
        "This is for argon2, yescrypt and scrypt; of those that take more than 64 MB one is computed at a time.",
    )
    auth_cache_size: int = setting(size, 0, "Memory for verified logins, so that they need no hashing; 0 means none.")
    auth_cache_ttl: float = setting(seconds, 3600.0, "Time for which a verified login is remembered.")
    auth_cache_negative_ttl: float = setting(seconds, 3600.0, "Time for which a refused password is remembered.")


@dataclass(frozen=True, slots=True)
class HaproxySettings:
    """Who may say by a PROXY header whom a connection is for, on listeners with `haproxy = yes`."""

    trusted_networks: tuple[str, ...] = setting(
        networks,
        (),
        "Networks whose PROXY headers are believed, on listeners with haproxy = yes; nobody else is let in.",
    )
    timeout: float = setting(positive_seconds, 3.0, "Time for a PROXY header to come.")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How clients log in."""

    disable_plaintext_auth: bool = setting(
        boolean, True, "Whether passwords are taken only inside TLS, or from this machine itself."
    )
    login_trusted_networks: tuple[str, ...] = setting(
        networks,
        (),
        "Networks from which passwords are taken without TLS, guesses are not slowed down, and XCLIENT is taken.",
        "XCLIENT says whose connection it really is, which then has the right of its own address; it logs nobody in.",
    )
    haproxy: HaproxySettings = part(HaproxySettings, "haproxy_")
    auth_mechanisms: tuple[str, ...] = setting(lower_words, ("plain", "login"), "SASL mechanisms offered to clients.")
    auth_ssl_require_client_cert: bool = setting(
        boolean, False, "Whether a login needs a client certificate that ssl_ca verifies."
    )
    auth_ssl_username_from_cert: bool = setting(
        boolean, False, "Whether the client certificate's name replaces the one that the client gives."
    )
    auth_failure_delay: float = setting(seconds, 2.0, "Time before the answer to a failed login.")
    auth_penalty: bool = setting(
        boolean,
        True,
        "Whether logins from addresses with failed logins wait one after the other, up to 15 seconds each.",
    )
    auth_max_failures_per_connection: int = setting(
        uint, 5, "Failed logins on a connection after which the next ends it; 0 means unlimited."
    )
    mail_max_userip_connections: int = setting(
        limit, 10, "Most connections of one user from one address or IPv6 network; 0 means unlimited."
    )
    submission_state: StateUrl | None = setting(
        state_url,
        None,
        "Redis or Valkey that shares failed logins and counted connections with other machines; empty means none.",
        "redis://[user:password@]host[:port][/db], rediss:// for TLS, whose certificate is verified"
        " (`ssl_client_ca_file`), or unix:///path[?db=number]. While it does not answer, each machine counts by itself."
        " Its keys begin with `gsubmit:` and expire; no password is sent there. An ACL user needs `~gsubmit:* +@read"
        " +@write +@connection +evalsha +script|load +time`.",
    )
    auth_verbose: bool = setting(boolean, False, "Whether to log why a login failed.")
    usernames: UsernameSettings = part(UsernameSettings)
    passwords: PasswordSettings = part(PasswordSettings)
