"""The process itself: what goes in and comes out, and that it loads no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from homeline.twilio.shapes import Answer, Do, Failure, Question, Results, Step, What
from twilio_kit import MAIN, SECRET, SECRETS, Rig

SRC = Path(__file__).parents[2] / "src"


def run(asked: object, *, text: str = "") -> tuple[int, list[dict[str, Any]], str]:
    data = text or json.dumps(asked)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC), "TWILIO_REGION": "evil", "TWILIO_EDGE": "evil"}
    done = subprocess.run(
        [sys.executable, "-s", "-m", "homeline.twilio"],
        input=data,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_apply_tells_how_far_it_is_and_ends_with_the_answer(rig: Rig) -> None:
    question = Question(What.APPLY, MAIN, SECRETS, base=rig.server.url).to_json()
    status, lines, errors = run(question)
    assert (status, errors) == (0, "") and not rig.server.wrong
    *progress, answer = lines
    assert [line["done"] for line in progress] == list(range(len(progress))) and progress[0]["of"] == len(progress)
    assert set(answer) == {"steps", "advice", "results"}
    assert set(answer["results"]) == {"made", "options", "secrets"}
    assert SECRET not in json.dumps(lines)


def test_a_failure_is_told_and_the_exit_code_says_it(rig: Rig) -> None:
    status, lines, errors = run(
        Question(What.PLAN, MAIN, SECRETS.replace(SECRET, "w" * 20), base=rig.server.url).to_json()
    )
    assert status == 1 and errors == "" and lines[-1]["error"]["code"] == 20003
    assert "w" * 20 not in json.dumps(lines)


@pytest.mark.parametrize("text", ["", "x", "[]", "5", "{}", '{"what": "spend", "main": ""}', '{"what": "plan"}', "\0"])
def test_what_is_no_question(text: str) -> None:
    status, lines, errors = run(None, text=text or " ")
    assert status == 1 and errors == "" and "question" in lines[-1]["error"]["text"]


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("config", "cannot be read"),
        ("", "account_sid"),
        (MAIN.replace("api_key", "api_kex"), "api_key"),
    ],
)
def test_a_configuration_that_cannot_be_used(main: str, words: str) -> None:
    status, lines, errors = run(Question(What.PLAN, main, SECRETS).to_json())
    assert status == 1 and errors == "" and words in lines[-1]["error"]["text"]


@pytest.mark.parametrize(
    "base", ["http://93.184.216.34:80", "http://localhost:1", "x", "http://127.0.0.1.evil.example"]
)
def test_the_key_goes_to_no_other_machine(base: str) -> None:
    status, lines, _ = run(Question(What.PLAN, MAIN, SECRETS, base=base).to_json())
    assert status == 1 and "this machine" in lines[-1]["error"]["text"]


LOADED = """
import sys, json
from homeline.twilio import library
from homeline.twilio.kinds import KINDS
for kind in KINDS:
    kind.where and library.resource(kind.where)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_nothing_that_the_library_does_not_need_here_is_loaded() -> None:
    """The package for routers has neither requests nor aiohttp: the library must do without, and leave no stand-in."""
    done = subprocess.run(
        [sys.executable, "-s", "-c", LOADED],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert "twilio" in loaded
    assert not loaded & {"requests", "urllib3", "aiohttp", "jwt", "certifi", "idna", "charset_normalizer"}


def test_shapes_go_there_and_back() -> None:
    question = Question(What.APPLY, "a", "b", True, "93.184.216.34", "c")
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question
    assert "'b'" not in repr(question)
    answer = Answer([Step(Do.CHANGE, "sip_domain", "a", "SD", {"secure": ("false", "true")})], ["x"], Results(["a=b"]))
    assert answer.to_json()["steps"][0]["changes"] == {"secure": ["false", "true"]} and "error" not in answer.to_json()
    answer.error = Failure("it", 5, "step")
    assert answer.to_json()["error"] == {"text": "it", "code": 5, "step": "step"}
