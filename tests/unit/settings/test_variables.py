import pytest

from gsubmit.settings.variables import check, expand

SHORT = {"u": "Me@Example.org", "n": "Me", "d": "Example.org", "r": "192.0.2.1", "c": "TLS"}
LONG = {"user": "Me@Example.org", "username": "Me", "domain": "Example.org", "remote_ip": "192.0.2.1", "secured": "TLS"}


@pytest.mark.parametrize("values", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("%u", "Me@Example.org"),
        ("<%u>", "<Me@Example.org>"),
        ("%n at %d", "Me at Example.org"),
        ("%{user}", "Me@Example.org"),
        ("%{ user | lower }", "me@example.org"),
        ("%{user|upper}", "ME@EXAMPLE.ORG"),
        ("%{user|upper|lower}", "me@example.org"),
        ("%Lu", "me@example.org"),
        ("%Un", "ME"),
        ("%LUn", "me"),
        ("%L{user}", "me@example.org"),
        ("%rip", "192.0.2.1ip"),
        ("%{rip} %{remote_ip}", "192.0.2.1 192.0.2.1"),
        ("100%%", "100%"),
        ("%%u", "%u"),
        ("%c", "TLS"),
        ("%{user | username} %{user | domain | lower}", "Me example.org"),
    ],
)
def test_expand(values: dict[str, str], template: str, expected: str) -> None:
    assert expand(template, values) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("%x", "unknown variable %{x}"),
        ("%{pid}", "unknown variable %{pid}"),
        ("%{user|rot13}", "unknown filter 'rot13'"),
        ("%{user", "no closing brace"),
        ("100%", "a variable is missing after '%'"),
        ("%L", "a variable is missing after '%L'"),
        ("%{}", "unknown variable %{}"),
        ("%{if;%d;eq;%n}", "%{if;...} needs five parts with ';' between them, not 3"),
        ("%{if;%d;is;;%n;%u}", "%{if;...} knows no 'is'; known: == != < <= > >= eq ne lt le gt ge * !*"),
        ("%{if;%d;eq;;%n;%x}", "unknown variable %{x}"),
        ("%{if;%d;eq;;%n;%{user}", "no closing brace"),
    ],
)
def test_wrong_template(template: str, message: str) -> None:
    with pytest.raises(ValueError) as expanded:
        expand(template, LONG)
    with pytest.raises(ValueError) as checked:
        check(template, LONG.keys())
    assert message in str(expanded.value)
    assert str(expanded.value) == str(checked.value)


def test_a_value_is_not_expanded_again() -> None:
    assert expand("%u", {"user": "%d"}) == "%d"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%{if;%d;eq;;%n;%u}", "Me@Example.org"),
        ("%{if;;eq;;%n;%u}!", "Me!"),
        ("%{if;%Ld;ne;example.org;%u;%n}", "Me"),
        ("%L{if;%d;eq;;%n;%u}", "me@example.org"),
        ("%{if;%d;*;Exam*.???;%Un;no}", "ME"),
        ("%{if;%d;!*;Exam*;%Un;no}", "no"),
        ("%{if;%d;*;[E]*;yes;no}", "no"),
        ("%{if;2;<;10;number;text}", "number"),
        ("%{if;2;lt;10;number;text}", "text"),
        ("%{if;%n;>;-1;yes;no}", "no"),
        ("%{if;%{domain};eq;;x;%{if;%d;eq;Example.org;deep;%d}}", "deep"),
        ("%{if:%d:eq::%n:%u}", "Me@Example.org"),
    ],
)
def test_if_as_dovecot_reads_it(template: str, expected: str) -> None:
    assert expand(template, LONG) == expected
