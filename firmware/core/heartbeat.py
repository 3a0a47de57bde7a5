# Heartbeat: what every board says of itself once a second. Four bytes and no CRC of CSP's: one CAN frame, which has
# its own, so a beat costs the bus a quarter of a millisecond and each hearer one interrupt.
#
#  byte  type  field
#   0    u8    reset cause << 4 | mode   machine.reset_cause() of this boot; index into MODES
#   1    u8    boots                     since the board was made, modulo 256
#   2    u16   dictionary                low half of the hash of this board's dictionary; another: another firmware
#
# All big-endian, as CSP is.
from micropython import const
from core.ports import MODES

SIZE = const(4)


def pack_into(buffer, mode, reset_cause, boots, dictionary):
    buffer[0] = (reset_cause & 0x0F) << 4 | mode
    buffer[1] = boots & 0xFF
    buffer[2] = dictionary >> 8 & 0xFF
    buffer[3] = dictionary & 0xFF


def unpack(packet):
    """(mode, reset cause, boots modulo 256, dictionary's low half); ValueError unless it is a heartbeat."""
    check(packet)
    return packet[0] & 0x0F, packet[0] >> 4, packet[1], packet[2] << 8 | packet[3]


def check(packet):
    """ValueError unless it is a heartbeat. Allocates nothing for one that is."""
    if len(packet) != SIZE:
        raise ValueError("heartbeat of %d bytes" % len(packet))
    if packet[0] & 0x0F >= len(MODES):
        raise ValueError("heartbeat with mode %d" % (packet[0] & 0x0F))


def mode(packet):
    return packet[0] & 0x0F


def dictionary_is(packet, wanted):
    """True when it is of the table whose hash ends in `wanted`, 16 bits."""
    return packet[2] << 8 | packet[3] == wanted
