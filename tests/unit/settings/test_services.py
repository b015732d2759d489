import pytest

from gsubmit.settings.blocks import SUBMISSION, SUBMISSIONS, InetListener, MetricsListener
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load_text

TLS = "ssl_cert = -----BEGIN X-----\nssl_key = -----BEGIN X-----\n"


def service(inner: str, head: str = TLS) -> Loaded:
    return load_text(f"{head}service submission-login {{\n{inner}\n}}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (SUBMISSION, SUBMISSIONS), id="none-named"),
        pytest.param("inet_listener submission {\n}", (SUBMISSION,), id="one-named"),
        pytest.param(
            "inet_listener submissions {\nport = 465\nssl = yes\n}", (SUBMISSION, SUBMISSIONS), id="587-stays-open"
        ),
        pytest.param(
            "inet_listener submissions {\nport = 465\nssl = yes\n}\ninet_listener submission {\nport = 0\n}",
            (SUBMISSIONS,),
            id="587-off",
        ),
        pytest.param("inet_listener submissions {\n}", (SUBMISSION,), id="465-without-port"),
        pytest.param("inet_listener submissions {\nssl = yes\n}", (SUBMISSION,), id="465-without-port-but-with-tls"),
        pytest.param(
            "inet_listener submissions {\nport = 10465\n}",
            (SUBMISSION, InetListener("submissions", (), 10465)),
            id="no-tls-by-name",
        ),
        pytest.param(
            "inet_listener submission {\nport = 10587\n}", (InetListener("submission", (), 10587),), id="moved"
        ),
        pytest.param(
            "inet_listener x {\nport = 1\naddress = ::1, 127.0.0.1\nssl = yes\n}",
            (SUBMISSION, InetListener("x", ("::1", "127.0.0.1"), 1, True)),
            id="all-settings",
        ),
        pytest.param("inet_listener {\nport = 1\n}", (SUBMISSION, InetListener("", (), 1)), id="no-name"),
        pytest.param(
            "inet_listener x {\nport = 1\nhaproxy = yes\n}",
            (SUBMISSION, InetListener("x", (), 1, haproxy=True)),
            id="haproxy",
        ),
        pytest.param(
            "inet_listener x {\nport = 1\n}\ninet_listener x {\nssl = yes\n}",
            (SUBMISSION, InetListener("x", (), 1, True)),
            id="blocks-add-up",
        ),
    ],
)
def test_listeners(text: str, expected: tuple[InetListener, ...]) -> None:
    assert service(text).settings.services.inet_listeners == expected


@pytest.mark.parametrize("name", ["submissions", "x"])
def test_a_listener_without_port_is_noticed(name: str) -> None:
    text = f"'inet_listener {name}' has no port, so it is not opened, as in Dovecot 2.3"
    loaded = service(f"inet_listener {name} {{\nssl = yes\n}}")
    assert [notice.text for notice in loaded.notices if notice.kind == "warning"] == [text]


def test_no_port_465_without_tls() -> None:
    assert service("", "ssl = no\n").settings.services.inet_listeners == (SUBMISSION,)


@pytest.mark.parametrize(
    ("text", "clients"),
    [
        ("", 1000),
        ("client_limit = 0\nprocess_limit = 0\nservice_count = 1", 1000),  # as doveconf -a writes it
        ("process_limit = 50", 50),
        ("client_limit = 1\nservice_count = 1\nprocess_limit = 512", 512),
        ("client_limit = 200", 100),  # service_count = 1: never more than one in a process
        ("service_count = 0", 100 * 1000),
        ("service_count = 0\nclient_limit = 200\nprocess_limit = 4", 800),
        ("service_count = 20\nclient_limit = 200\nprocess_limit = 4", 80),
        ("service_count = 20\nclient_limit = 10\nprocess_limit = 4", 40),
        ("}\ndefault_process_limit = 300\nservice imap {", 300),
        ("}\ndefault_client_limit = 70\nservice submission-login {\nprocess_limit = 2\nservice_count = unlimited", 140),
    ],
)
def test_as_many_clients_as_the_processes_of_dovecot(text: str, clients: int) -> None:
    loaded = service(text)
    assert loaded.settings.services.max_clients == clients
    said = [notice.text for notice in loaded.notices if "at the same time" in notice.text]
    assert [text.split(" clients")[0] for text in said] == ([str(clients)] if clients != 1000 else [])


def test_what_is_only_for_processes_is_ignored() -> None:
    loaded = service("user = x\nvsz_limit = 0\nfifo_listener x {\n}\ninet_listener submission {\nreuse_port = yes\n}")
    assert len([notice for notice in loaded.notices if notice.kind == "ignored"]) == 4


