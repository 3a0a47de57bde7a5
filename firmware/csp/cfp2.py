# CFP2: CSP version 2 on CAN (libcsp's csp_if_can.c), 29-bit identifier
#
#   pri 2@27 | dst 14@13 | sender 6@7 | sc 2@5 | fc 3@2 | begin 1@1 | end 1@0
#
#   sender  low 6 bits of the sending interface's address      sc  packet counter      fc  fragment counter
#   BEGIN   data = src 14@18, dport 6@12, sport 6@6, flags 6@0 (big-endian), then up to 4 data bytes; fc 0
#   others  data = 8 bytes, the last with END 1 to 8; there is no length field
#
# The upper 16 bits of the identifier are the first 2 bytes of the packet's v2 header, and BEGIN's first 4 bytes are
# the rest of it: fragment i lies at byte 4 + 8 * i of the packet's buffer.
import micropython
from micropython import const
import sys

from csp import fragment
from csp.block import copy, equal
from csp.reassembly import END, LIMIT, NEXT, ROW, SIZE, UNKNOWN, Reassembler, follow_general

if sys.implementation.name == "micropython":
    from csp.reassembly_viper import follow
else:
    follow = follow_general

_BEGIN = const(2)
_END = const(1)
_HEADER = const(4)  # header bytes within BEGIN, and where they lie in the buffer


class Receiver(Reassembler):
    """Frames in, packets out."""

    version = 2

    def frame(self, identifier, data, size, now):
        """Take a frame of size bytes; a whole packet, held once, or None. now: ticks, ms."""
        key = identifier >> 5
        if identifier & _BEGIN:
            return self._begin(identifier, key, data, size, now)
        index = identifier >> 2 & 7
        row = self._find(key)
        if row < 0:
            if not 0 < index < 4 or self._is_recent(key, now) >= 0:
                return self._stray(key, now)
            row = self._open(key, now)
            if row < 0:
                return None
        table = self.table
        # the fragment nearest to the next one that has this counter: three ahead to four back
        following = table[row + NEXT]
        index = index - following & 7
        index += following if index < 4 else following - 8
        if index < 1:
            return self._lose(row)
        end = table[row + END]
        if identifier & _END:
            if end != UNKNOWN and end != index:
                return self._malformed(row)
            table[row + END] = index
            table[row + SIZE] = 8 * index + size - _HEADER
        elif size != 8 or end <= index:
            return self._malformed(row)
        at = _HEADER + 8 * index
        if at + size > table[LIMIT]:
            return self._too_long(row)
        return self._place(row, index, at, data, 0, size, now)

    def _begin(self, identifier, key, data, size, now):
        whole = identifier & _END
        if identifier >> 2 & 7 or size < _HEADER or size < 8 and not whole:
            return self._malformed()
        if self._repeats(key, data, size, whole, now):
            return None
        if whole:
            return self._single(key, data, size, now)
        row = self._find(key)
        if row < 0:
            row = self._open(key, now)
            if row < 0:
                return None
        else:
            self._begun(row, equal(self.packets[row // ROW].buffer, _HEADER, data, 0, 8), now)
        buffer = self.packets[row // ROW].buffer
        buffer[2] = identifier >> 21
        buffer[3] = identifier >> 13 & 0xFF
        return self._place(row, 0, _HEADER, data, 0, size, now)

    def _single(self, key, data, size, now):
        packet = self._take()
        if packet is None:
            return None
        buffer = packet.buffer
        buffer[2] = key >> 16
        buffer[3] = key >> 8 & 0xFF
        copy(buffer, _HEADER, data, 0, size)
        packet.size = size - _HEADER
        packet.stamp = now
        self._remember(key, packet, size, now)
        return packet

    def _begin_of(self, packet, into, at):
        copy(into, at, packet.buffer, _HEADER, 8)


class Sender(fragment.Sender):
    """address: of the interface."""

    def __init__(self, address, priority=0, length=0):
        super().__init__(2, priority, length)
        self._sender = (address & 0x3F) << 7

    @micropython.native
    def start(self, packet, count):
        """Begin with a packet; count: the interface's packet counter. The next hop does not show in v2."""
        buffer = packet.buffer
        base = buffer[2] << 21 | buffer[3] << 13 | self._sender | (count & 3) << 5
        self._begin(packet, base, (packet.size + _HEADER - 1) // 8)
