"""One server for all logins: a user for each password scheme, tokens, client certificates, master users."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from gsubmit.auth.schemes.stored import hash_password
from gsubmit.auth.schemes.table import SCHEMES
from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who, encoded
from tests.harness.oauth import pem, rsa_key
from tests.harness.serving import Serving, serving

PASSWORD = "pênc 4!"  # a space, a letter outside ASCII, and no more than the 8 octets that DES-CRYPT takes
SETTINGS = """
auth_mechanisms = {mechanisms}
auth_allow_weak_schemes = yes
auth_master_user_separator = *
auth_verbose = yes
auth_failure_delay = 0
ssl_ca = <{folder}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
passdb {{
  driver = oauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  args = {folder}/masters
  master = yes
  result_success = continue
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""


def user_of(scheme: str) -> str:
    """The user whose password is stored by this scheme."""
    return f"{scheme.lower()}@example.org"


def stored(scheme: str, user: str, password: str = PASSWORD) -> str:
    rounds = SCHEMES[scheme].rounds
    return hash_password(scheme, password, rounds.least if rounds else None, user)


@dataclass(frozen=True)
class House:
    """The server that runs, and what its clients have."""

    served: Serving
    folder: Path

    def certificate(self, name: str) -> Path:
        """A client's certificate with its key."""
        return self.folder / f"{name}.pem"

    @contextmanager
    def talk(self, kind: Kind) -> Iterator[Talk]:
        talk = Talk(self.served.port, self.served.tls_port, kind)
        try:
            yield talk
        finally:
            talk.close()

    def login(self, kind: Kind, mechanism: str, who: Who) -> str:
        """The last reply to one login on a connection of its own."""
        with self.talk(kind) as talk:
            return MECHANISMS[mechanism](talk, who)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("logins")
    users = [f"{user_of(scheme)}:{stored(scheme, user_of(scheme))}" for scheme in SCHEMES]
    (folder / "users").write_text("\n".join([*users, "joe:{PLAIN}secret", "tim@example.org:", ""]))
    (folder / "masters").write_text(f"boss:{stored('SCRAM-SHA-256', 'boss')}\nclerk:{{PLAIN}}{PASSWORD}\n")
    (folder / "oauth2.conf").write_text(OAUTH2.format(folder=folder))
    key = folder / "keys/default/RS256/k1"
    key.parent.mkdir(parents=True)
    key.write_bytes(pem(rsa_key()))
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("joe", "nobody", "clerk", "joe*clerk"):
        ca.issue_cert(f"{name}@example.org", common_name=name).private_key_and_cert_chain_pem.write_to_path(
            folder / f"{name}.pem"
        )
    ca.issue_cert("nameless@example.org").private_key_and_cert_chain_pem.write_to_path(folder / "nameless.pem")
    text = SETTINGS.format(folder=folder, mechanisms=" ".join(MECHANISMS).lower())
    with serving(text) as served:
        yield House(served, folder)


@pytest.fixture(autouse=True)
def _nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each login, however it went: no password, no hash, no token."""
    yield
    log = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    log = re.sub(r"session=<[\w-]+>", "", log)  # where the beginning of a token may stand by chance
    assert not [secret for secret in (PASSWORD, encoded(PASSWORD), "eyJ", "$6$", "$argon2", "{") if secret in log]
