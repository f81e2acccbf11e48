"""Translations: all texts of the pages, in each language, as LuCI finds them."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline_lab.packages import making

sys.path.insert(0, str(making.RECIPES))
import lmo
import po

REPOSITORY = making.REPOSITORY
FILES = sorted((REPOSITORY / "po").glob("*/homeline.po"))
LANGUAGES = {"de": 2, "es": 2, "hi": 2, "ru": 3, "zh_Hans": 1}
# Where numbers go, and what must stay as it is: fields of templates, examples.
FIXED = re.compile(r"%[a-z]|\{[^}]*\}|<code>.*?</code>|</?[a-z]+>")
AGAIN = "run `python3 package/po.py extract`"


def fixed(text: str) -> list[str]:
    return sorted(FIXED.findall(text))


def test_the_template_is_current() -> None:
    assert (REPOSITORY / "po/templates/homeline.pot").read_text() == po.template(), AGAIN


def test_all_languages_are_there() -> None:
    assert {path.parent.name for path in FILES} == set(LANGUAGES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_language_is_complete(path: Path) -> None:
    text = path.read_text()
    header, entries = po.read(text)
    forms = po.forms_of(header)
    assert (header["Language"], forms) == (path.parent.name, LANGUAGES[path.parent.name])
    assert not re.search("^#,", text, re.MULTILINE)
    assert [entry.key for entry in entries] == [entry.key for entry in po.extracted()], AGAIN
    assert text == po.write(header, entries, forms)
    for entry in entries:
        _context, singular, plural = entry.key
        assert len(entry.translations) == (1 if plural is None else forms), entry.key
        for translation in entry.translations:
            assert translation.strip() == translation != "", entry.key
            assert fixed(translation) in (fixed(singular), fixed(plural or singular)), entry.key
            assert translation.endswith("…") == (plural or singular).endswith("…"), entry.key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_last_form_has_the_number(path: Path) -> None:
    """Only one that is for the number one alone may do without it."""
    for entry in po.read(path.read_text())[1]:
        if entry.key[2] is not None:
            assert fixed(entry.translations[-1]) == fixed(entry.key[2]), entry.key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_luci_finds_each_text(path: Path) -> None:
    header, entries = po.read(path.read_text())
    content = lmo.compiled(path.read_text())
    (start,) = struct.unpack(">I", content[-4:])
    keys = [entry[0] for entry in struct.iter_unpack(">4I", content[start:-4])]
    assert keys == sorted(set(keys))  # it searches by halves, and no two texts have one hash
    assert all(place % 4 == 0 for _key, _form, place, _length in struct.iter_unpack(">4I", content[start:-4]))
    found = lmo.decoded(content)
    assert found[0] == header["Plural-Forms"]
    for entry in entries:
        context, singular, plural = entry.key
        before = "" if context is None else f"{context}\1"
        for form, translation in enumerate(entry.translations):
            key = before + (singular if plural is None else f"{singular}\2{form}")
            assert found.get(lmo.hashed(key.encode()), key) == translation


def test_texts_are_such_that_luci_does_not_change_them() -> None:
    """Its _() takes several blanks for one, and none at the ends."""
    for entry in po.extracted():
        for text in filter(None, entry.key):
            assert text == " ".join(text.split())
            assert text.isprintable()


# Made with sfh() of LuCI's cbi.js (March 2026).
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Save", "219966c7"),
        ("é", "c4fba554"),
        ("Überé日本", "ddb2f002"),
        ("a", "115ea782"),
        ("ab", "516b8b44"),
        ("abc", "d2be198a"),
        ("%d day ago\x020", "f7cf8b36"),
        ("", "00000000"),
    ],
)
def test_the_hash_is_lucis(text: str, value: str) -> None:
    assert f"{lmo.hashed(text.encode()):08x}" == value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_it_is_what_lucis_own_compiler_writes(tmp_path: Path, path: Path) -> None:
    program = Path(os.environ.get("LUCI", "/nowhere")) / "modules/luci-base/src/po2lmo"
    if not program.exists():
        pytest.skip("there is no po2lmo in a checkout of LuCI that LUCI names")
    subprocess.run([program, path, tmp_path / "their.lmo"], check=True, timeout=20)
    assert lmo.compiled(path.read_text()) == (tmp_path / "their.lmo").read_bytes()


@pytest.mark.parametrize(
    ("script", "keys"),
    [
        ("f(_('one'), x._('no'), '_(\\'no\\')')", [(None, "one", None)]),
        ("// _('no')\n/* _('no') */ _( 'it\\'s' , 'context' )", [("context", "it's", None)]),
        ("N_(a.b(1, 2), '%d day', '%d days').format(1)", [(None, "%d day", "%d days")]),
        ('a = /_("no")/; _("two")', [(None, "two", None)]),
        ("_(_('inner').length ? 'a' : 'b')", po.PoError),
        ("_('a' + 'b')", po.PoError),
        ("_(`a`)", po.PoError),
        ("N_(1, 'one')", po.PoError),
        ("_('a'", po.PoError),
    ],
)
def test_texts_are_found(script: str, keys: list[po.Key] | type[Exception]) -> None:
    if isinstance(keys, list):
        assert list(po.script_keys(script)) == keys
    else:
        with pytest.raises(keys):
            list(po.script_keys(script))


def test_a_text_with_a_plural_is_not_there_without(tmp_path: Path) -> None:
    """LuCI looks both up under different keys, and gettext has one entry for them."""
    script = tmp_path / "htdocs/one.js"
    script.parent.mkdir()
    for code in ("_('%d day'); N_(1, '%d day', '%d days')", "N_(1, '%d day', '%d days'); N_(1, '%d day', 'days')"):
        script.write_text(code)
        with pytest.raises(po.PoError):
            po.extracted(tmp_path)


def test_what_is_known_stays_and_what_is_gone_goes(tmp_path: Path) -> None:
    (tmp_path / "htdocs").mkdir()
    (tmp_path / "po/de").mkdir(parents=True)
    script, file = tmp_path / "htdocs/one.js", tmp_path / "po/de/homeline.po"
    file.write_text(po.write({"Plural-Forms": "nplurals=2; plural=n != 1;"}, [], 2))
    script.write_text("_('one'); _('two')")
    po.extract(tmp_path)
    file.write_text(file.read_text().replace('msgid "one"\nmsgstr ""', 'msgid "one"\nmsgstr "eins"'))
    script.write_text("_('one'); _('three')")
    po.extract(tmp_path)
    assert [(entry.key[1], entry.translations) for entry in po.read(file.read_text())[1]] == [
        ("one", ["eins"]),
        ("three", [""]),
    ]


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1) | st.sampled_from(
    ['"', "\\", "\\n", "\n", "\t", '\\"', "a\nb"]
)


@given(st.lists(st.tuples(st.none() | texts, texts, st.none() | texts, texts), unique_by=lambda each: each[:2]))
def test_what_is_written_is_read(rows: list[tuple[str | None, str, str | None, str]]) -> None:
    entries = [
        po.Entry((context, text, plural), [translation] * (2 if plural else 1))
        for context, text, plural, translation in rows
    ]
    header = {"Plural-Forms": "nplurals=2; plural=n != 1;"}
    assert po.read(po.write(header, entries, 2)) == (header, entries)


@pytest.mark.parametrize("text", ['msgid "a\n', "msgid a", 'msgid "a"\nmsgfoo'])
def test_a_broken_file_is_said_to_be(text: str) -> None:
    with pytest.raises(po.PoError):
        po.read(text)


def test_there_must_be_translations(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lmo.main(tmp_path, tmp_path / "to")
