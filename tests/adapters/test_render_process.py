"""The renderer is asked in a process of its own, and whatever becomes of that is told in words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from homeline.adapters import render_process
from homeline.adapters.render_process import NoRenderer, Question, render
from homeline.errors import RenderError
from homeline.telephony import Facts

MAIN = """
config homeline 'main'
	option enabled '1'
	option country 'CH'

config sip 'sip'
	option enabled '1'

config phone 'desk'
	option number '11'
"""
SECRETS = "config phone 'desk'\n\toption password 'desk-correct-horse'\n"
FACTS = Facts(ami_secret="ab" * 24)


def question(tmp_path: Path, main: str = MAIN, before: dict[str, str] | None = None) -> Question:
    return Question(main, SECRETS, FACTS, str(tmp_path), before)


async def test_it_renders_and_looks_at_the_owners_files(tmp_path: Path) -> None:
    (tmp_path / "extensions.conf").write_text('[general]\n#tryinclude "homeline/extensions.conf"\n')
    (tmp_path / "manager.conf").write_text("[general]\nenabled = yes\nbindaddr = 0.0.0.0\n")
    reply = await render(question(tmp_path))
    assert "[desk]" in reply.rendered.files["pjsip.conf"]
    assert "desk" in reply.rendered.objects["endpoint"]
    assert any("manager.conf" in where for where, _, _ in reply.findings)
    assert "extensions.conf" not in reply.unincluded
    assert "pjsip.conf" in reply.unincluded
    assert reply.differences == {}


async def test_equal_questions_have_equal_answers(tmp_path: Path) -> None:
    assert await render(question(tmp_path)) == await render(question(tmp_path))


async def test_it_tells_differences_without_secrets(tmp_path: Path) -> None:
    now = (await render(question(tmp_path))).rendered.files
    before = {**now, "pjsip.conf": now["pjsip.conf"].replace("desk-correct", "old-correct"), "gone.conf": "x\n"}
    del before["rtp.conf"]
    reply = await render(question(tmp_path, before=before))
    assert set(reply.differences) == {"pjsip.conf", "gone.conf", "rtp.conf"}
    assert "-x" in reply.differences["gone.conf"]
    assert reply.differences["pjsip.conf"].count("-password = (not shown)") == 1
    assert "correct-horse" not in str(reply.differences)
    assert reply.differences["rtp.conf"][0] == "--- /dev/null"


async def test_switched_off_there_is_nothing(tmp_path: Path) -> None:
    reply = await render(question(tmp_path, main="config homeline 'main'\n\toption enabled '1'\n"))
    assert (reply.rendered.files, reply.findings) == ({}, ())


async def test_a_file_that_is_not_uci_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="line 1"):
        await render(question(tmp_path, main="config 'x\n"))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit(3)", r"the renderer failed \(status 3\): without a word"),
        ("print('[1, 2]')", r"the renderer failed \(status 0\)"),
        ("print('{}')", r"the renderer failed \(status 0\)"),
        ("raise ValueError('a defect')", r"the renderer failed \(status 1\): ValueError: a defect"),
        ("import os; os.kill(os.getpid(), 9)", r"the renderer failed \(status -9\)"),
        ('print(\'{"error": "phone.desk: no"}\'); raise SystemExit(1)', "phone.desk: no"),
    ],
)
async def test_a_renderer_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    package = tmp_path / "homeline/render"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "__main__.py").write_text(program)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(RenderError, match=words):
        await render(question(tmp_path))


async def test_without_jinja_it_is_known_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jinja2.py").write_text("raise ModuleNotFoundError(\"No module named 'jinja2'\", name='jinja2')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(NoRenderer, match="jinja2 is not installed"):
        await render(question(tmp_path))


async def test_one_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_process, "TIMEOUT", 0.01)
    with pytest.raises(RenderError, match=r"rendering took longer than 0\.01 s"):
        await render(question(tmp_path))


async def test_a_python_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RenderError, match="the renderer cannot be run: No such file"):
        await render(question(tmp_path))
