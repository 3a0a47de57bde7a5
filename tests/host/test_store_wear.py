"""What housekeeping wears of the flash: erases counted on littlefs for days of packets, computed for two years.

The flash is a Pico's file system, 160 blocks of 4 kB of a W25Q16JV: 100,000 erases a block (data sheet, "Features").
"""

import json
import subprocess

import pytest

from dragonet import micropython, paths

UNIT = paths.REPO / "tests" / "unit"
FOLDERS = (paths.VIRTUAL_BOARD, paths.FIRMWARE, paths.HOST_TOOLS, UNIT, UNIT / "micropython")
ENDURANCE = 100_000
TWO_YEARS_D = 730
DAYS = 4  # the log was replaced several times by then
PACKET = 150  # bytes, the largest housekeeping

_RUN = """
import sys
sys.path[:] = [{first!r}, ".frozen", {rest}]
import prepare_unit
import json
import vfs
import power_cuts
from file_world import World

cells = bytearray(bytes((0xFF,)) * ({blocks} * power_cuts.BLOCK))
flash = power_cuts.Flash(power_cuts.Power(), cells)
vfs.VfsLfs2.mkfs(flash)
vfs.mount(vfs.VfsLfs2(flash, mtime=False), "/flash")
with open("/flash/full", "wb") as file:
    for _ in range({full}):
        file.write(bytes(power_cuts.BLOCK))
world = World(None, "/flash")
for k in range(flash.blocks):
    flash.erases[k] = 0
packet = memoryview(bytearray({packet}))
for minute in range({days} * 1440):
    packet[0] = minute & 0xFF
    world.board.store.keep(packet)
    world.board.clock.seconds += 60
store = world.board.store
print(json.dumps([flash.erases, store.flushes, store.lost, store.errors]))
"""


def erases(full: int) -> list[int]:
    """By block, in DAYS, on a file system that holds a file of `full` blocks."""
    code = _RUN.format(
        first=str(FOLDERS[0]), rest=", ".join(repr(str(folder)) for folder in FOLDERS[1:]), blocks=160, full=full,
        packet=PACKET, days=DAYS,
    )  # fmt: skip
    command = [micropython.find(), "-X", "heapsize=16M", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    by_block, flushes, lost, errors = json.loads(run.stdout.splitlines()[-1])
    assert (flushes, lost, errors) == (DAYS * 144, 0, 0)
    return by_block


@pytest.mark.parametrize("full", [0, 80])
def test_two_years_of_housekeeping_are_far_below_the_flash_s_endurance(full: int) -> None:
    by_block = erases(full)
    used = [count for count in by_block if count]
    total = sum(by_block)
    worst = max(by_block) * TWO_YEARS_D / DAYS
    even = total * TWO_YEARS_D / DAYS / (len(by_block) - full)
    print(f"{full} blocks full: {total / DAYS:.0f} erases a day; in two years {even:.0f} a block if even, "
          f"{worst:.0f} at the worst of {len(used)} blocks")  # fmt: skip
    assert total / DAYS < 1000
    assert worst < ENDURANCE / 10
