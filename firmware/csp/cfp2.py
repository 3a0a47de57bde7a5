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
from micropython import const

from csp.block import copy, equal
from csp.packet import FLAG_CRC32
from csp.reassembly import Reassembler

_BEGIN = const(2)
_END = const(1)
_FLAGS = const(7)  # where the header's flags lie in the buffer
_HEADER = const(4)  # header bytes within BEGIN


class Receiver(Reassembler):
    """Frames in, packets out."""

    def frame(self, identifier, data, size, now):
        """Take a frame of size bytes; a whole packet, held once, or None. now: ticks, ms."""
        key = identifier >> 5
        index = identifier >> 2 & 7
        if identifier & _BEGIN:
            whole = identifier & _END
            if index or size < _HEADER or size < 8 and not whole:
                return self._malformed()
            if self._repeats(key, data, size, whole, now):
                return None
            if whole:
                return self._single(key, data, size, now)
            partial = self._find(key)
            if partial is None:
                partial = self._open(key, now)
                if partial is None:
                    return None
            else:
                self._begun(partial, equal(partial.packet.buffer, _HEADER, data, 0, 8), now)
            buffer = partial.packet.buffer
            buffer[2] = identifier >> 21
            buffer[3] = identifier >> 13 & 0xFF
        else:
            partial = self._find(key)
            if partial is None:
                if not 0 < index < 4 or self._is_recent(key, now) >= 0:
                    return self._stray(key, now)
                partial = self._open(key, now)
                if partial is None:
                    return None
            # the fragment nearest to the next one that has this counter: three ahead to four back
            index = index - partial.next & 7
            index += partial.next if index < 4 else partial.next - 8
            if index < 1:
                return self._lose(partial)
            end = partial.end
            if identifier & _END:
                if end >= 0 and end != index:
                    return self._malformed(partial)
                partial.end = index
                partial.size = 8 * index + size - _HEADER
            elif size != 8 or 0 <= end <= index:
                return self._malformed(partial)
        at = _HEADER + 8 * index
        if at + size > len(partial.packet.buffer):
            return self._too_long(partial)
        packet = self._place(partial, index, at, data, 0, size, now)
        if packet is not None and not packet.buffer[_FLAGS] & FLAG_CRC32 and not self._admit_no_crc:
            # eight fragments lost in a row are not visible in fc: only a CRC tells
            return self._without_crc(packet)
        return packet

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

    def _begin_of(self, packet, begin):
        copy(begin, 0, packet.buffer, _HEADER, 8)


class Sender:
    """Fragments of one packet at a time. address: of the interface."""

    def __init__(self, address):
        self._sender = (address & 0x3F) << 7
        self._packet = None
        self._base = 0
        self._index = 0
        self._last = 0

    def start(self, packet, via, count):
        """Begin with a packet; via does not matter in v2; count: the interface's packet counter."""
        buffer = packet.buffer
        self._packet = packet
        self._base = buffer[2] << 21 | buffer[3] << 13 | self._sender | (count & 3) << 5
        self._index = 0
        self._last = (packet.size + _HEADER - 1) // 8
        if self._last < 0:
            self._last = 0

    def fill(self, frames):
        """Put the current fragment into frames[its size] (buffers of 0 to 8 bytes) and return its size."""
        at = 8 * self._index
        size = self._packet.size + _HEADER - at
        if size > 8:
            size = 8
        copy(frames[size], 0, self._packet.buffer, at + _HEADER, size)
        return size

    def identifier(self):
        """Of the current fragment."""
        index = self._index
        identifier = self._base | (index & 7) << 2
        if index == 0:
            identifier |= _BEGIN
        if index == self._last:
            identifier |= _END
        return identifier

    def advance(self):
        """Go to the next fragment; False after the last."""
        self._index += 1
        return self._index <= self._last
