import pytest

from gsubmit.settings.lines import BadLine, Line, logical_lines, quote, read_line, unquote


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = b", ["a = b"], id="plain"),
        pytest.param("  a = b \t\r", ["a = b"], id="blanks-and-cr"),
        pytest.param("# a = b", [""], id="comment"),
        pytest.param("a = b # c", ["a = b"], id="comment-after-value"),
        pytest.param('a = "b # c" # d', ['a = "b # c"'], id="hash-in-quotes"),
        pytest.param("a = 'b # c' # d", ["a = 'b # c'"], id="hash-in-single-quotes"),
        pytest.param(r'a = "b \" # c" # d', [r'a = "b \" # c"'], id="escaped-quote"),
        pytest.param("a = it's # b", ["a = it's # b"], id="unclosed-quote-keeps-the-rest"),
        pytest.param("a = b \\\n  c", ["a = b c"], id="continuation"),
        pytest.param("a = b\\\nc", ["a = b c"], id="continuation-without-blanks"),
        pytest.param("a = b \\ \nc", ["a = b c"], id="blank-after-backslash"),
        pytest.param("# a \\\nb = c", ["", "b = c"], id="comments-are-not-continued"),
        pytest.param("a = b # c \\\nd = e", ["a = b", "d = e"], id="nor-trailing-ones"),
        pytest.param("a = b \\", ["a = b"], id="continuation-at-the-end"),
        pytest.param("a = \\x", ["a = \\x"], id="backslash-inside"),
    ],
)
def test_logical_lines(text: str, expected: list[str]) -> None:
    assert [line for _, line, _ in logical_lines(text)] == expected


def test_number_is_that_of_the_first_line() -> None:
    assert [(number, line) for number, line, _ in logical_lines("a\nb \\\n c \\\n d\ne")] == [
        (1, "a"),
        (2, "b c d"),
        (5, "e"),
    ]


@pytest.mark.parametrize(
    ("text", "glued"),
    [("a = b#c", True), ("a = b #c", False), ("#a", False), (" #a", False), ('a = "b#c"', False), ('a = "b"#c', True)],
)
def test_comment_glued_to_a_word(text: str, glued: bool) -> None:
    assert [flag for _, _, flag in logical_lines(text)] == [glued]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = b", Line("value", 1, "a", "b"), id="value"),
        pytest.param("a=b", Line("value", 1, "a", "b"), id="no-blanks"),
        pytest.param("a =", Line("value", 1, "a", ""), id="empty"),
        pytest.param("a = b = c", Line("value", 1, "a", "b = c"), id="equals-in-value"),
        pytest.param("a = {", Line("value", 1, "a", "{"), id="brace-in-value"),
        pytest.param('a = "b "', Line("value", 1, "a", "b ", quoted=True), id="quoted"),
        pytest.param(r'a = "\"\\x"', Line("value", 1, "a", '"\\x', quoted=True), id="escapes"),
        pytest.param('a = b "c"', Line("value", 1, "a", 'b "c"'), id="quotes-inside"),
        pytest.param('a = "', Line("value", 1, "a", '"'), id="lone-quote"),
        pytest.param("plugin/a = b", Line("value", 1, "plugin/a", "b"), id="slash"),
        pytest.param("a {", Line("open", 1, "a"), id="block"),
        pytest.param("a b {", Line("open", 1, "a", "b"), id="named-block"),
        pytest.param('a "b c" {', Line("open", 1, "a", "b c"), id="quoted-name"),
        pytest.param("a\tb\t{", Line("open", 1, "a", "b"), id="tabs"),
        pytest.param("local 2001:db8::/32 {", Line("open", 1, "local", "2001:db8::/32"), id="address"),
        pytest.param("}", Line("close", 1), id="close"),
        pytest.param("!include a*.conf", Line("include", 1, "!include", "a*.conf"), id="include"),
        pytest.param("!include_try  a b", Line("include_try", 1, "!include_try", "a b"), id="include-try"),
    ],
)
def test_read_line(text: str, expected: Line) -> None:
    assert read_line(1, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "expected 'name = value' or 'name {'"),
        ("a b", "expected 'name = value' or 'name {'"),
        ("a b c {", "expected a block's word"),
        ("a{", "expected a block's word"),
        ("{", "expected a block's word"),
        ("a { b", "nothing may follow"),
        ("} a", "expected '}' alone"),
        ("}}", "expected '}' alone"),
        ("= b", "a name is missing"),
        ("!include", "!include needs a path"),
        ("!includes a", "expected 'name = value'"),
    ],
)
def test_bad_line(text: str, message: str) -> None:
    with pytest.raises(BadLine, match=message.replace("{", r"\{").replace("}", r"\}")):
        read_line(1, text)


@pytest.mark.parametrize("text", ["", "a", " a", "a ", "a # b", "$a", 'a"b', "<a", "\\", "a\\b", "'a'", '"', "é"])
def test_quote_round_trip(text: str) -> None:
    written = quote(text)
    ((_, line, _),) = logical_lines(f"a = {written}")
    assert read_line(1, line).text == text


def test_quote_only_where_needed() -> None:
    assert quote("plain login") == "plain login"


def test_unquote_tells_whether_there_were_quotes() -> None:
    assert unquote("'a'") == ("a", True)
    assert unquote("a") == ("a", False)
