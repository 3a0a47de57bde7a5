"""Hard interrupts of the MCP2515s come between any two bytecodes of the program: no frame is lost or told twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

from dragonet import paths

_UNIT = paths.REPO / "tests" / "unit"
_FOLDERS = (_UNIT / "cpython", _UNIT, paths.VIRTUAL_BOARD, paths.CPYTHON_STAND_INS, paths.FIRMWARE, paths.HOST_TOOLS)
_STRIDE = 1500  # bytecodes between two frames: more often than any bus brings them, and the driver keeps up
_STEP = 31  # every 31st of the points; 1 takes them all


def test_no_point_of_the_program_loses_a_frame() -> None:
    script = Path(__file__).with_name("interrupt_points.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _FOLDERS))}
    command = [sys.executable, str(script), str(_STRIDE), "3", str(_STEP)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["flown"] == 49 and said["frames"] > 5_000
