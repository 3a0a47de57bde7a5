"""What takes other times in flight than at the prompt, measured on the emulated RP2040: work_boot_*, work_time_*,
work_hk and work_second of flatsat/costs.py.

In flight garbage is collected at other moments, 20 ms each, and room on the heap is found later than after a boot. So
each board flies alone, emulated and virtual. What the virtual one lacks between the event of the boot and the moment
at which its time begins, and from there to the beat of its core, is what it computes while it boots; what it lacks
between a beat and the housekeeping that follows is, as the mean of the roles, what housekeeping computes; and so is
what lies between a beat and a question for the time.
"""

from __future__ import annotations

import statistics
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.emulator import alone
from dragonet.errors import UserError
from dragonet.ground.bus_packets import BusPackets
from dragonet.toolchain import ROLES

paths.use_firmware()

from core import ports, time_commands  # noqa: E402
from csp import cfp2  # noqa: E402

_BEFORE_TIME, _AFTER_TIME = "work_time_", "work_boot_"  # and the role
_HOUSEKEEPING, _SECOND = "work_hk", "work_second"
_FLIGHT_US = 42_000_000  # housekeeping each 20 s
_POWERED_S = 2800  # so long in orbit, as is tests/flatsat/test_emulated_twin.py
_SECOND_US = 1_000_000


def measure(folder: Path, known: Mapping[str, float], step: Callable[[str], None]) -> dict[str, float]:
    """Microseconds by the name of the cost. known: the others, as measured so far."""
    found: dict[str, float] = {}
    packed: list[float] = []
    asked: list[float] = []
    for role in ROLES:
        before, after = _BEFORE_TIME + role, _AFTER_TIME + role
        step(before)
        flown = _fly(folder / f"boot-{role}-emulated", role, None)
        step(after)
        own = _fly(folder / f"boot-{role}-virtual", role, {**known, before: 0, after: 0, _HOUSEKEEPING: 0, _SECOND: 0})
        found[before] = flown.time_us - own.time_us
        found[after] = flown.beat_us - own.beat_us - found[before]
        packed.append(flown.housekeeping_us - own.housekeeping_us)
        asked.append(flown.asked_us - own.asked_us)
    for name, each in ((_HOUSEKEEPING, packed), (_SECOND, asked)):
        step(name)
        found[name] = statistics.mean(each)
    return found


class _Flown(NamedTuple):
    """Microseconds from the event of the boot to where the board's time begins and to the beat of the core that runs
    then, and from a beat to housekeeping and to a packet of time."""

    time_us: float
    beat_us: float
    housekeeping_us: float
    asked_us: float


def _fly(folder: Path, role: str, found: Mapping[str, float] | None) -> _Flown:
    """found: as alone.fly()."""
    sent: dict[int, list[int]] = {}
    times_us: list[int] = []
    began_us = 0

    def whole(_: int, packet: Any, data: bytes) -> None:
        sent.setdefault(packet.dport, []).append(began_us)
        if packet.dport == ports.TIME:
            seconds, us = struct.unpack(time_commands.EXCHANGE, data)[4:6]
            times_us.append(began_us - seconds * _SECOND_US - us)

    reader = BusPackets(whole)
    for at_us, frame in alone.fly(folder, role, _FLIGHT_US, found, powered_s=_POWERED_S):
        if frame.identifier & cfp2._BEGIN:
            began_us = at_us
        reader.frame(at_us, frame.identifier, frame.data)
    if ports.EVENT not in sent or not times_us or len(sent.get(ports.HK, ())) < 3:
        raise UserError(f"{folder.name}: the board did not boot, see {folder}")
    _, *beats = sent[ports.HEARTBEAT]  # the first waits for its hash
    beat = statistics.median(at_us - k * _SECOND_US for k, at_us in enumerate(beats, 1))

    def late(port: int, from_us: int) -> list[int]:
        return [at_us - max(one for one in beats if one < at_us) for at_us in sent[port] if at_us > from_us]

    booted_us = sent[ports.EVENT][0]
    return _Flown(
        times_us[0] - booted_us,
        beat - booted_us,
        statistics.mean(late(ports.HK, alone.SETTLED_US)),
        statistics.median(late(ports.TIME, beats[0])),
    )
