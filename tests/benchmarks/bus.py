"""What the message bus costs: from recv() to the delivered packet, allocation, CRC, memory.

python tests/benchmarks/bus.py [--json]: measures on the MicroPython that the tests use (MICROPYTHON=/path overrides).
Times are of the unix port on this machine; the allocation count holds for any 64-bit port. Exit code 1 when
something was allocated on the packet path.
"""

import json
import subprocess
import sys

from dragonet import micropython, paths

ROWS = ("driver", "receive", "receive, no data", "ping answered", "forward")


def measured() -> dict:
    board = paths.REPO / "tests" / "benchmarks" / "bus_board.py"
    command = [micropython.find(), "-X", "heapsize=16M", str(board), str(paths.FIRMWARE)]
    run = subprocess.run(
        [*command, str(paths.REPO / "tests" / "unit")], capture_output=True, text=True, check=False, timeout=300
    )
    if run.returncode != 0:
        sys.exit(f"the measurement failed:\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def table(figures: dict) -> str:
    lines = [f"{'':18} {'':4} {'frames':>6} {'us/packet':>10} {'us/frame':>9} {'bytes allocated':>16}"]
    for version in ("v1", "v2"):
        for name in ROWS:
            figure = figures[version][name]
            lines.append(
                f"{name:18} {version:4} {figure['frames']:6d} {figure['us']:10.1f} {figure['us_per_frame']:9.2f} "
                f"{figure['allocated']:16d}"
            )
    crc = figures["crc"]
    lines.append(f"CRC-32C: viper {crc['viper_ns_per_byte']:.1f} ns a byte, plain {crc['plain_ns_per_byte']:.0f}")
    lines.append(
        f"data of a node with 10 buffers: {figures['node_bytes']} bytes, with 8 connections "
        f"{figures['node_and_connections_bytes']} ({8 * figures['pointer_bytes']}-bit port)"
    )
    return "\n".join(lines)


def main() -> int:
    figures = measured()
    print(json.dumps(figures) if "--json" in sys.argv[1:] else table(figures))
    return 1 if any(f["allocated"] for version in ("v1", "v2") for f in figures[version].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
