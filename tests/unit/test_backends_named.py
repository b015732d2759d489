"""Backends that a configuration names itself: what is wrong with them is found before anybody logs in."""

from __future__ import annotations

import pytest
from gsubmit_cli.main import main

from gsubmit.app.backends import named_targets, warnings
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from tests.harness.commands import CliRunner
from tests.harness.loading import load_text
from tests.harness.ports import free_port
from tests.harness.smtpserver import ehlo
from tests.unit.proxy.test_serving import backend


def settings(args: str, more: str = "", of_passdb: str = "") -> Settings:
    passdb = f"passdb {{\n driver = static\n args = {args}\n {of_passdb}\n}}"
    return load_text(f"ssl = no\nlisten = 127.0.0.1\n{more}\n{passdb}").settings


@pytest.mark.parametrize(
    ("args", "hosts"),
    [
        pytest.param("nopassword proxy host=mx", [("mx",)], id="one"),
        pytest.param("nopassword proxy=no host=mx", [], id="no proxy"),
        pytest.param("nopassword host=mx", [], id="not even asked for"),
        pytest.param("nopassword proxy host=%d.example", [], id="another for each user"),
        pytest.param("nopassword proxy nologin host=mx", [], id="a referral"),
    ],
)
def test_named(args: str, hosts: list[tuple[str, ...]]) -> None:
    assert [target.place.hosts for _, target in named_targets(settings(args))] == hosts


def test_fields_of_the_block_count() -> None:
    found = named_targets(settings("nopassword", of_passdb="default_fields = proxy=y host=mx port=1587"))
    assert [(target.place.hosts, target.place.port) for _, target in found] == [(("mx",), 1587)]


def test_what_makes_no_sense_is_an_error_with_its_place() -> None:
    with pytest.raises(SettingsError, match=r"<text>:4: static: proxy needs host"):
        named_targets(settings("nopassword proxy"))


@pytest.mark.parametrize(
    ("args", "more", "said"),
    [
        pytest.param("host=127.0.0.1 port=587", "", "127.0.0.1 port 587 is this server", id="itself"),
        pytest.param("host=127.0.0.1 port=588", "", "", id="another port"),
        pytest.param("host=192.0.2.1", "", "without TLS", id="clear text to another machine"),
        pytest.param("host=192.0.2.1 starttls=yes", "", "", id="TLS"),
        pytest.param(
            "host=127.0.0.1 port=588", "auth_mechanisms = plain scram-sha-256", "scram-sha-256 fail", id="no password"
        ),
        pytest.param(
            "nopassword host=127.0.0.1 port=588 pass=x", "", "nopassword and pass would let", id="nobody looks"
        ),
        pytest.param(
            "nopassword host=127.0.0.1 port=588 proxy_noauth", "", "nopassword and proxy_noauth", id="nor here"
        ),
        pytest.param(
            "password=p host=127.0.0.1 port=588 pass=x", "auth_mechanisms = plain cram-md5", "", id="a password"
        ),
    ],
)
def test_warnings(args: str, more: str, said: str) -> None:
    password = "" if "password" in args else "nopassword "
    found = list(warnings(settings(f"{password}proxy {args}", more)))
    assert [said in each for each in found] == ([True] if said else [])
    assert all(each.startswith("<text>:") for each in found)


def test_a_backend_is_tried(tmp_path_factory: pytest.TempPathFactory) -> None:
    """check-config --dial."""
    path = tmp_path_factory.mktemp("conf") / "gsubmit.conf"
    port = free_port()
    path.write_text(
        f"ssl = no\nlisten = 127.0.0.1\npassdb {{\n driver = static\n args = nopassword proxy host=127.0.0.1 port={port}\n}}"
    )
    arguments = ["check-config", "-c", str(path), "--dial"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert f"cannot connect to 127.0.0.1:{port}: Connection refused" in result.output
    with backend(port=port, EHLO=ehlo("AUTH LOGIN")):
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert f"backend    127.0.0.1:{port} greets: relay.example.net ESMTP" in result.output
    assert "AUTH LOGIN" in result.output
    with backend(port=port, EHLO=ehlo("PIPELINING")):
        assert "nobody can log in there" in CliRunner().invoke(main, arguments).output
