"""What the interrupts of a CAN frame take until the next one is sent, measured on the emulated RP2040: work_can_sent_*
of flatsat/costs.py.

At the prompt it is not seen. So each board flies alone, emulated and virtual, until the frames of a packet of
housekeeping follow each other alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

from dragonet.emulator import alone
from dragonet.errors import UserError
from dragonet.flatsat.costs import COSTS
from dragonet.toolchain import ROLES

_FLIGHT_US = 41_000_000  # housekeeping each 20 s; the first packet meets the work of the boot
_SAME_PACKET_US = 10_000  # its frames are closer
_STEP_US = 100
_SECANTS = 4


def measure(folder: Path, known: Mapping[str, float], step: Callable[[str], None]) -> dict[str, float]:
    """Microseconds by the name of the cost. known: the others, as measured so far."""
    found: dict[str, float] = {}
    for role in ROLES:
        name = f"work_can_sent_{role}"
        step(name)
        found[name] = _cost(folder, role, name, {**known, **found})
    return found


def _cost(folder: Path, role: str, name: str, known: Mapping[str, float]) -> float:
    """By the time between the frames: the cost with which it is the emulated board's, looked for along secants."""

    def virtual(cost: float) -> float:
        return _interval(folder / f"{role}{cost:.0f}", role, {**known, name: cost})

    wanted = _interval(folder / f"{role}-emulated", role, None)
    cost = float(COSTS[name])
    other = cost + _STEP_US
    took, other_took = virtual(cost), virtual(other)
    for _ in range(_SECANTS):
        each = (took - other_took) / (cost - other)
        if each < 0.3:
            raise UserError(f"frames of a virtual board do not wait for its work: {took:.0f} us at {cost:.0f} us")
        other, other_took = cost, took
        cost += (wanted - took) / each
        if abs(cost - other) < 1:
            break
        took = virtual(cost)
    return cost


def _interval(folder: Path, role: str, found: Mapping[str, float] | None) -> float:
    """Microseconds between the frames of a packet of housekeeping; of CAN B nothing gets out. found: as alone.fly()."""
    times = [at_us for at_us, _ in alone.fly(folder, role, _FLIGHT_US, found, buses=(0,))]
    gaps = [late - early for early, late in zip(times, times[1:], strict=False) if early > alone.SETTLED_US]
    near = [gap for gap in gaps if gap < _SAME_PACKET_US]
    if len(near) < 10:
        raise UserError(f"{folder.name}: the board sent no housekeeping, see {folder}")
    return statistics.median(near)
