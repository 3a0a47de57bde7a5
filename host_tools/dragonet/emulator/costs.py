"""The table of the virtual boards, flatsat/costs.py: what takes time on an RP2040, measured on the emulated one.

At the prompt where a script can time it (emulator/prompt_costs.py), else in flight (frame_costs.py, boot_costs.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dragonet.emulator import boot_costs, frame_costs, prompt_costs
from dragonet.errors import UserError
from dragonet.flatsat import costs as table

TABLE = Path(table.__file__)
# The rp2 port has no machine.CAN, the emulator not the bus side of an I2CTarget: these stay estimates.
ESTIMATED = ("can_send", "can_receive", "i2c_target_byte")


def measure(folder: Path, step: Callable[[str], None] = lambda name: None) -> dict[str, float]:
    """Every cost in microseconds but the ESTIMATED. folder: for files, may stay. step(name): what comes now."""
    found = prompt_costs.measure(folder, step)
    found |= frame_costs.measure(folder, found, step)
    return found | boot_costs.measure(folder, found, step)


def write(found: dict[str, float], path: Path = TABLE) -> dict[str, tuple[int, int]]:
    """Put the figures into the table, whole microseconds, at least 1. The changes: name -> (before, after)."""
    text = path.read_text()
    changes: dict[str, tuple[int, int]] = {}
    for name, value in found.items():
        number = re.compile(rf'("{name}": )([\d_]+)')
        match = number.search(text)
        if match is None:
            raise UserError(f"{path}: no cost named {name}")
        before, after = int(match[2]), max(1, round(value))
        if after != before:
            changes[name] = (before, after)
            text = number.sub(rf"\g<1>{after:_}" if after > 9999 else rf"\g<1>{after}", text)
    path.write_text(text)
    return changes
