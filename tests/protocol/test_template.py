"""Templates: what they make of values, what is none and where, and that no value is ever looked at again."""

from __future__ import annotations

import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol.template import FIELDS, LONGEST, compile_
from hostile import HOSTILE

VALUES = {"text": "hello world", "from": "+41791234567", "code": "", "name": "Ann"}


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("", ""),
        ("nothing but words, and } or $x or %s", "nothing but words, and } or $x or %s"),
        ("{from}: {text}", "+41791234567: hello world"),
        ("{ text }", "hello world"),
        ("{state}", ""),
        ("{text|first 5}", "hell…"),
        ("{text|first 11}", "hello world"),
        ("{text|first 0}", "…"),
        ("{text|last 5}", "…orld"),
        ("{text|last 1}", "…"),
        ("{text|upper|first 3}", "HE…"),
        ("{text | upper | lower}", "hello world"),
        ("{code|or text}", "hello world"),
        ("{text|or code}", "hello world"),
        ('{code|or "no code"}', "no code"),
        ('{code|or ""}', ""),
        ('{code|or "{{"}', None),
        ('{code|or "a"|upper}', "A"),
        ("{text|json}", '"hello world"'),
        (r"a\nb\\n\x{text|url}", "a\nb\\n\\xhello%20world"),
        ("{{text}", "{text}"),
        ("{{{text}}}", "{hello world}}"),
        ('{{"text": {text|json}, "x": {{"y": 1}}', '{"text": "hello world", "x": {"y": 1}}'),
        ("{?name}by {name}{/}{!name}by nobody{/}", "by Ann"),
        ("{?code}code {code}{/}{!code}none{/}", "none"),
        ("{?text}{?code}a{/}{!code}b{/}{/}", "b"),
        ("{?code}{?text}a{/}{/}", ""),
    ],
)
def test_what_a_template_makes(source: str, filled: str | None) -> None:
    if filled is None:
        with pytest.raises(ValueError, match="column 1"):
            compile_(source)
    else:
        assert compile_(source).fill(VALUES) == filled


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("abc {txt}", "column 5: there is no field 'txt'"),
        ("{}", "column 1: there is no field ''"),
        ("{text", "column 1: this brace is not closed"),
        ('{"a": {text}}', "column 1: this brace is not closed"),
        ("{text|}", "column 1: there is no filter ''"),
        ("{text|shout}", "column 1: there is no filter 'shout'; there are line, json"),
        ("{text|first}", "'first' needs a number"),
        ("{text|first x}", "'first' needs a number"),
        ("{text|first 123456}", "'first' needs a number"),
        ("{text|first -1}", "'first' needs a number"),
        ("{text|json 5}", "'json' takes nothing after it"),
        ("{text|or}", "'or' needs a field or words"),
        ("{text|or nothing}", "there is no field 'nothing'"),
        ("{?text}", "column 1: {?text} is not closed"),
        ("a{?text}{!code}{/}", "column 2: {?text} is not closed"),
        ("x{/}", "column 2: there is nothing"),
        ("{?nothing}{/}", "there is no field 'nothing'"),
        ("{?text}" * 9 + "{/}" * 9, "column 57: more than 8"),
    ],
)
def test_what_is_no_template(source: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        compile_(source)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_value_is_mere_text(text: str) -> None:
    shown = text.encode("utf-8", "replace").decode()
    values = {"text": text}
    assert compile_("<{text}>").fill(values) == f"<{shown}>"[:LONGEST]
    assert json.loads(compile_("{text|first 5000|json}").fill(values)) == (
        shown if len(shown) <= 5000 else shown[:4999] + "…"
    )
    assert html.unescape(compile_("{text|first 5000|html}").fill(values))[:4999] == shown[:4999]
    assert "<" not in compile_("{text|html}").fill(values)
    assert urllib.parse.unquote(compile_("{text|first 5000|url}").fill(values))[:4999] == shown[:4999]
    assert compile_("{text|line}").fill(values).isprintable()


@given(st.text(max_size=80))
def test_any_source_is_a_template_or_an_error_with_a_column(source: str) -> None:
    try:
        made = compile_(source)
    except ValueError as error:
        assert str(error).startswith("column ")
    else:
        assert made.fields <= set(FIELDS)
        assert "�" in source or "�" not in made.fill(VALUES)


@given(st.text(alphabet='{}|?!/\\n textcodeor"1', max_size=60), st.text(max_size=30))
def test_values_come_out_where_fields_are_and_nowhere_else(source: str, value: str) -> None:
    try:
        made = compile_(source)
    except ValueError:
        return
    marked = made.fill({"text": "{code}{text}", "code": "{/}"})
    assert len(marked) <= len(source) * 12
    if not made.fields:
        assert marked == made.fill({"text": value, "code": value})


def test_what_comes_out_is_bounded() -> None:
    for source in ("{text}" * 100, "{text|html}" * 90, "{?text}" + "{text|url}" * 90 + "{/}"):
        filled = compile_(source).fill({"text": "€'<" * 10_000})
        assert len(filled.encode()) in range(LONGEST - 3, LONGEST + 1)
