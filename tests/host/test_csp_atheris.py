"""Coverage-guided fuzzing (atheris) of every way by which CSP packets come in finds nothing.

DRAGONET_FUZZ_RUNS: inputs for each way (default 2,000, a few seconds; make campaign runs 300,000).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragonet import paths

RUNS = int(os.environ.get("DRAGONET_FUZZ_RUNS", "2000"))
SEED = int(os.environ.get("DRAGONET_FUZZ_SEED", "1"))
FUZZ = Path(__file__).with_name("csp_atheris.py")
PYTHONPATH = os.pathsep.join(
    map(str, (paths.HOST_TOOLS, paths.FIRMWARE, paths.CPYTHON_STAND_INS, Path(__file__).parents[1]))
)


def fuzz(target: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FUZZ), target, f"-runs={RUNS}", f"-seed={SEED}", "-max_len=600", "-len_control=0"]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    return subprocess.run([*command, *options], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["cfp1", "cfp2", "kiss", "i2c"])
def test_guided_inputs_find_nothing(target: str, tmp_path: Path) -> None:
    print(f"seed {SEED}, {RUNS} runs; what breaks is left in {tmp_path}")
    done = fuzz(target, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr and list(tmp_path.iterdir()) == []
