# CSP packets and their headers, as libcsp puts them on the wire (big-endian).
#
#  v1, 4 bytes     pri[31:30] src[29:25] dst[24:20] dport[19:14] sport[13:8] flags[7:0]
#  v2, 6 bytes     pri[47:46] dst[45:32] src[31:18] dport[17:12] sport[11:6] flags[5:0]
#  flags           0x10 FRAG (SFP)  0x08 HMAC  0x04 XTEA (v1 only, not here)  0x02 RDP  0x01 CRC32
#  trailers        data | SFP 8 | RDP 5 | HMAC 4 | CRC 4
#
# A packet's buffer keeps the header directly before the data, so what is received needs no moving:
#
#  byte  0 1 2 3 4 5 6 7 8 ...
#            [v2 header ][data and trailers, size bytes]
#                [v1 hdr][data and trailers, size bytes]
import micropython
from micropython import const

CRITICAL, HIGH, NORMAL, LOW = const(0), const(1), const(2), const(3)  # priorities

FLAG_CRC32 = const(0x01)
FLAG_RDP = const(0x02)
FLAG_XTEA = const(0x04)
FLAG_HMAC = const(0x08)
FLAG_SFP = const(0x10)

DATA = const(8)  # where the data starts in a packet's buffer
HEADER_START = (0, 4, 2)  # where the header starts, by version

BROADCAST = (0, 31, 16383)  # by version
ADDRESS_LAST = BROADCAST
PORT_LAST = const(63)


class Packet:
    """One packet buffer of the pool. Whoever gets one in a handler must not keep it.

    data: memoryview of the data (making it allocates 16 bytes; buffer, DATA and size serve where that matters).
    Twelve attributes of its own: a thirteenth takes 48 bytes in each. What few packets need is the class's until it is
    set, and is set only where it differs.
    """

    via = -1  # next hop, for the interface
    next = None  # behind this one, for a connection
    seq = length = sent = 0  # for RDP: sequence number, bytes of data, ticks of the last sending

    def __init__(self, capacity, buffer=None):
        self.buffer = memoryview(bytearray(DATA + capacity)) if buffer is None else buffer
        self.size = 0
        self.pri = NORMAL
        self.src = self.dst = 0
        self.dport = self.sport = 0
        self.flags = 0
        self.interface = None  # where it came in; None if it was made here
        self.holders = 0  # 0: in the pool
        self.stamp = 0  # ticks, ms: received, or given to an interface
        self.arrived_us = 0  # ticks, us: its last byte was taken in the interrupt

    def __getattr__(self, name):
        # no property: in an object of a class that has one, each store looks for it first, which costs 700 cycles
        if name != "data":
            raise AttributeError(name)
        return self.buffer[DATA : DATA + self.size]


@micropython.viper
def pack(packet, version: int):
    """Write the header of this version from the packet's fields; each field fits its bits."""
    at = ptr8(packet.buffer)
    src = int(packet.src)
    dst = int(packet.dst)
    dport = int(packet.dport)
    sport = int(packet.sport)
    if version == 2:
        at[2] = int(packet.pri) << 6 | dst >> 8
        at[3] = dst & 0xFF
        at[4] = src >> 6
        at[5] = (src & 0x3F) << 2 | dport >> 4
        at[6] = (dport & 0x0F) << 4 | sport >> 2
        at[7] = (sport & 0x03) << 6 | int(packet.flags) & 0x3F
    else:
        at[4] = int(packet.pri) << 6 | src << 1 | dst >> 4
        at[5] = (dst & 0x0F) << 4 | dport >> 2
        at[6] = (dport & 0x03) << 6 | sport
        at[7] = int(packet.flags)


@micropython.viper
def unpack(packet, buffer, version: int) -> int:
    """Read the packet's fields from the header of this version in its buffer; src << 14 | dst."""
    at = ptr8(buffer)
    if version == 2:
        dst = (at[2] & 0x3F) << 8 | at[3]
        src = at[4] << 6 | at[5] >> 2
        packet.pri = at[2] >> 6
        packet.dport = (at[5] & 0x03) << 4 | at[6] >> 4
        packet.sport = (at[6] & 0x0F) << 2 | at[7] >> 6
        packet.flags = at[7] & 0x3F
    else:
        dst = (at[4] & 0x01) << 4 | at[5] >> 4
        src = at[4] >> 1 & 0x1F
        packet.pri = at[4] >> 6
        packet.dport = (at[5] & 0x0F) << 2 | at[6] >> 6
        packet.sport = at[6] & 0x3F
        packet.flags = at[7]
    packet.dst = dst
    packet.src = src
    return src << 14 | dst
