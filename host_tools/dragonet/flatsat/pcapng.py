"""Captures of the bus as pcapng (IETF draft-ietf-opsawg-pcapng), which Wireshark and tshark open."""

from __future__ import annotations

import struct
from pathlib import Path

from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.i2cbus import Seen

_LINKTYPE_CAN_SOCKETCAN, _LINKTYPE_I2C_LINUX = 227, 209
_CAN_EFF_FLAG, _CAN_RTR_FLAG = 0x80000000, 0x40000000
_IF_NAME, _IF_TSRESOL = 2, 9


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


class Capture:
    """One file, one interface per bus name, those of CAN first; epoch_us: Unix time of mission time zero."""

    def __init__(self, path: Path, buses: list[str], epoch_us: int, i2c_buses: tuple[str, ...] = ()) -> None:
        self._file = path.open("wb")
        self._epoch_us = epoch_us
        self.frames = 0
        self._file.write(_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        self._first_i2c = len(buses)
        for name in [*buses, *i2c_buses]:
            link = _LINKTYPE_I2C_LINUX if name in i2c_buses else _LINKTYPE_CAN_SOCKETCAN
            options = _option(_IF_NAME, name.encode()) + _option(_IF_TSRESOL, b"\x06") + _option(0, b"")
            self._file.write(_block(1, struct.pack("<HHI", link, 0, 0) + options))

    def frame(self, bus: int, time_us: int, frame: Frame) -> None:
        """Append a frame: SocketCAN's header is big-endian id with flags, length, three zero bytes."""
        identifier = frame.identifier
        if frame.flags & FLAG_EXT_ID:
            identifier |= _CAN_EFF_FLAG
        if frame.flags & FLAG_RTR:
            identifier |= _CAN_RTR_FLAG
        self._append(bus, time_us, struct.pack(">IB3x", identifier, len(frame.data)) + frame.data)

    def transfer(self, bus: int, time_us: int, seen: Seen) -> None:
        """Append an I2C transfer: bus, flags (none) as Linux has them; the address with its direction, the data."""
        head = struct.pack(">BIB", bus, 0, seen.address << 1 | seen.reads)
        self._append(self._first_i2c + bus, time_us, head + seen.data)

    def _append(self, interface: int, time_us: int, packet: bytes) -> None:
        stamp = self._epoch_us + time_us
        head = struct.pack("<IIIII", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), len(packet))
        self._file.write(_block(6, head + packet))
        self.frames += 1

    def close(self) -> None:
        self._file.close()
