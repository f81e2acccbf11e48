"""The process for Twilio: its answer, how far it is meanwhile, and whatever else it may do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from homeline.adapters.twilio_process import TwilioProcess
from homeline.errors import HomelineError
from homeline.twilio.shapes import Question, What

SECRET = "correct-horse-battery"
QUESTION = Question(What.PLAN, "config homeline 'main'\n", f"config twilio 'twilio'\n\toption api_secret '{SECRET}'\n")
ANSWER = {"steps": [], "advice": [], "results": {"made": [], "options": {}, "secrets": {}}}


def python(folder: Path, text: str) -> TwilioProcess:
    """A process that runs this instead of ours. `read` is its question, `say` prints a line."""
    script = folder / "stand_in.py"
    head = "import json, os, sys\nread = json.load(sys.stdin)\ndef say(it): print(json.dumps(it), flush=True)\n"
    script.write_text(head + text)
    return TwilioProcess([sys.executable, str(script)])


async def test_the_question_goes_by_standard_input_alone(tmp_path: Path) -> None:
    text = f"say({ANSWER!r} | {{'advice': [json.dumps(read), ' '.join(sys.argv), str(dict(os.environ))]}})"
    answer = await python(tmp_path, text).ask(QUESTION)
    asked, argv, environment = answer["advice"]
    assert Question.from_json(json.loads(asked)) == QUESTION
    assert SECRET in asked
    assert SECRET not in argv + environment


async def test_how_far_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "here")
    os.mkfifo(tmp_path / "gate")
    text = f"""
say({{"step": "one", "done": 1, "of": 3}})
say({{"step": "two", "done": 2, "of": 3}})
print('{{"step": "thr', end="", flush=True)
open({str(tmp_path / "here")!r}, "w").close()
open({str(tmp_path / "gate")!r}).read()
print('ee", "done": 3, "of": 3}}')
say({ANSWER!r})
"""
    process = python(tmp_path, text)
    assert process.progress() == {}
    asking = asyncio.ensure_future(process.ask(QUESTION))
    await asyncio.to_thread((tmp_path / "here").read_text)
    assert process.progress() == {"step": "two", "done": 2, "of": 3}
    await asyncio.to_thread((tmp_path / "gate").write_text, "")
    assert await asking == ANSWER
    assert process.progress() == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "status 0"),
        ("print('nonsense')", "status 0"),
        ("say([])", "status 0"),
        ("say({'steps': []})", "status 0"),
        ("say({'steps': {}, 'results': {}})", "status 0"),
        ("sys.exit('it has no library')", "it has no library"),
        ("os.kill(os.getpid(), 9)", "status -9"),
        ("print('x' * (17 << 20))", "too long"),
    ],
)
async def test_an_end_without_an_answer(tmp_path: Path, text: str, words: str) -> None:
    process = python(tmp_path, text)
    with pytest.raises(HomelineError, match=words) as failed:
        await process.ask(QUESTION)
    assert SECRET not in str(failed.value)
    assert process.progress() == {}


async def test_an_answer_counts_whatever_the_status(tmp_path: Path) -> None:
    text = f"say({ANSWER!r} | {{'error': {{'text': 'no', 'code': 20003, 'step': ''}}}})\nsys.exit(1)"
    assert (await python(tmp_path, text).ask(QUESTION))["error"]["code"] == 20003


@pytest.mark.parametrize("lines", ["[]", "{}", '{"step": 1}', '{"step": "", "done": "x", "of": 1}', "\\xff"])
async def test_odd_lines_of_progress(tmp_path: Path, lines: str) -> None:
    os.mkfifo(tmp_path / "here")
    text = f"print({lines!r}, flush=True)\nopen({str(tmp_path / 'here')!r}, 'w').close()\nsay({ANSWER!r})"
    process = python(tmp_path, text)
    asking = asyncio.ensure_future(process.ask(QUESTION))
    await asyncio.to_thread((tmp_path / "here").read_text)
    assert process.progress() == {}
    await asking


async def test_one_that_never_ends_is_ended(tmp_path: Path) -> None:
    process = python(tmp_path, "import signal\nsignal.pause()")
    with pytest.raises(HomelineError, match="not done within"):
        await process.ask(QUESTION, timeout=1)
    asking = asyncio.ensure_future(process.ask(QUESTION))
    await asyncio.sleep(0)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    assert process.progress() == {}


async def test_one_that_cannot_be_run() -> None:
    with pytest.raises(HomelineError, match="cannot be run"):
        await TwilioProcess(["/nonexistent"]).ask(QUESTION)
