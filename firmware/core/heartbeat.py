# Heartbeat: what every board says of itself once a second.
#
#  byte  type  field
#   0    u8    mode           index into MODES
#   1    u8    reset cause    machine.reset_cause() of this boot
#   2    u16   boots          since the board was made
#   4    u32   uptime         seconds
#   8    u32   dictionary     hash of this board's dictionary; another value means another firmware
#
# All big-endian, as CSP is.
import struct
from micropython import const
from core.ports import MODES

SIZE = const(12)
_LAYOUT = ">BBHII"


def pack_into(buffer, mode, reset_cause, boots, uptime_s, dictionary):
    struct.pack_into(_LAYOUT, buffer, 0, mode, reset_cause & 0xFF, boots & 0xFFFF, uptime_s & 0xFFFFFFFF, dictionary)


def unpack(packet):
    """(mode, reset cause, boots, uptime s, dictionary hash); ValueError unless it is a heartbeat."""
    check(packet)
    return struct.unpack(_LAYOUT, packet)


def check(packet):
    """ValueError unless it is a heartbeat. Allocates nothing for one that is."""
    if len(packet) != SIZE:
        raise ValueError("heartbeat of %d bytes" % len(packet))
    if packet[0] >= len(MODES):
        raise ValueError("heartbeat with mode %d" % packet[0])


def mode(packet):
    return packet[0]


def dictionary_is(packet, wanted):
    """True when the hash is `wanted`, four bytes."""
    for k in range(4):
        if packet[8 + k] != wanted[k]:
            return False
    return True
