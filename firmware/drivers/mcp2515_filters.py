# Acceptance filters of the MCP2515, Microchip DS20001801J section 4.5: two masks and six filters.
#
# RXB0 has mask 0 and filters 0 and 1, RXB1 has mask 1 and filters 2 to 5; what RXB0 lets in goes on to RXB1 when RXB0
# is full (BUKT, 4.2.1). A filter is for standard or for extended identifiers (EXIDE). With standard ones, the extended
# bits of mask and filter would look at the first two data bytes (4.5.1): they are 0 here.
#
#  byte  field  of a filter or a mask
#   0    SID10:3
#   1    SID2:0 in bits 7:5, EXIDE in bit 3 (filters), EID17:16 in bits 1:0
#   2    EID15:8
#   3    EID7:0
from micropython import const

FILTERS_MAX = const(6)
_IN_RXB0 = const(2)
_IN_RXB1 = const(4)
_FLAG_RTR = const(1)
_FLAG_EXT_ID = const(2)
_EXT_ID_LAST = const(0x1FFFFFFF)
_STD_ID_LAST = const(0x7FF)
_EXIDE = const(0x08)


class Layout:
    """What goes into the chip. blocks: (first register, bytes); deaf: nothing may be received at all."""

    def __init__(self, masks, filters, deaf=False):
        data = [_packed(identifier, extended) for identifier, extended in filters]
        self.blocks = (
            (0x00, b"".join(data[:3])),
            (0x10, b"".join(data[3:])),
            (0x20, _packed(masks[0], 0) + _packed(masks[1], 0)),
        )
        self.deaf = deaf


def lay_out(filters):
    """The Layout of what machine.CAN.set_filters takes: None, or (identifier, mask, flags) each.

    ValueError: invalid id, more than two masks, more filters than a mask has, or a filter of remote requests only.
    """
    if filters is None:
        return Layout((0, 0), ((0, 0), (0, 1)) * 3)
    groups = []  # (mask, [(identifier, extended) ...])
    for identifier, mask, flags in filters:
        extended = flags & _FLAG_EXT_ID
        last = _EXT_ID_LAST if extended else _STD_ID_LAST
        if not 0 <= identifier <= last or not 0 <= mask <= last:
            raise ValueError("invalid id")
        if flags & _FLAG_RTR:
            raise ValueError("the MCP2515 has no filter for remote requests")
        if not extended:
            identifier <<= 18
            mask <<= 18
        _add(groups, mask, (identifier & mask, 1 if extended else 0))
    if not groups:
        return Layout((_EXT_ID_LAST, _EXT_ID_LAST), ((_EXT_ID_LAST, 1),) * FILTERS_MAX, True)
    return _share(groups)


def _add(groups, mask, wanted):
    for group in groups:
        if group[0] == mask:
            if wanted not in group[1]:
                group[1].append(wanted)
            return
    groups.append((mask, [wanted]))


def _share(groups):
    """Masks and filters for the two buffers. One mask: the second buffer helps the first out, in order."""
    if len(groups) > 2:
        raise ValueError("%d masks, the MCP2515 has 2" % len(groups))
    if len(groups) == 1:
        mask, wanted = groups[0]
        first, second = (mask, wanted[:_IN_RXB0]), (mask, wanted[_IN_RXB0:] or wanted[:1])
    else:
        first, second = groups
        if len(first[1]) > _IN_RXB0:
            first, second = second, first
    if len(first[1]) > _IN_RXB0 or len(second[1]) > _IN_RXB1:
        raise ValueError("more filters than the MCP2515 has: 2 of one mask, 4 of another, 6 of one")
    return Layout((first[0], second[0]), _fill(first[1], _IN_RXB0) + _fill(second[1], _IN_RXB1))


def _fill(wanted, count):
    """As many filters as there are registers: the last ones repeat the first."""
    return wanted + [wanted[0]] * (count - len(wanted))


def _packed(identifier, extended):
    standard = identifier >> 18
    return bytes((
        standard >> 3,
        (standard & 7) << 5 | (_EXIDE if extended else 0) | identifier >> 16 & 3,
        identifier >> 8 & 0xFF,
        identifier & 0xFF,
    ))
