"""CSP packets as CAN frames, made by the flight code's senders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragonet import paths

paths.use_firmware()

from csp import cfp1, cfp2, crc32c, packet  # noqa: E402

CAPACITY = 256  # bytes of data and trailers


def make(src: int, dst: int, dport: int, sport: int, data: bytes, version: int, *, crc: bool = True) -> Any:
    """A packet of normal priority, header and CRC in place."""
    one = packet.Packet(CAPACITY)
    one.src, one.dst, one.dport, one.sport = src, dst, dport, sport
    one.flags = packet.FLAG_CRC32 if crc else 0
    one.size = len(data)
    one.buffer[packet.DATA : packet.DATA + len(data)] = data
    packet.pack(one, version)
    if crc:
        crc32c.append(one.buffer, packet.DATA, packet.DATA + len(data))
        one.size += 4
    return one


def parsed(raw: bytes, version: int) -> Any:
    """A packet of these bytes: header, data, trailers."""
    one = packet.Packet(CAPACITY)
    start = packet.HEADER_START[version]
    one.buffer[start : start + len(raw)] = raw
    one.size = len(raw) - (packet.DATA - start)
    packet.unpack(one, one.buffer, version)
    return one


def frames(one: Any, version: int, count: int = 0) -> Iterator[tuple[int, bytes]]:
    """Identifier and data of each frame. count: packets that this sender sent before."""
    one.via = -1  # no next hop
    sender = (cfp2 if version == 2 else cfp1).Sender(one.src)
    sender.start(one, count)
    buffers = [bytearray(size) for size in range(9)]
    more = True
    while more:
        size = sender.fill(buffers)
        yield sender.identifier(), bytes(buffers[size])
        more = sender.advance()
