"""What takes other times in flight than at the prompt, measured on the emulated RP2040: work_boot_*, work_time_*,
work_hk and work_second of flatsat/costs.py.

In flight garbage is collected at other moments, 20 ms each, and room on the heap is found later than after a boot. So
each board flies alone, emulated and virtual. What the virtual one lacks between the event of the boot and the moment
at which its time begins, and from there to the beat of its core, is what it computes while it boots; what it lacks
between a beat and the housekeeping that follows is, as the mean of the roles, what housekeeping computes; and so is
what lies between a beat and a question for the time.
"""

from __future__ import annotations

import random
import statistics
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dragonet import paths, toolchain
from dragonet.emulator.board import EmulatedBoard
from dragonet.errors import UserError
from dragonet.flatsat import holds
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.world import CHANNELS
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.virtual_board import VirtualBoard
from dragonet.ground.bus_packets import BusPackets

paths.use_firmware()

from core import ports, time_commands  # noqa: E402

ROLES = toolchain.ROLES
PREFIXES = BEFORE_TIME, AFTER_TIME = "work_time_", "work_boot_"
HOUSEKEEPING = "work_hk"
SECOND = "work_second"
_FLIGHT_US = 42_000_000  # housekeeping each 20 s
_SETTLED_US = 10_000_000
_POWERED_S = 2800  # so long in orbit, as is tests/flatsat/test_emulated_twin.py
_SECOND_US = 1_000_000
_ON_WIRE_US = 250  # a frame of 8 bytes at 500 kbit/s
_BEGINS = 2  # in the identifier of a packet's first frame: firmware/csp/cfp2.py
_CAN_SEND = struct.Struct("<BBIB")  # flatsat/devices/records.py


def measure(
    folder: Path, config: dict[str, Any], costs: dict[str, int], step: Callable[[str], None]
) -> dict[str, float]:
    """Microseconds by the name of the cost. costs: the table of boards beside an emulated one, as measured so far."""
    found: dict[str, float] = {}
    packed: list[float] = []
    asked: list[float] = []
    for role in ROLES:
        before, after = (prefix + role for prefix in PREFIXES)
        step(after)
        flown = fly(folder / f"{role}-emulated", role, config, None)
        own = fly(folder / f"{role}-virtual", role, config, {**costs, before: 0, after: 0, HOUSEKEEPING: 0, SECOND: 0})
        found[before] = flown.time_us - own.time_us
        found[after] = flown.beat_us - own.beat_us - found[before]
        packed.append(flown.housekeeping_us - own.housekeeping_us)
        asked.append(flown.asked_us - own.asked_us)
    step(HOUSEKEEPING)
    found[HOUSEKEEPING] = statistics.mean(packed)
    found[SECOND] = statistics.mean(asked)
    return found


class Flown(NamedTuple):
    """Microseconds from the event of the boot to where the board's time begins and to the beat of the core that runs
    then, and from a beat to housekeeping and to a packet of time."""

    time_us: float
    beat_us: float
    housekeeping_us: float
    asked_us: float


def fly(folder: Path, role: str, config: dict[str, Any], costs: dict[str, int] | None) -> Flown:
    """costs: of a virtual board; None: emulated."""
    hub = Hub()
    clock = Clock(random.Random(1), (0.0, 0.0), 0.0)
    if costs is None:
        board = EmulatedBoard(hub, role, folder, 1, clock, config)
    else:
        board = VirtualBoard(hub, role, folder, 1, clock, config, "pins_unix_mcp2515")
        board.costs = costs
    holds.write(folder, _POWERED_S)
    board.world = [0.0] * len(CHANNELS[role])
    sent: dict[int, list[int]] = {}
    times_us: list[int] = []
    began_us = 0

    def whole(_: int, packet: Any, data: bytes) -> None:
        sent.setdefault(packet.dport, []).append(began_us)
        if packet.dport == ports.TIME:
            seconds, us = struct.unpack(time_commands.EXCHANGE, data)[4:6]
            times_us.append(began_us - seconds * _SECOND_US - us)

    reader = BusPackets(whole)

    def send(time_us: int, data: bytes) -> None:
        nonlocal began_us
        if data[0] == 0:
            identifier = _CAN_SEND.unpack_from(data)[2]
            if identifier & _BEGINS:
                began_us = time_us
            reader.frame(time_us, identifier, data[_CAN_SEND.size :])
        hub.at(time_us + _ON_WIRE_US, lambda: board.post(hub.now_us, records.CAN_SENT, bytes((data[0], data[1], 1))))

    board.handlers[records.CAN_SEND] = send
    hub.parties.append(board)
    board.power_on()
    try:
        hub.run(_FLIGHT_US)
    finally:
        board.power_off()
    if ports.EVENT not in sent or not times_us or len(sent.get(ports.HK, ())) < 3:
        raise UserError(f"{folder.name}: the board did not boot, see {folder}")
    _, *beats = sent[ports.HEARTBEAT]  # the first waits for its hash
    beat = statistics.median(at_us - k * _SECOND_US for k, at_us in enumerate(beats, 1))

    def late(port: int, from_us: int) -> list[int]:
        return [at_us - max(one for one in beats if one < at_us) for at_us in sent[port] if at_us > from_us]

    booted_us = sent[ports.EVENT][0]
    return Flown(
        times_us[0] - booted_us,
        beat - booted_us,
        statistics.mean(late(ports.HK, _SETTLED_US)),
        statistics.median(late(ports.TIME, beats[0])),
    )
