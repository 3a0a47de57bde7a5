# CFP1: CSP version 1 on CAN (libcsp's csp_if_can.c), 29-bit identifier
#
#   src 5@24 | dst 5@19 | type 1@18 (0 BEGIN, 1 MORE) | remain 8@10 | id 10@0
#
#   dst     the next hop if there is one         id  packet counter of the sending interface
#   BEGIN   data = header 4, length 2 (big-endian, trailers included), up to 2 data bytes; remain = (length + 5) // 8
#   MORE    data = up to 8 bytes; remain = frames that follow
from micropython import const

from csp.block import copy, equal
from csp.packet import DATA, FLAG_CRC32
from csp.reassembly import Reassembler

_MORE = const(0x40000)
_KEY = const(0x1FF803FF)  # src, dst and id
_FLAGS = const(7)  # where the header's flags lie in the buffer
_HEADER = const(4)  # where the header lies in the buffer
_OVERHEAD = const(6)  # header and length within BEGIN
_IN_BEGIN = const(2)  # data bytes within BEGIN
_FIRST_MORE = const(10)  # where MORE frames lie in the buffer: after BEGIN's two data bytes
_EARLY = const(3)  # MORE frames kept until BEGIN tells their place


class Receiver(Reassembler):
    """Frames in, packets out."""

    def __init__(self, pool, stats, admit_no_crc=False):
        super().__init__(pool, stats, admit_no_crc)
        self._early = bytearray(8 * _EARLY)
        # remain and size of the frames that came before BEGIN, three for each partial packet
        self._early_of = [bytearray(2 * _EARLY) for _ in self._partials]

    def frame(self, identifier, data, size, now):
        """Take a frame of size bytes; a whole packet, held once, or None. now: ticks, ms."""
        key = identifier & _KEY
        remain = identifier >> 10 & 0xFF
        if identifier & _MORE:
            partial = self._find(key)
            if partial is None:
                if self._is_recent(key, now) >= 0:
                    return self._stray(key, now)
                partial = self._open(key, now)
                if partial is None:
                    return None
            if partial.end < 0:
                return self._keep_early(partial, remain, data, size, now)
            return self._more(partial, remain, data, 0, size, now)
        if size < _OVERHEAD:
            return self._malformed()
        length = data[4] << 8 | data[5]
        if remain != (length + 5) // 8 or size - _OVERHEAD != (length if length < _IN_BEGIN else _IN_BEGIN):
            return self._malformed()
        if self._repeats(key, data, size, remain == 0, now):
            return None
        if length > self._pool.capacity:
            self._stats.too_long += 1
            self._stats.drop += 1
            return None
        if remain == 0:
            return self._single(key, data, size, now)
        partial = self._find(key)
        if partial is None:
            partial = self._open(key, now)
            if partial is None:
                return None
        else:
            buffer = partial.packet.buffer
            same = partial.size == length and equal(buffer, _HEADER, data, 0, _HEADER)
            self._begun(partial, same and equal(buffer, DATA, data, _OVERHEAD, _IN_BEGIN), now)
            if partial.next:
                self._stats.duplicate += 1
                return None
        buffer = partial.packet.buffer
        copy(buffer, _HEADER, data, 0, _HEADER)
        copy(buffer, DATA, data, _OVERHEAD, _IN_BEGIN)
        partial.next = 1
        partial.end = remain
        partial.size = length
        partial.stamp = now
        return self._place_early(partial, now) if partial.early else None

    def _more(self, partial, remain, data, start, size, now):
        index = partial.end - remain
        if index < 1 or size != (8 if remain else partial.size - _IN_BEGIN - 8 * (index - 1)):
            return self._malformed(partial)
        packet = self._place(partial, index, _FIRST_MORE + 8 * (index - 1), data, start, size, now)
        if packet is not None and not packet.buffer[_FLAGS] & FLAG_CRC32 and not self._admit_no_crc:
            return self._without_crc(packet)
        return packet

    def _keep_early(self, partial, remain, data, size, now):
        """Keep a MORE frame that overtook BEGIN, in the order of arrival."""
        early = partial.early
        known = self._early_of[self._partials.index(partial)]
        for k in range(early):
            if known[2 * k] == remain:
                self._stats.duplicate += 1
                return None
        if early == _EARLY:
            return self._lose(partial)
        known[2 * early] = remain
        known[2 * early + 1] = size
        copy(partial.packet.buffer, _FIRST_MORE + 8 * early, data, 0, size)
        partial.early = early + 1
        partial.stamp = now
        return None

    def _place_early(self, partial, now):
        """BEGIN is there: put the frames that overtook it where they belong."""
        early = partial.early
        known = self._early_of[self._partials.index(partial)]
        copy(self._early, 0, partial.packet.buffer, _FIRST_MORE, 8 * early)
        partial.early = 0
        for k in range(early):
            packet = self._more(partial, known[2 * k], self._early, 8 * k, known[2 * k + 1], now)
            if packet is not None or partial.key < 0:
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

    def _begin_of(self, packet, begin):
        copy(begin, 0, packet.buffer, _HEADER, _HEADER)
        begin[4] = packet.size >> 8
        begin[5] = packet.size & 0xFF
        copy(begin, _OVERHEAD, packet.buffer, DATA, _IN_BEGIN)


class Sender:
    """Fragments of one packet at a time."""

    def __init__(self, address):
        self._packet = None
        self._base = 0
        self._last = 0
        self._index = 0

    def start(self, packet, via, count):
        """Begin with a packet; via: the next hop, or -1; count: the interface's packet counter."""
        self._packet = packet
        self._base = packet.src << 24 | (packet.dst if via < 0 else via) << 19 | count & 0x3FF
        self._last = (packet.size + 5) // 8
        self._index = 0

    def fill(self, frames):
        """Put the current fragment into frames[its size] (buffers of 0 to 8 bytes) and return its size."""
        packet = self._packet
        buffer = packet.buffer
        if self._index:
            at = _FIRST_MORE + 8 * (self._index - 1)
            size = DATA + packet.size - at
            if size > 8:
                size = 8
            copy(frames[size], 0, buffer, at, size)
            return size
        inside = packet.size if packet.size < _IN_BEGIN else _IN_BEGIN
        size = _OVERHEAD + inside
        frame = frames[size]
        copy(frame, 0, buffer, _HEADER, _HEADER)
        frame[4] = packet.size >> 8
        frame[5] = packet.size & 0xFF
        copy(frame, _OVERHEAD, buffer, DATA, inside)
        return size

    def identifier(self):
        """Of the current fragment."""
        identifier = self._base | self._last - self._index << 10
        return identifier | _MORE if self._index else identifier

    def advance(self):
        """Go to the next fragment; False after the last."""
        self._index += 1
        return self._index <= self._last
