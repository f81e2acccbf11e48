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
        ("a +\n+b", "a+\n+b\n"),
        ("a - -b", "a- -b\n"),
        ("x = a /* b */ / c / d;", "x=a/ c/ d;\n"),
        ("s = 'it\\'s // no comment' + \"/* nor */\";", "s='it\\'s // no comment'+\"/* nor */\";\n"),
        ("r = /[/'\"]\\/ /g.test(a)", "r=/[/'\"]\\/ /g.test(a)\n"),
        ("return /a b/.test(x) ? 1 : 2;", "return/a b/.test(x)?1:2;\n"),
        ("t = `a  ${ f('}') + `b ${c}` }  // d`;", "t=`a  ${ f('}') + `b ${c}` }  // d`;\n"),
        ("foo()\n\t.then(bar)\n\t.catch(() => null)\n", "foo().then(bar).catch(()=>null)\n"),
        ("if (a)\n\tb()\nelse\n\tc()", "if(a)\nb()\nelse\nc()\n"),
        ("return\na", "return\na\n"),
        ("a /* b\nc */ d", "a\nd\n"),
        ("a + b - -c + ++d", "a+b- -c+ ++d\n"),
        ("a-- > b; a - > b", "a-- >b;a- >b\n"),
        ("a = /b/ in c / d", "a=/b/ in c/ d\n"),
        ("a = b / /c/.d; a = b / /* c */ d", "a=b/ /c/.d;a=b/ d\n"),
        ("case 'a': return 'b' in c;", "case'a':return'b'in c;\n"),
        ("1 .toFixed()", "1 .toFixed()\n"),
        ("{ a(); b(); }", "{a();b()}\n"),
        ("{ for (;;); } { while (a(b)); }", "{for(;;);}{while(a(b));}\n"),
        ("{ if (a) b(); } { if (a) b(); else; }", "{if(a)b()}{if(a)b();else;}\n"),
        ("({ 'a': 'b', \"c\": 1, 'd-e': 2, f: g ? 'h' : i })", "({a:'b',c:1,'d-e':2,f:g?'h':i})\n"),
        ("switch (a) { case 'b': c(); }", "switch(a){case'b':c()}\n"),
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


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("/* a */\n.a {\n\tcolor: red; /* b */\n\tcontent: '/* c; */';\n}\n", ".a{color:red;content:'/* c; */'}\n"),
        (".a .b,\n.c > .d:hover :focus { margin: 0 1px }", ".a .b,.c > .d:hover :focus{margin:0 1px}\n"),
        (".a/* b */.c { d: e }", ".a.c{d:e}\n"),
        ("@media (max-width: 7px) {\n\t.a { b: c; }\n}", "@media (max-width:7px){.a{b:c}}\n"),
        (".a { b: max(1em, calc(1vh - 2em)); }", ".a{b:max(1em,calc(1vh - 2em))}\n"),
    ],
)
def test_style(text: str, short: str) -> None:
    assert slim.style(text) == short
    assert slim.style(short) == short
