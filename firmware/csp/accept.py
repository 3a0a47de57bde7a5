# What is looked at in every packet, in viper: the interpreter takes ten times as long.
#
# No interrupt is served within a viper or native function, unless it calls one of the interpreter's: so what is done
# here to pool and inbox needs no `held` (output.py).
import micropython
from micropython import const

from csp.crc32c import matches
from csp.packet import unpack

FILLED = const(1)
# words of the node's facts
_TAKEN = const(0)  # the place of the inbox that is taken next
_FILLED = const(1)  # the place that is filled next
_PORT = const(2)  # of the packet just taken, plus 64 if it had a CRC, which is right; -1: not simply for this node
_VERSION = const(3)
_ADDRESS = const(4)
_BROADCAST = const(5)
_HEADER = const(6)  # where the header starts in a buffer: a CRC may cover it
_PLACES = const(7)  # of the inbox
_CRC32 = const(0x01)
_OTHERS = const(0x0E)  # RDP, XTEA, HMAC
_DATA = const(8)
_CRC_SIZE = const(4)
_FREE = const(0)


@micropython.viper
def following(inbox, facts):
    """The packet that came in first, with its fields filled in and PORT set; None: there is no more."""
    known = ptr32(facts)
    place = known[_TAKEN]
    if place == known[_FILLED]:
        return None
    packet = inbox[place]
    place += 1
    known[_TAKEN] = 0 if place == known[_PLACES] else place
    known[_PORT] = -1
    buffer = packet.buffer
    at = ptr8(buffer)
    ends = int(unpack(packet, known[_VERSION]))
    src = ends >> 14
    dst = ends & 0x3FFF
    flags = at[7]
    if flags & _OTHERS or src == 0 or src == known[_ADDRESS] or src == known[_BROADCAST]:
        return packet
    if dst != known[_ADDRESS] and dst != known[_BROADCAST]:
        return packet
    if flags & _CRC32:
        stop = int(packet.size) + (_DATA - _CRC_SIZE)
        if stop < _DATA:
            return packet
        if not matches(buffer, _DATA, stop) and not matches(buffer, known[_HEADER], stop):
            return packet
        known[_PORT] = int(packet.dport) | 64
    else:
        known[_PORT] = int(packet.dport)
    return packet


@micropython.viper
def let_go(packet, packets, state):
    """Pool.release."""
    holders = int(packet.holders) - 1
    if holders < 0:
        raise RuntimeError("packet released twice")
    packet.holders = holders
    if holders == 0:
        pooled = ptr32(state)
        free = pooled[_FREE]
        packets[free] = packet
        pooled[_FREE] = free + 1
