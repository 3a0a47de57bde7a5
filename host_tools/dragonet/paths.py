"""Where things lie in the checkout. Dragonet runs from its checkout: flight code and boards are not in the wheel."""

import sys
import time
from pathlib import Path

from dragonet.errors import UserError


def _checkout() -> Path:
    root = Path(__file__).resolve().parents[2]
    if not (root / "firmware").is_dir() or not (root / "boards").is_dir():
        raise UserError(f"{root} is no Dragonet checkout (no firmware/, boards/): git clone one, use its 'make setup'")
    return root


REPO = _checkout()
FIRMWARE = REPO / "firmware"
BOARDS = REPO / "boards"
HOST_TOOLS = REPO / "host_tools"
VIRTUAL_BOARD = BOARDS / "unix" / "lib"
# What CPython lacks of MicroPython's library, so that plain flight modules (tables, codecs) import in host tools.
CPYTHON_STAND_INS = HOST_TOOLS / "dragonet" / "cpython"


TICKS_PERIOD = 1 << 30  # of the flight code's clocks: milliseconds and microseconds begin anew


def use_firmware() -> None:
    """Make flight modules (`csp`, `core`, ...) importable in this process; only tables and codecs belong here."""
    for folder in (FIRMWARE, CPYTHON_STAND_INS):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    if not hasattr(time, "ticks_diff"):
        half = TICKS_PERIOD // 2
        time.ticks_diff = lambda end, start: (end - start + half) % TICKS_PERIOD - half  # pyright: ignore[reportAttributeAccessIssue]
