"""The pages' scripts as the package brings them: shorter, and the same program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline_lab.packages import making

sys.path.insert(0, str(making.RECIPES))
import names
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


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("const long = 1; f(long)", "let a=1;f(a)\n"),
        ("function long(first, second = other) { return first; }", "function c(a,b=other){return a}\n"),
        ("g((first, second) => first + second.first)", "g((b,a)=>b+a.first)\n"),
        ("first => ({ first: first })", "a=>({first:a})\n"),
        ("try { f(); } catch (error) { g(error); }", "try{f()}catch(a){g(a)}\n"),
        ("f(...[ long ]); const long = 1", "f(...[a]);let a=1\n"),
        ("const long = 1, a = 2; f(long, a)", "let b=1,a=2;f(b,a)\n"),  # one that there is already is not taken
        ("const again = 1; { const again = 2; } f(again)", "let a=1;{let a=2}f(a)\n"),
        ("'require ui.form as long'; long()", "'require ui.form as a';a()\n"),
        ("\"require ui.form as long\"; long('require ui')", "'require ui.form as a';a('require ui')\n"),
        # what others could know stays
        ("const long = 1; f({ long })", "let long=1;f({long})\n"),
        ("const { long } = f(); g(long)", "let{long}=f();g(long)\n"),
        ("const long = 1; f({ long() { } })", "let long=1;f({long(){}})\n"),
        ("const long = 1; f({ get long() { } })", "let long=1;f({get long(){}})\n"),
        ("const long = 1; f(`${long}`)", "let long=1;f(`${long}`)\n"),
        ("'require ui.form'; const ui_form = 1", "'require ui.form';let ui_form=1\n"),
        ("const history = 1; f(history)", "let history=1;f(history)\n"),
        ("unknown(long)", "unknown(long)\n"),
        ("const long = 1; a?.long; b.long; c ? long : d", "let e=1;a?.long;b.long;c?e:d\n"),
    ],
)
def test_names_inside_become_short(text: str, short: str) -> None:
    assert slim.script(text) == short


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("f((a) => b); g = async (a) => b; return (a) => (b)", "f(a=>b);g=async a=>b;return a=>(b)\n"),
        ("f((a, b) => c); f(({ a }) => a); f((a = 1) => a)", "f((a,b)=>c);f(({a})=>a);f((a=1)=>a)\n"),
        (
            "({ a: function(b) { c(); }, 'd': function() { }, 'e-f': function() { } })",
            "({a(b){c()},d(){},'e-f':function(){}})\n",
        ),
        ("a ? b : function() { }; a = function() { }", "a?b:function(){};a=function(){}\n"),
        ("({ true: true, const: 1 }); a.true.const; return false", "({true:!0,const:1});a.true.const;return!1\n"),
        (
            "const a = 1; let b = f(() => { c(); }); const d = 2; e(); const g = 3;",
            "let a=1,b=f(()=>{c()}),d=2;e();let g=3;\n",
        ),
        ("for (const a of b) { let c = 1; const d = 2; }", "for(let a of b){let c=1,d=2}\n"),
        ("for (let a = 1; ; ) b(); let c = 1;", "for(let a=1;;)b();let c=1;\n"),
        ("let a = 1\nb(); let c = 1", "let a=1\nb();let c=1\n"),
        ("let a = {\n\tb: 1\n};\nlet c = d\n\t.e();\nlet f = 1", "let a={b:1},c=d.e(),f=1\n"),
        (
            "switch (a) { case 1: let b = 1; const c = 2; default: d(); const e = 3; }",
            "switch(a){case 1:let b=1,c=2;default:d();let e=3}\n",
        ),
    ],
)
def test_shorter_ways_to_say_the_same(text: str, short: str) -> None:
    assert slim.script(text) == short
    assert slim.script(short) == short


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("f('a long text', b, 'a long text')", "let a='a long text';f(a,b,a)\n"),
        (
            "'use strict'; 'require ui';\nconst one = f('long one', 'longer one');\ng(one, 'longer one', 'long one')",
            "'use strict';'require ui';let b='longer one',c='long one',a=f(c,b);g(a,b,c)\n",
        ),
        ("f('ab', 'ab')", "f('ab','ab')\n"),  # nothing is won
        ("f(\"it's long\", 'it\\'s long', \"it's long\")", "let a=\"it's long\";f(a,'it\\'s long',a)\n"),
        # not without the blanks that a name needs
        ("case'a long one':return'a long one'in b", "let a='a long one';case a:return a in b\n"),
        ("'a long one'in b||'a long one'", "let a='a long one';a in b||a\n"),
        # what stays
        ("'use strict'; f('use strict', 'use strict')", "'use strict';let a='use strict';f(a,a)\n"),
        (
            "f({ 'long-name': 'long-name', 'long-name'() { } }, ['long-name'])",
            "let a='long-name';f({'long-name':a,'long-name'(){}},[a])\n",
        ),
        ("f(`'long one' ${'long one'}`, 'long one')", "f(`'long one' ${'long one'}`,'long one')\n"),
        ("a ? 'long one' : b ? 'long one' : c", "let d='long one';a?d:b?d:c\n"),
    ],
)
def test_what_repeats_is_declared_once(text: str, short: str) -> None:
    assert slim.script(text) == short
    assert slim.script(short) == short


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_loads_a_script_is_first(path: Path) -> None:
    """LuCI's loader reads the demands until there is something else."""
    short = slim.script(path.read_text())
    assert short.startswith("'use strict';")
    assert short.count(";'require ") == path.read_text().count("\n'require ")
    assert "'require " not in short[short.index("let ") :]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_short_name_is_of_one_long_one(path: Path) -> None:
    signs = [sign for kind, sign in slim.tokens(path.read_text()) if kind not in ("comment", "space")]
    short = dict(names.renamed(signs))
    assert len(set(short.values())) == len(short) > 0
    assert not set(short.values()) & set(signs)
    assert all(len(new) < len(old) for old, new in short.items())
    assert not {"L", "E"} & set(short.values())  # of LuCI, whether a script uses them or not


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
