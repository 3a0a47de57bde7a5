"""Frames and CSP packets of a flight's bus.pcapng, as bytes: read here without any of the product's decoders."""

import struct
from pathlib import Path
from typing import NamedTuple

_ENHANCED_PACKET = 6
_EXTENDED = 0x80000000
_CAN_HEAD = 8  # bytes before the data, LINKTYPE_CAN_SOCKETCAN


class CanFrame(NamedTuple):
    interface: int  # 0: CAN A
    t_us: int  # Unix time
    identifier: int
    data: bytes


class CspPacket(NamedTuple):
    t_us: int  # of its last frame
    raw: bytes  # header of 6 bytes, data, CRC where the flag says so


def frames(path: Path) -> list[CanFrame]:
    """pcapng, draft-ietf-opsawg-pcapng: enhanced packet blocks, little-endian."""
    content = path.read_bytes()
    found, at = [], 0
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        if kind == _ENHANCED_PACKET:
            interface, high, low, length, _ = struct.unpack_from("<IIIII", content, at + 8)
            packet = content[at + 28 : at + 28 + length]
            identifier, count = struct.unpack_from(">IB", packet, 0)
            if identifier & _EXTENDED:
                data = packet[_CAN_HEAD : _CAN_HEAD + count]
                found.append(CanFrame(interface, high << 32 | low, identifier & ~_EXTENDED, data))
        at += size
    return found


def packets(found: list[CanFrame]) -> list[CspPacket]:
    """CSP 2 over CAN: pri 2, dst 14, sender 6, counter 2, fragment 3, begin 1, end 1; BEGIN has 4 bytes of header."""
    whole, partial = [], {}
    for one in found:
        key = (one.interface, one.identifier >> 5)
        if one.identifier & 2:
            rest = struct.unpack(">I", one.data[:4])[0]
            pri, dst = one.identifier >> 27, one.identifier >> 13 & 0x3FFF
            head = pri << 46 | dst << 32 | rest
            partial[key] = head.to_bytes(6, "big") + one.data[4:]
        elif key in partial:
            partial[key] += one.data
        if one.identifier & 1 and key in partial:
            whole.append(CspPacket(one.t_us, partial.pop(key)))
    return whole
