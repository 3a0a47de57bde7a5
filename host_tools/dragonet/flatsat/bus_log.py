"""All that is overheard on the buses: the capture, the housekeeping log, and packets for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.flatsat.canbus import CanBus, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.housekeeping import Housekeeping
from dragonet.flatsat.i2cbus import I2cBus, Seen
from dragonet.flatsat.pcapng import Capture
from dragonet.ground.bus_packets import BusPackets

paths.use_firmware()

from core import ports  # noqa: E402

BUS_NAMES = ("CAN A", "CAN B")  # by number
I2C_NAME = "I2C"
_REPEAT_US = 500_000  # the same packet by another bus, or to another neighbour, within this time
OnPacket = Callable[[int, int, bytes, float], object]  # source, destination port, data, mission time s


class BusLog:
    """Writes bus.pcapng, and telemetry.csv through `housekeeping`. epoch_us: Unix time of mission time zero."""

    def __init__(
        self,
        out: Path,
        buses: dict[int, CanBus],
        epoch_us: int,
        housekeeping: Housekeeping,
        i2c: I2cBus | None = None,
        csp_version: int = 2,
    ) -> None:
        self.housekeeping = housekeeping
        self.packets = BusPackets(self._packet, csp_version)
        self._capture = Capture(out / "bus.pcapng", list(BUS_NAMES), epoch_us, () if i2c is None else (I2C_NAME,))
        self._several = i2c is not None  # ways that a broadcast goes at once
        self._recent: dict[tuple[int, int, int, bytes], int] = {}  # packets, and when they were seen first
        self._on_packet: list[OnPacket] = []
        for number, bus in buses.items():
            bus.listeners.append(lambda time_us, frame, number=number: self._frame(number, time_us, frame))
        if i2c is not None:
            i2c.listeners.append(self._transfer)

    def on_packet(self, function: OnPacket) -> None:
        """Call it for each whole CSP packet."""
        self._on_packet.append(function)

    def _frame(self, bus: int, time_us: int, frame: Frame) -> None:
        self._capture.frame(bus, time_us, frame)
        if frame.flags & (FLAG_EXT_ID | FLAG_RTR) == FLAG_EXT_ID:
            self.packets.frame(time_us, frame.identifier, frame.data)

    def _transfer(self, time_us: int, seen: Seen) -> None:
        """A packet in one I2C write."""
        self._capture.transfer(0, time_us, seen)
        if seen.acknowledged and not seen.reads:
            self.packets.whole(time_us, seen.data)

    def _again(self, time_us: int, packet: Any, data: bytes) -> bool:
        """A broadcast goes by CAN and by I2C, there once to each neighbour: it counts once."""
        self._recent = {one: at_us for one, at_us in self._recent.items() if time_us - at_us < _REPEAT_US}
        key = (packet.src, packet.dport, packet.sport, data)
        if key in self._recent:
            return True
        self._recent[key] = time_us
        return False

    def _packet(self, time_us: int, packet: Any, data: bytes) -> None:
        if self._several and self._again(time_us, packet, data):
            return
        if packet.dport == ports.HK:
            self.housekeeping.packet(time_us, packet.src, data)
        for function in self._on_packet:
            function(packet.src, packet.dport, data, time_us / 1e6)

    def close(self) -> None:
        self._capture.close()
        self.housekeeping.close()
