"""How fast the flatsat flies: six hours of nanodragon, the whole command, three times. `make bench`.

Prints each run and the median; exit code 1 when the median is over the limit.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOURS = 6
RUNS = 3
LIMIT_S = 60.0  # wall time for six hours, three boards running, on two cores


def fly(folder: Path) -> tuple[float, float]:
    """(wall s, processor s of the command and its boards)."""
    command = [str(Path(sys.executable).with_name("dragonet")), "fly", "--scenario", "nanodragon"]
    before, start = os.times(), time.perf_counter()
    run = subprocess.run(
        [*command, "--hours", str(HOURS), "--out", str(folder)], capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - start, os.times()
    if run.returncode != 0:
        sys.exit(f"the flight failed:\n{run.stderr}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> int:
    walls = []
    for number in range(1, RUNS + 1):
        with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as folder:
            wall, used = fly(Path(folder))
        walls.append(wall)
        speed = HOURS * 3600 / wall
        print(f"run {number}: {wall:.1f} s wall, {used:.1f} s processor, {speed:.0f} times real time", flush=True)
    median = statistics.median(walls)
    print(f"{HOURS} h of mission in {median:.1f} s (median of {RUNS}; limit {LIMIT_S:.0f} s) on {os.cpu_count()} cores")
    return 0 if median <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
