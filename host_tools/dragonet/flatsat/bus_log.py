"""All that is overheard on the buses: the capture, the housekeeping log, and packets for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.flatsat.canbus import CanBus, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.housekeeping import Housekeeping
from dragonet.flatsat.pcapng import Capture
from dragonet.ground.bus_packets import BusPackets

paths.use_firmware()

from core import ports  # noqa: E402

BUS_NAMES = ("CAN A", "CAN B")  # by number
OnPacket = Callable[[int, int, bytes, float], object]  # source, destination port, data, mission time s


class BusLog:
    """Writes bus.pcapng, and telemetry.csv through `housekeeping`. epoch_us: Unix time of mission time zero."""

    def __init__(self, out: Path, buses: dict[int, CanBus], epoch_us: int, housekeeping: Housekeeping) -> None:
        self.housekeeping = housekeeping
        self.packets = BusPackets(self._packet)
        self._capture = Capture(out / "bus.pcapng", list(BUS_NAMES), epoch_us)
        self._on_packet: list[OnPacket] = []
        for number, bus in buses.items():
            bus.listeners.append(lambda time_us, frame, number=number: self._frame(number, time_us, frame))

    def on_packet(self, function: OnPacket) -> None:
        """Call it for each whole CSP packet."""
        self._on_packet.append(function)

    def _frame(self, bus: int, time_us: int, frame: Frame) -> None:
        self._capture.frame(bus, time_us, frame)
        if frame.flags & (FLAG_EXT_ID | FLAG_RTR) == FLAG_EXT_ID:
            self.packets.frame(time_us, frame.identifier, frame.data)

    def _packet(self, time_us: int, packet: Any, data: bytes) -> None:
        if packet.dport == ports.HK:
            self.housekeeping.packet(time_us, packet.src, data)
        for function in self._on_packet:
            function(packet.src, packet.dport, data, time_us / 1e6)

    def close(self) -> None:
        self._capture.close()
        self.housekeeping.close()
