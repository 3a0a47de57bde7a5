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
_I2C_WAY = 0x100  # and the address: the number of a way
_RECENT_MOST = 64
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
        self.packets = 0  # what went by several ways counts once
        self._readers: list[BusPackets] = []
        self._capture = Capture(out / "bus.pcapng", list(BUS_NAMES), epoch_us, () if i2c is None else (I2C_NAME,))
        self._recent: dict[tuple[int, int, int, bytes], tuple[int, set[int]]] = {}  # packets: seen first at, by ways
        self._on_packet: list[OnPacket] = []
        for number, bus in buses.items():
            self._listen(number, bus, csp_version)
        if i2c is not None:
            i2c.listeners.append(self._transfer)
            self._i2c = BusPackets(lambda *seen: self._packet(_I2C_WAY + self._target, *seen), csp_version)
            self._readers.append(self._i2c)
            self._target = 0

    def on_packet(self, function: OnPacket) -> None:
        """Call it for each whole CSP packet."""
        self._on_packet.append(function)

    @property
    def dropped(self) -> int:
        """Packets of a wrong CRC."""
        return sum(reader.dropped for reader in self._readers)

    def _listen(self, number: int, bus: CanBus, csp_version: int) -> None:
        reader = BusPackets(lambda *seen: self._packet(number, *seen), csp_version)
        self._readers.append(reader)

        def frame(time_us: int, frame: Frame) -> None:
            self._capture.frame(number, time_us, frame)
            if frame.flags & (FLAG_EXT_ID | FLAG_RTR) == FLAG_EXT_ID:
                reader.frame(time_us, frame.identifier, frame.data)

        bus.listeners.append(frame)

    def _transfer(self, time_us: int, seen: Seen) -> None:
        """A packet in one I2C write."""
        self._capture.transfer(0, time_us, seen)
        if seen.acknowledged and not seen.reads:
            self._target = seen.address
            self._i2c.whole(time_us, seen.data)

    def _again(self, way: int, time_us: int, packet: Any, data: bytes) -> bool:
        """Copies on both CAN buses, or by I2C to each neighbour, are one packet; twice on one way is two packets."""
        if len(self._recent) > _RECENT_MOST:
            self._recent = {one: seen for one, seen in self._recent.items() if time_us - seen[0] < _REPEAT_US}
        key = (packet.src, packet.dport, packet.sport, data)
        seen = self._recent.get(key)
        if seen is not None and time_us - seen[0] < _REPEAT_US and way not in seen[1]:
            seen[1].add(way)
            return True
        self._recent[key] = (time_us, {way})
        return False

    def _packet(self, way: int, time_us: int, packet: Any, data: bytes) -> None:
        if self._again(way, time_us, packet, data):
            return
        self.packets += 1
        if packet.dport == ports.HK:
            self.housekeeping.packet(time_us, packet.src, data)
        for function in self._on_packet:
            function(packet.src, packet.dport, data, time_us / 1e6)

    def close(self) -> None:
        self._capture.close()
        self.housekeeping.close()
