# CSP over a serial line in KISS frames, for the bench (libcsp's csp_if_kiss.c):
#
#   C0 00 <header, data and trailers, CRC-32C of all that, escaped> C0     C0 -> DB DC, DB -> DB DD
#
# This CRC is always there, besides the one that the CRC32 flag announces.
from csp.crc32c import append, matches
from csp.interface import Interface
from csp.packet import DATA, HEADER_START

_FEND, _FESC, _TFEND, _TFESC = 0xC0, 0xDB, 0xDC, 0xDD
_DATA_FRAME = 0x00
_CRC_SIZE = 4
_HEADER_SIZE = (0, 4, 6)  # by version


class KissInterface(Interface):
    """line: a machine.UART, or anything with write(buffer) and read(). Run `run()` as a task, or call poll()."""

    def __init__(self, line, name="KISS"):
        super().__init__(name)
        self._line = line
        self._raw = bytearray(6 + self.mtu + _CRC_SIZE)  # a frame being received, without escapes
        self._size = 0
        self._kind = -1  # -1: between frames
        self._escaped = False
        self._whole = True  # False: it does not fit

    def send(self, packet, via=-1):
        """Write a packet to the line at once."""
        start = HEADER_START[self.node.version]
        stop = DATA + packet.size
        raw = bytearray(memoryview(packet.buffer)[start:stop]) + bytes(_CRC_SIZE)
        append(raw, 0, stop - start)
        raw = raw.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self._line.write(b"\xc0\x00" + raw + b"\xc0")
        self.stats.tx += 1
        self.stats.txbytes += packet.size
        return True

    def poll(self):
        """Take what the line has."""
        data = self._line.read()
        if data:
            self.feed(data)

    async def run(self, checkin=None):
        """Take what comes; for a line that is a stream."""
        import asyncio

        reader = asyncio.StreamReader(self._line)
        while True:
            data = await reader.read(64)
            if data:
                self.feed(data)
            if checkin is not None:
                checkin()

    def feed(self, data):
        """Take received bytes."""
        for byte in data:
            if byte == _FEND:
                if self._kind == _DATA_FRAME and self._size:
                    self._frame()
                self._kind = -1
                self._size = 0
                self._escaped = False
                self._whole = True
            elif self._kind < 0:
                self._kind = byte
            elif byte == _FESC:
                self._escaped = True
            else:
                if self._escaped:
                    self._escaped = False
                    byte = _FEND if byte == _TFEND else _FESC if byte == _TFESC else byte
                if self._size == len(self._raw):
                    self._whole = False
                else:
                    self._raw[self._size] = byte
                    self._size += 1

    def _frame(self):
        node, stats, raw = self.node, self.stats, self._raw
        size = self._size - _CRC_SIZE
        header = _HEADER_SIZE[node.version]
        if not self._whole or size < header:
            stats.frame += 1
            stats.malformed += 1
            return
        if not matches(raw, 0, size):
            stats.rx_error += 1
            stats.bad_crc += 1
            return
        node.held = True
        packet = node.pool.take_received()
        if packet is None:
            stats.drop += 1
            stats.no_buffer += 1
        elif size - header > node.pool.capacity:
            node.pool.release(packet)
            stats.drop += 1
            stats.too_long += 1
        else:
            start = HEADER_START[node.version]
            packet.buffer[start : start + size] = memoryview(raw)[:size]
            packet.size = size - header
            stats.rx += 1
            stats.rxbytes += packet.size
            node.arrived(packet, self)
        node.let_go()
