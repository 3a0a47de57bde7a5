"""A board that flies alone, emulated or virtual: nobody answers it, its chips measure nothing, its clock is exact."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from pathlib import Path

from dragonet.emulator.board import EmulatedBoard
from dragonet.flatsat import costs, holds
from dragonet.flatsat.canbus import Frame, to_send
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.world import CHANNELS
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.virtual_board import VirtualBoard

# as long as in a flight: where garbage is collected during the boot depends on it
_CONFIG = {
    "callsign": "N0CALL", "satellite": "NANODRAGON", "country": "VIETNAM", "frequency_hz": 437_365_000,
    "tx_power_dbm": 17, "battery_mah": 5200, "csp_version": 2,
}  # fmt: skip
SETTLED_US = 10_000_000  # by then the work of the boot is over
_SEED = 1
_ON_WIRE_US = 250  # a frame of 8 bytes at 500 kbit/s


def fly(
    folder: Path,
    role: str,
    until_us: int,
    found: Mapping[str, float] | None,
    *,
    powered_s: int | None = None,
    buses: Collection[int] = (0, 1),
) -> list[tuple[int, Frame]]:
    """Each frame that it sends on CAN A, with the moment in microseconds since it has power.

    folder: its memories. found: what takes time on a virtual board, in microseconds, in place of those of the table
    (flatsat/costs.py); None: the emulated one. powered_s: so long in orbit before (flatsat/holds.py); None: its FRAM
    as it is. buses: those on which its frames get out.
    """
    hub = Hub()
    clock = Clock(random.Random(_SEED), (0.0, 0.0), 0.0)
    if found is None:
        board = EmulatedBoard(hub, role, folder, _SEED, clock, _CONFIG)
    else:
        board = VirtualBoard(hub, role, folder, _SEED, clock, _CONFIG, "pins_unix_mcp2515")
        board.costs = costs.with_drivers({name: round(us) for name, us in found.items()})
    if powered_s is not None:
        holds.write(folder, powered_s)
    board.world = [0.0] * len(CHANNELS[role])
    sent: list[tuple[int, Frame]] = []

    def send(time_us: int, data: bytes) -> None:
        bus, slot, frame = to_send(data)
        if bus == 0:
            sent.append((time_us, frame))
        if bus in buses:
            done = bytes((bus, slot, True))
            hub.at(time_us + _ON_WIRE_US, lambda: board.post(hub.now_us, records.CAN_SENT, done))

    board.handlers[records.CAN_SEND] = send
    hub.parties.append(board)
    board.power_on()
    try:
        hub.run(until_us)
    finally:
        board.power_off()
    return sent
