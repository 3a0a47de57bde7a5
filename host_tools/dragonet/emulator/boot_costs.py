"""What each role computes while it boots, measured on the emulated RP2040: work_boot_* of flatsat/costs.py.

At the prompt garbage is collected at other moments than in flight, 20 ms each. So each board flies alone, emulated and
virtual, and what the virtual one lacks between the event of the boot and the beat of its core is what it computes.
"""

from __future__ import annotations

import random
import statistics
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

from core import ports  # noqa: E402

ROLES = toolchain.ROLES
PREFIX = "work_boot_"
_FLIGHT_US = 6_000_000
_POWERED_S = 2800  # so long in orbit, as is tests/flatsat/test_emulated_twin.py
_SECOND_US = 1_000_000
_ON_WIRE_US = 250  # a frame of 8 bytes at 500 kbit/s
_CAN_SEND = struct.Struct("<BBIB")  # flatsat/devices/records.py


def measure(
    folder: Path, config: dict[str, Any], costs: dict[str, int], step: Callable[[str], None]
) -> dict[str, float]:
    """Microseconds for each role. costs: the table of boards beside an emulated one, as measured so far."""
    found: dict[str, float] = {}
    for role in ROLES:
        name = PREFIX + role
        step(name)
        took = boot_us(folder / f"{role}-emulated", role, config, None)
        found[name] = took - boot_us(folder / f"{role}-virtual", role, config, {**costs, name: 0})
    return found


def boot_us(folder: Path, role: str, config: dict[str, Any], costs: dict[str, int] | None) -> float:
    """From the event of the boot to the beat of the core that runs then. costs: of a virtual board; None: emulated."""
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
    reader = BusPackets(lambda at_us, packet, data: sent.setdefault(packet.dport, []).append(at_us))

    def send(time_us: int, data: bytes) -> None:
        if data[0] == 0:
            reader.frame(time_us, _CAN_SEND.unpack_from(data)[2], data[_CAN_SEND.size :])
        hub.at(time_us + _ON_WIRE_US, lambda: board.post(hub.now_us, records.CAN_SENT, bytes((data[0], data[1], 1))))

    board.handlers[records.CAN_SEND] = send
    hub.parties.append(board)
    board.power_on()
    try:
        hub.run(_FLIGHT_US)
    finally:
        board.power_off()
    if ports.EVENT not in sent or len(sent.get(ports.HEARTBEAT, ())) < 4:
        raise UserError(f"{folder.name}: the board did not boot, see {folder}")
    _, *beats = sent[ports.HEARTBEAT]
    beat = statistics.median(at_us - k * _SECOND_US for k, at_us in enumerate(beats, 1))  # the first waits for its hash
    return beat - sent[ports.EVENT][0]
