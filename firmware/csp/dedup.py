# Knows a packet that came by another way: the same header and data on another interface within 100 ms, or what the
# slowest interface takes. Twice on one interface is two packets: a sender may repeat itself.
#
# A packet with CRC is known by its header and that CRC, any other by its header and all its data.
from micropython import const
import time

from csp.crc32c import digest
from csp.packet import DATA, FLAG_CRC32, HEADER_START

_REMEMBERED = const(16)  # packets, as in libcsp
_CRC_SIZE = const(4)


class Dedup:
    def __init__(self, version):
        self._header = HEADER_START[version]
        self._digests = [-1] * _REMEMBERED
        self._ways = [0] * _REMEMBERED  # by which each came, a bit an interface
        self._stamps = [0] * _REMEMBERED
        self._at = 0
        self._next_way = 1
        self._window_ms = 0

    def add(self, interface):
        """Watch this interface too."""
        interface.watch = self
        interface.way = self._next_way
        self._next_way <<= 1
        self._window_ms = max(self._window_ms, interface.copy_ms)

    def is_duplicate(self, packet):
        """True for a copy of a packet that came by another way; others are remembered."""
        buffer = packet.buffer
        end = DATA + packet.size
        if packet.flags & FLAG_CRC32 and packet.size >= _CRC_SIZE:
            wanted = digest(buffer, self._header, DATA) ^ digest(buffer, end - _CRC_SIZE, end)
        else:
            wanted = digest(buffer, self._header, end)
        now = packet.stamp
        way = packet.interface.way
        digests = self._digests
        if wanted in digests:
            for k in range(_REMEMBERED):
                if digests[k] == wanted and not self._ways[k] & way:
                    if time.ticks_diff(now, self._stamps[k]) <= self._window_ms:
                        self._ways[k] |= way
                        return True
        at = self._at
        digests[at] = wanted
        self._ways[at] = way
        self._stamps[at] = now
        self._at = at + 1 if at + 1 < _REMEMBERED else 0
        return False
