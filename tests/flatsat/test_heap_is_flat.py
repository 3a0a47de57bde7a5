"""Each board's heap after a collection stays where it is, hour after hour, while it hears others and answers them.

The board flies alone in virtual time, on the 32-bit port, its code in ROMFS (tests/benchmarks/memory_board.py).
DRAGONET_HEAP_HOURS=168 flies a week of each, which takes minutes; `make campaign` does.
"""

import os
import sys

import pytest

from dragonet import paths, toolchain

sys.path.append(str(paths.REPO / "tests" / "benchmarks"))
import memory  # pyright: ignore[reportMissingImports]

HOURS = int(os.environ.get("DRAGONET_HEAP_HOURS", "3"))
WARM_UP_HOURS = 1  # by then every service has done once what it does
SLACK_BYTES = 1024  # a collection takes for an object what a register or the stack happens to hold
ROUNDS_AN_HOUR = 60  # of six questions that are answered


@pytest.mark.parametrize("role", toolchain.ROLES)
def test_the_heap_of_a_board_is_flat(role: str) -> None:
    flown = memory.heap_of(role, HOURS, limit_s=60 * HOURS + 300)
    assert flown.get("failed") is None and flown["faults"] == 0
    assert flown["commands"] > 6 * ROUNDS_AN_HOUR * HOURS * 0.9
    assert max(flown["heard"]) < 100
    hourly = flown["hourly"]
    assert len(hourly) == HOURS + 1
    settled = hourly[WARM_UP_HOURS:]
    assert max(settled) - min(settled) <= SLACK_BYTES, settled