@pytest.mark.parametrize(
    ("anvil", "expected"),
    [
        pytest.param("", True, id="nothing said"),
        pytest.param("unix_listener anvil-auth-penalty {\nmode = 0\n}", False, id="mode = 0"),
        pytest.param("unix_listener anvil-auth-penalty {\nmode = 0000\nuser = x\n}", False, id="mode = 0000"),
        pytest.param("unix_listener anvil-auth-penalty {\nmode = 0600\n}", True, id="mode = 0600"),
        pytest.param("unix_listener anvil-auth-penalty {\nuser = x\n}", True, id="no mode"),
        pytest.param("unix_listener anvil {\nmode = 0\n}", True, id="another listener"),
        pytest.param("fifo_listener anvil-auth-penalty {\nmode = 0\n}", True, id="another kind of listener"),
        pytest.param("mode = 0", True, id="outside of the listener"),
    ],
)
def test_penalty(anvil: str, expected: bool) -> None:
    assert load_text(f"ssl = no\nservice anvil {{\n{anvil}\n}}\n").settings.services.has_penalty is expected


def test_what_else_is_said_to_anvil_is_ignored() -> None:
    loaded = load_text("ssl = no\nservice anvil {\nclient_limit = 5\nunix_listener anvil {\n}\n}\n")
    assert len([notice for notice in loaded.notices if notice.kind == "ignored"]) == 2
    assert loaded.settings.services.max_clients == 1000


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("", "", True),
        ("127.0.0.1", "*", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::", True),
        ("127.0.0.1", "::", False),
        ("127.0.0.1", "127.0.0.2", False),
        ("mail.example.org", "*", True),
    ],
)
def test_same_port_twice(first: str, second: str, clash: bool) -> None:
    text = f"inet_listener a {{\nport = 1\naddress = {first}\n}}\ninet_listener b {{\nport = 1\naddress = {second}\n}}"
    if not clash:
        service(text)
        return
    with pytest.raises(SettingsError, match=r"'inet_listener b' listens on .* port 1, as does 'a'"):
        service(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inet_listeners {\n}", "unknown block 'inet_listeners', did you mean inet_listener?"),
        ("inet_listener x {\nport = 1\nfoo {\n}\n}", "unknown block 'foo'"),
        ("client_limit = many", "client_limit: expected a whole number, not 'many'"),
        ("inet_listener x {\nport = 1\nhaproxy = maybe\n}", "haproxy: expected yes or no, not 'maybe'"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        service(text)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def metrics(inner: str) -> Loaded:
    return load_text(f"{TLS}service metrics {{\n{inner}\n}}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("inet_listener http {\nport = 0\n}", (), id="off"),
        pytest.param("inet_listener http {\nport = 9587\n}", (MetricsListener("http", port=9587),), id="loopback"),
        pytest.param(
            "inet_listener a {\nport = 1\naddress = ::1\n}\ninet_listener b {\nport = 2\n}",
            (MetricsListener("a", ("::1",), 1), MetricsListener("b", port=2)),
            id="two",
        ),
    ],
)
def test_metrics(text: str, expected: tuple[MetricsListener, ...]) -> None:
    loaded = metrics(text)
    assert loaded.settings.services.metrics == expected
    assert loaded.settings.services.inet_listeners == (SUBMISSION, SUBMISSIONS)
    assert not loaded.notices


@pytest.mark.parametrize("address", ["*", "::", "192.0.2.1", "127.0.0.1, 192.0.2.1"])
def test_figures_for_others_are_warned_of(address: str) -> None:
    (notice,) = metrics(f"inet_listener http {{\nport = 9587\naddress = {address}\n}}").notices
    other = address.rsplit(", ", maxsplit=1)[-1]
    assert notice.kind == "warning"
    assert notice.text == f"'inet_listener http' listens on {other}: whoever can connect sees figures and users"


def test_a_metrics_listener_without_a_port_is_noticed() -> None:
    (notice,) = metrics("inet_listener http {\n}").notices
    assert notice.text == "'inet_listener http' has no port, so it is not opened, as in Dovecot 2.3"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("inet_listener http {\nport = 587\naddress = ::1\n}", "as does 'submission'", id="port"),
        pytest.param("inet_listener http {\nssl = yes\n}", "unknown setting 'ssl'", id="ssl"),
        pytest.param("ports = 1", "unknown setting 'ports'", id="unknown"),
        pytest.param("inet_listner http {\n}", "unknown block 'inet_listner'", id="block"),
    ],
)
def test_wrong_metrics(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        metrics(text)


def test_others_settings_of_a_service_are_passed_over() -> None:
    (notice,) = metrics("user = x").notices
    assert (notice.kind, notice.text) == ("ignored", "user is ignored, gsubmit has no such process")
