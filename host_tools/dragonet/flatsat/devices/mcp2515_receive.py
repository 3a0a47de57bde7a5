# Receive buffers of the MCP2515: masks, filters, and how a frame stands there, datasheet DS20001801J section 4; of the
# model in mcp2515.py.
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.devices.mcp2515_map import RXB


def matches(registers, which, identifier, flags, data):
    """Number of the filter of a receive buffer that lets the frame in, or None."""
    if registers[RXB[which]] & 0x60 == 0x60:
        return 0 if which == 0 else 2
    mask = registers[0x20 + 4 * which : 0x24 + 4 * which]
    if flags & FLAG_EXT_ID:
        head = (identifier >> 21, identifier >> 13 & 0xE0 | identifier >> 16 & 3, identifier >> 8 & 0xFF,
                identifier & 0xFF)
    else:  # 4.5.1: the first two data bytes are filtered too
        head = (identifier >> 3, identifier << 5 & 0xE0, data[0] if len(data) > 0 else 0,
                data[1] if len(data) > 1 else 0)
    extended = 8 if flags & FLAG_EXT_ID else 0
    for number in (0, 1) if which == 0 else (2, 3, 4, 5):
        base = 4 * number if number < 3 else 0x10 + 4 * (number - 3)
        if registers[base + 1] & 8 != extended:
            continue
        for at in range(4):
            bits = mask[at] if at != 1 else mask[1] & (0xE3 if extended else 0xE0)
            if (head[at] ^ registers[base + at]) & bits:
                break
        else:
            return number
    return None


def store(registers, which, hit, identifier, flags, data):
    """The frame in a receive buffer, as filter `hit` let it in: figure 4-5 and registers 4-1 to 4-8."""
    base = RXB[which]
    remote = flags & FLAG_RTR
    if flags & FLAG_EXT_ID:
        registers[base + 1] = identifier >> 21
        registers[base + 2] = identifier >> 13 & 0xE0 | 8 | identifier >> 16 & 3
        registers[base + 3] = identifier >> 8 & 0xFF
        registers[base + 4] = identifier & 0xFF
        registers[base + 5] = len(data) | (0x40 if remote else 0)
    else:
        registers[base + 1] = identifier >> 3
        registers[base + 2] = identifier << 5 & 0xE0 | (0x10 if remote else 0)
        registers[base + 3] = registers[base + 4] = 0
        registers[base + 5] = len(data)
    if not remote:
        registers[base + 6 : base + 6 + len(data)] = data
    keep = 0x66 if which == 0 else 0x60
    registers[base] = registers[base] & keep | (8 if remote else 0) | (hit & 1 if which == 0 else hit)
