# The services that every CSP node answers, on ports 0 to 6 (libcsp's csp_service_handler.c), as far as they are
# harmless to anyone who asks. What changes state or reads memory is in bench_services.py, not in a flight image.
#
#  port  name      request   reply
#   0    CMP       below     same, type 0xFF
#   1    PING      any       echo
#   2    PS        0x55      text, lines, in as many packets as it takes
#   3    MEMFREE   any       u32 bytes
#   5    BUF_FREE  any       u32 packet buffers
#   6    UPTIME    any       u32 seconds
#
#  CMP: byte 0 type (0x00 request, 0xFF reply), byte 1 code, then
#   code 1  ident     hostname 20, model 30, revision 20, date 12, time 9; NUL padded; the request may be 2 bytes
#   code 3  if_stats  interface name 11, then u32 tx rx tx_error rx_error drop autherr frame txbytes rxbytes irq
#   code 6  clock     sec u32, nsec u32; sec = 0 reads
#
# A request without CRC, of another length, type or code, or from the port of a service gets no reply and is counted.
from micropython import const
import gc
import time

from csp.block import copy, put32
from csp.packet import DATA, FLAG_CRC32
from csp.stats import WIRE

CMP, PING, PS, MEMFREE, REBOOT, BUF_FREE, UPTIME = const(0), const(1), const(2), const(3), const(4), const(5), const(6)

REQUEST, REPLY = const(0x00), const(0xFF)
IDENT, IF_STATS, CLOCK = const(1), const(3), const(6)
IDENT_SIZE = const(93)
IF_STATS_SIZE = const(53)
CLOCK_SIZE = const(10)
_NAME_SIZE = const(11)
_FIELDS = (("hostname", 20), ("model", 30), ("revision", 20), ("date", 12), ("time", 9))  # of ident
_PS_REQUEST = const(0x55)
_PS_PART = const(200)  # bytes of text in a packet


def ident(hostname, model, revision, date, clock):
    """The 91 bytes of an ident reply after type and code; texts are cut to their fields less one NUL."""
    image = bytearray(IDENT_SIZE - 2)
    at = 0
    for (_, size), text in zip(_FIELDS, (hostname, model, revision, date, clock)):
        raw = text.encode()[: size - 1]
        image[at : at + len(raw)] = raw
        at += size
    return image


class Services:
    """Answers for one node. image: of ident()."""

    def __init__(self, node, image):
        self._node = node
        self.ident_image = image
        self.cmp = {IDENT: self._cmp_ident, IF_STATS: self._cmp_if_stats, CLOCK: self._cmp_clock}
        self._named = []  # interfaces
        self._names = []  # and their names, NUL-padded: comparing the characters of a str would allocate
        self.lines = None  # PS: returns an iterable of text lines
        self.clock = _system_clock  # CMP: returns seconds since 1970 and nanoseconds
        node.bind(CMP, self._cmp)
        node.bind(PING, self._ping)
        node.bind(PS, self._ps)
        node.bind(MEMFREE, self._memfree)
        node.bind(BUF_FREE, self._buf_free)
        node.bind(UPTIME, self._uptime)

    def name(self, interface):
        """Have if_stats answer for this interface."""
        raw = interface.name.encode()
        self._named.append(interface)
        self._names.append(raw + bytes(_NAME_SIZE - len(raw)))

    def admit(self, packet):
        """True if a service may answer this packet; counted if not."""
        if packet.sport <= UPTIME:  # a service too, which would answer the answer, without end
            return self.refuse(packet)
        if packet.flags & FLAG_CRC32:
            return True
        stats = packet.interface.stats
        stats.no_crc += 1
        stats.rx_error += 1
        return False

    def refuse(self, packet):
        """Count a request that gets no reply."""
        stats = packet.interface.stats
        stats.unserved += 1
        stats.drop += 1

    def _ping(self, packet):
        if self.admit(packet):
            self._node.reply(packet)

    def _number(self, packet, value):
        put32(packet.buffer, DATA, value)
        packet.size = 4
        self._node.reply(packet)

    def _memfree(self, packet):
        if self.admit(packet):
            self._number(packet, gc.mem_free())

    def _buf_free(self, packet):
        if self.admit(packet):
            self._number(packet, self._node.pool.free)

    def _uptime(self, packet):
        if self.admit(packet):
            self._number(packet, self._node.uptime_s)

    def _ps(self, packet):
        if not self.admit(packet):
            return
        if self.lines is None or packet.size != 1 or packet.buffer[DATA] != _PS_REQUEST:
            return self.refuse(packet)
        text = b""
        for line in self.lines():
            line = line.encode()[: _PS_PART - 1] + b"\n"
            if len(text) + len(line) > _PS_PART:
                self._node.send(packet.src, packet.sport, text, sport=PS, pri=packet.pri)
                text = b""
            text += line
        if text:
            self._node.send(packet.src, packet.sport, text, sport=PS, pri=packet.pri)

    def _cmp(self, packet):
        if not self.admit(packet):
            return
        buffer = packet.buffer
        answer = None
        if packet.size >= 2 and buffer[DATA] == REQUEST:
            answer = self.cmp.get(buffer[DATA + 1])
        if answer is None or not answer(packet):
            return self.refuse(packet)
        buffer[DATA] = REPLY
        self._node.reply(packet)

    # Each takes a request, writes the reply's bytes after type and code, and returns False to refuse.

    def _cmp_ident(self, packet):
        if packet.size != 2 and packet.size != IDENT_SIZE:
            return False
        copy(packet.buffer, DATA + 2, self.ident_image, 0, IDENT_SIZE - 2)
        packet.size = IDENT_SIZE
        return True

    def _cmp_if_stats(self, packet):
        if packet.size != IF_STATS_SIZE and packet.size != 2 + _NAME_SIZE:
            return False
        buffer = packet.buffer
        for k in range(len(self._named)):
            if _is_name(buffer, DATA + 2, self._names[k]):
                break
        else:
            return False
        interface = self._named[k]
        at = DATA + 2 + _NAME_SIZE
        for name in WIRE:
            put32(buffer, at, getattr(interface.stats, name))
            at += 4
        packet.size = IF_STATS_SIZE
        return True

    def _cmp_clock(self, packet):
        buffer = packet.buffer
        if packet.size != CLOCK_SIZE or buffer[DATA + 2] or buffer[DATA + 3] or buffer[DATA + 4] or buffer[DATA + 5]:
            return False  # setting the clock is not for everyone
        seconds, nanoseconds = self.clock()
        put32(buffer, DATA + 2, seconds)
        put32(buffer, DATA + 6, nanoseconds)
        return True


def _system_clock():
    return time.time(), 0


def _is_name(buffer, at, name):
    """True if the field at `at` holds this name, NUL-padded; case does not matter, as in libcsp."""
    for k in range(_NAME_SIZE):
        byte = buffer[at + k]
        wanted = name[k]
        if byte != wanted and not (0x41 <= wanted & 0xDF <= 0x5A and byte ^ wanted == 0x20):
            return False
        if not byte:
            return True
    return True
