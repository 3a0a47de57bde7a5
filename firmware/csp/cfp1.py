# CFP1: CSP version 1 on CAN (libcsp's csp_if_can.c), 29-bit identifier
#
#   src 5@24 | dst 5@19 | type 1@18 (0 BEGIN, 1 MORE) | remain 8@10 | id 10@0
#
#   dst     the next hop if there is one         id  packet counter of the sending interface
#   BEGIN   data = header 4, length 2 (big-endian, trailers included), up to 2 data bytes; remain = (length + 5) // 8
#   MORE    data = up to 8 bytes; remain = frames that follow
import micropython
from micropython import const
import sys

from csp import fragment
from csp.block import copy, equal
from csp.packet import DATA
from csp.reassembly import EARLY, END, NEXT, PARTIALS, ROW, SIZE, STAMP, UNKNOWN, Reassembler, follow_general

if sys.implementation.name == "micropython":
    from csp.reassembly_viper import follow
else:
    follow = follow_general

_MORE = const(0x40000)
_KEY = const(0x1FF803FF)  # src, dst and id
_HEADER = const(4)  # where the header lies in the buffer
_OVERHEAD = const(6)  # header and length within BEGIN
_IN_BEGIN = const(2)  # data bytes within BEGIN
_FIRST_MORE = const(10)  # where MORE frames lie in the buffer: after BEGIN's two data bytes
_KEPT = const(3)  # MORE frames kept until BEGIN tells their place


class Receiver(Reassembler):
    """Frames in, packets out."""

    version = 1

    def __init__(self, pool, stats, admit_no_crc=False):
        super().__init__(pool, stats, admit_no_crc)
        self._moving = bytearray(8 * _KEPT)
        # remain and size of the frames that came before BEGIN: three for each row
        self._kept = bytearray(2 * _KEPT * PARTIALS)

    def frame(self, identifier, data, size, now):
        """Take a frame of size bytes; a whole packet, held once, or None. now: ticks, ms."""
        key = identifier & _KEY
        if not identifier & _MORE:
            return self._begin(identifier, key, data, size, now)
        row = self._find(key)
        if row < 0:
            if self._is_recent(key, now) >= 0:
                return self._stray(key, now)
            row = self._open(key, now)
            if row < 0:
                return None
        if self.table[row + END] == UNKNOWN:
            return self._keep(row, identifier >> 10 & 0xFF, data, size, now)
        return self._more(row, identifier >> 10 & 0xFF, data, 0, size, now)

    def _begin(self, identifier, key, data, size, now):
        remain = identifier >> 10 & 0xFF
        if size < _OVERHEAD:
            return self._malformed()
        length = data[4] << 8 | data[5]
        if remain != (length + 5) // 8 or size - _OVERHEAD != (length if length < _IN_BEGIN else _IN_BEGIN):
            return self._malformed()
        if self._repeats(key, data, size, remain == 0, now):
            return None
        if length > self.pool.capacity:
            self._stats.too_long += 1
            self._stats.drop += 1
            return None
        if remain == 0:
            return self._single(key, data, size, now)
        return self._begin_long(key, data, length, remain, now)

    def _begin_long(self, key, data, length, remain, now):
        table = self.table
        row = self._find(key)
        if row < 0:
            row = self._open(key, now)
            if row < 0:
                return None
            buffer = self.packets[row // ROW].buffer
        else:
            buffer = self.packets[row // ROW].buffer
            same = table[row + SIZE] == length and equal(buffer, _HEADER, data, 0, _HEADER)
            self._begun(row, same and equal(buffer, DATA, data, _OVERHEAD, _IN_BEGIN), now)
            if table[row + NEXT]:
                self._stats.duplicate += 1
                return None
        copy(buffer, _HEADER, data, 0, _HEADER)
        copy(buffer, DATA, data, _OVERHEAD, _IN_BEGIN)
        table[row + NEXT] = 1
        table[row + END] = remain
        table[row + SIZE] = length
        table[row + STAMP] = now
        return self._place_kept(row, now) if table[row + EARLY] else None

    def _more(self, row, remain, data, start, size, now):
        index = self.table[row + END] - remain
        if index < 1 or size != (8 if remain else self.table[row + SIZE] - _IN_BEGIN - 8 * (index - 1)):
            return self._malformed(row)
        return self._place(row, index, _FIRST_MORE + 8 * (index - 1), data, start, size, now)

    def _keep(self, row, remain, data, size, now):
        """Keep a MORE frame that overtook BEGIN, in the order of arrival."""
        table = self.table
        early = table[row + EARLY]
        kept = self._kept
        first = row // ROW * 2 * _KEPT
        for at in range(first, first + 2 * early, 2):
            if kept[at] == remain:
                self._stats.duplicate += 1
                return None
        if early == _KEPT:
            return self._lose(row)
        kept[first + 2 * early] = remain
        kept[first + 2 * early + 1] = size
        copy(self.packets[row // ROW].buffer, _FIRST_MORE + 8 * early, data, 0, size)
        table[row + EARLY] = early + 1
        table[row + STAMP] = now
        return None

    def _place_kept(self, row, now):
        """BEGIN is there: put the frames that overtook it where they belong."""
        early = self.table[row + EARLY]
        self.table[row + EARLY] = 0
        kept = self._kept
        first = row // ROW * 2 * _KEPT
        copy(self._moving, 0, self.packets[row // ROW].buffer, _FIRST_MORE, 8 * early)
        for k in range(early):
            at = first + 2 * k
            packet = self._more(row, kept[at], self._moving, 8 * k, kept[at + 1], now)
            if packet is not None or self.packets[row // ROW] is None:
                return packet
        return None

    def _single(self, key, data, size, now):
        packet = self._take()
        if packet is None:
            return None
        copy(packet.buffer, _HEADER, data, 0, _HEADER)
        copy(packet.buffer, DATA, data, _OVERHEAD, size - _OVERHEAD)
        packet.size = size - _OVERHEAD
        packet.stamp = now
        self._remember(key, packet, size, now)
        return packet

    def _begin_of(self, packet, into, at):
        copy(into, at, packet.buffer, _HEADER, _HEADER)
        into[at + 4] = packet.size >> 8
        into[at + 5] = packet.size & 0xFF
        copy(into, at + _OVERHEAD, packet.buffer, DATA, _IN_BEGIN)


class Sender(fragment.Sender):
    def __init__(self, address, priority=0, length=0):
        super().__init__(1, priority, length)

    @micropython.native
    def start(self, packet, count):
        """Begin with a packet; count: the interface's packet counter."""
        via = packet.via
        base = packet.src << 24 | (packet.dst if via < 0 else via) << 19 | count & 0x3FF
        self._begin(packet, base, (packet.size + 5) // 8)
