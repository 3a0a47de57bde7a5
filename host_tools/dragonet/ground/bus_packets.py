"""CSP packets out of the CAN frames that a listener overhears, put together by the flight code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragonet import paths

paths.use_firmware()

from csp import cfp1, cfp2, crc32c, packet  # noqa: E402
from csp.pool import Pool  # noqa: E402
from csp.stats import Stats  # noqa: E402

_BUFFERS, _CAPACITY = 32, 256
_EXPIRE_MS = 1000
_CRC_BYTES = 4

OnPacket = Callable[[int, Any, bytes], None]  # hub time us, packet, data without CRC


class BusPackets:
    """Calls on_packet for each whole CSP packet whose CRC is right; .dropped counts the others.

    version: 1 or 2. admit_no_crc: packets of several frames without CRC, too.
    """

    def __init__(self, on_packet: OnPacket, version: int = 2, *, admit_no_crc: bool = False) -> None:
        self._pool = Pool(_BUFFERS, _CAPACITY)
        self.version = version
        self.stats = Stats()  # what reassembly counts
        self._receiver = (cfp2 if version == 2 else cfp1).Receiver(self._pool, self.stats, admit_no_crc)
        self._on_packet = on_packet
        self._expire_ms = 0
        self.packets = self.dropped = 0

    def frame(self, time_us: int, identifier: int, data: bytes) -> None:
        """Take one extended frame from the bus."""
        now_ms = time_us // 1000
        if now_ms >= self._expire_ms:
            self._expire_ms = now_ms + _EXPIRE_MS
            self._receiver.expire(now_ms % paths.TICKS_PERIOD)
        now_ms %= paths.TICKS_PERIOD
        whole = self._receiver.frame(identifier, data + bytes(8 - len(data)), len(data), now_ms)
        if whole is not None:
            self._take(time_us, whole)

    def whole(self, time_us: int, data: bytes) -> None:
        """Take one packet with its header, as I2C carries it."""
        start = packet.HEADER_START[self.version]
        size = len(data) - (packet.DATA - start)
        if not 0 <= size <= _CAPACITY:
            self.dropped += 1
            return
        one = self._pool.take()
        assert one is not None, "those of reassembly expire"
        one.buffer[start : start + len(data)] = data
        one.size = size
        self._take(time_us, one)

    def _take(self, time_us: int, whole: Any) -> None:
        packet.unpack(whole, whole.buffer, self.version)
        content = self._content(whole)
        if content is None:
            self.dropped += 1
        else:
            self.packets += 1
            self._on_packet(time_us, whole, content)
        self._pool.release(whole)

    def _content(self, whole: Any) -> bytes | None:
        if not whole.flags & packet.FLAG_CRC32:
            return bytes(whole.data)
        stop = packet.DATA + whole.size - _CRC_BYTES
        starts = (packet.DATA, packet.HEADER_START[self.version])  # over data alone, or header and data
        if whole.size < _CRC_BYTES or not any(crc32c.matches(whole.buffer, start, stop) for start in starts):
            return None
        return bytes(whole.data[:-_CRC_BYTES])
