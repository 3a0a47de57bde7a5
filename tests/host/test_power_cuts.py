"""Power cut before, within and after each program, erase and FRAM write of every scenario in tests/cuts, on MicroPython
with real littlefs: unit/power_cuts.py is the harness. A scenario prints how many cuts it survived, and nothing else.
"""

import subprocess

import pytest

from dragonet import micropython, paths

_SCENARIOS = sorted((paths.REPO / "tests" / "cuts").glob("*.py"))
_FOLDERS = (paths.VIRTUAL_BOARD, paths.FIRMWARE, paths.HOST_TOOLS, paths.BOARDS / "eps", paths.REPO / "tests" / "unit")
_START = """
import sys
sys.path[:] = [{first!r}, ".frozen", {rest}]
import prepare_unit
exec(open({script!r}).read(), {{"__name__": "__main__"}})
"""


def test_there_are_scenarios() -> None:
    assert _SCENARIOS


@pytest.mark.parametrize("script", _SCENARIOS, ids=lambda script: script.stem)
def test_nothing_acknowledged_is_lost_and_nothing_half_written_is_believed(script) -> None:
    folders = [str(folder) for folder in (*_FOLDERS[1:], paths.REPO / "tests" / "unit" / "micropython")]
    code = _START.format(first=str(_FOLDERS[0]), rest=", ".join(map(repr, folders)), script=str(script))
    command = [micropython.find(), "-X", "heapsize=16M", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 0 and len(lines) == 1 and lines[0].isdigit(), run.stdout[-3000:] + run.stderr[-3000:]
    print(f"{script.stem}: {lines[-1]} cuts")
    assert int(lines[-1]) > 100
