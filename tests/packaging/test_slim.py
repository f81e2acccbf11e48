"""The pages' scripts as the package brings them: shorter, and the same program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline_lab.packages import making

sys.path.insert(0, str(making.RECIPES))
import slim

SOURCES = sorted((making.REPOSITORY / "htdocs").rglob("*.js"))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("var a = 1; // one\nvar b = 2;", "var a=1;var b=2;\n"),
        ("/* what */ f( a,  b )", "f(a,b)\n"),
        ("a\n++b", "a\n++b\n"),  # the line ends a statement
        ("a +\n+b", "a +\n+b\n"),
        ("a - -b", "a - -b\n"),
        ("x = a /* b */ / c / d;", "x=a / c / d;\n"),
        ("s = 'it\\'s // no comment' + \"/* nor */\";", "s='it\\'s // no comment' + \"/* nor */\";\n"),
        ("r = /[/'\"]\\/ /g.test(a)", "r=/[/'\"]\\/ /g.test(a)\n"),
        ("return /a b/.test(x) ? 1 : 2;", "return /a b/.test(x)?1:2;\n"),
        ("t = `a  ${ f('}') + `b ${c}` }  // d`;", "t=`a  ${ f('}') + `b ${c}` }  // d`;\n"),
        ("foo()\n\t.then(bar)\n\t.catch(() => null)\n", "foo().then(bar).catch(()=>null)\n"),
        ("if (a)\n\tb()\nelse\n\tc()", "if(a)\nb()\nelse\nc()\n"),
        ("return\na", "return\na\n"),
        ("a /* b\nc */ d", "a\nd\n"),
    ],
)
def test_what_is_left_out(text: str, short: str) -> None:
    assert slim.script(text) == short


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_twice_is_the_same(path: Path) -> None:
    short = slim.script(path.read_text())
    assert slim.script(short) == short
    assert len(short) < path.stat().st_size


@given(st.text(st.sampled_from("ab1 \n\t'\"/*`${}()=+-;\\.,?:[]"), max_size=60))
def test_any_text_ends(text: str) -> None:
    try:
        assert isinstance(slim.script(text), str)
    except IndexError:
        assert "`" in text  # a template that does not end


def test_style() -> None:
    assert slim.style("/* a */\n.a {\n\tcolor: red; /* b */\n\tcontent: '/* c */';\n}\n") == (
        ".a {\ncolor: red;\ncontent: '/* c */';\n}\n"
    )
