"""All of test_mqtt.py once more, with the paho-mqtt that routers have: another major version, with other callbacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeline_lab import paho_get
from homeline_lab.mosquitto import PROGRAM

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")
def test_the_connection_with_the_paho_of_routers() -> None:
    folder = paho_get.find()
    if folder is None:
        pytest.skip(f"paho-mqtt {paho_get.VERSION} is not in the cache: python -m homeline_lab.paho_get")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    program = (
        "import paho.mqtt as p, pytest, sys; assert p.__version__ == sys.argv[1]; sys.exit(pytest.main(sys.argv[2:]))"
    )
    command = [sys.executable, "-c", program, paho_get.VERSION, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/adapters/test_mqtt.py"], cwd=REPOSITORY, env=environment, capture_output=True, timeout=280
    )
    assert done.returncode == 0, done.stdout.decode()[-5000:]
