"""Captures of the bus as pcapng (IETF draft-ietf-opsawg-pcapng), which Wireshark and tshark open."""

from __future__ import annotations

import struct
from pathlib import Path

from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR

_LINKTYPE_CAN_SOCKETCAN = 227
_CAN_EFF_FLAG, _CAN_RTR_FLAG = 0x80000000, 0x40000000
_IF_NAME, _IF_TSRESOL = 2, 9


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


class Capture:
    """One file, one interface per bus name; epoch_us: Unix time of mission time zero."""

    def __init__(self, path: Path, buses: list[str], epoch_us: int) -> None:
        self._file = path.open("wb")
        self._epoch_us = epoch_us
        self.frames = 0
        self._file.write(_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for name in buses:
            options = _option(_IF_NAME, name.encode()) + _option(_IF_TSRESOL, b"\x06") + _option(0, b"")
            self._file.write(_block(1, struct.pack("<HHI", _LINKTYPE_CAN_SOCKETCAN, 0, 0) + options))

    def frame(self, bus: int, time_us: int, frame: Frame) -> None:
        """Append a frame: SocketCAN's header is big-endian id with flags, length, three zero bytes."""
        identifier = frame.identifier
        if frame.flags & FLAG_EXT_ID:
            identifier |= _CAN_EFF_FLAG
        if frame.flags & FLAG_RTR:
            identifier |= _CAN_RTR_FLAG
        packet = struct.pack(">IB3x", identifier, len(frame.data)) + frame.data
        stamp = self._epoch_us + time_us
        head = struct.pack("<IIIII", bus, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), len(packet))
        self._file.write(_block(6, head + packet))
        self.frames += 1

    def close(self) -> None:
        self._file.close()
