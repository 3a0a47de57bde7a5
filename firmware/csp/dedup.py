# Knows a packet that came by two ways: the same header and data on another interface within 100 ms.
# Twice on one interface is two packets: a sender may repeat itself.
from micropython import const
import time

from csp.crc32c import digest
from csp.packet import DATA, HEADER_START

_REMEMBERED = const(16)  # packets, as in libcsp
WINDOW_MS = const(100)


class Dedup:
    def __init__(self):
        self._digests = [-1] * _REMEMBERED
        self._interfaces = [None] * _REMEMBERED
        self._stamps = [0] * _REMEMBERED
        self._at = 0

    def is_duplicate(self, packet, version):
        """True for the second copy of a packet, which is then forgotten; others are remembered."""
        wanted = digest(packet.buffer, HEADER_START[version], DATA + packet.size)
        interface = packet.interface
        now = packet.stamp
        digests = self._digests
        for k in range(_REMEMBERED):
            if digests[k] == wanted and self._interfaces[k] is not interface:
                if time.ticks_diff(now, self._stamps[k]) <= WINDOW_MS:
                    digests[k] = -1
                    return True
        at = self._at
        digests[at] = wanted
        self._interfaces[at] = interface
        self._stamps[at] = now
        self._at = at + 1 if at + 1 < _REMEMBERED else 0
        return False
