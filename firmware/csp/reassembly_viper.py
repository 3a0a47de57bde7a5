# The frame that simply follows the one before it, taken in a few viper lines: no method, no object, no allocation.
#
# follow_cfp1 and follow_cfp2 look at a received frame [identifier, data, flags, errors] and the table of partial
# packets (see reassembly.py for both). They return STORED, the row of the packet that is now whole, or GENERAL: they
# changed nothing, the frame goes the general way. Tests give the same frames to both ways and compare.
import micropython
from micropython import const

# reassembly.py's numbers: const() of another module is no constant to viper
_PARTIALS = const(6)
_ROW = const(8)
_UNKNOWN = const(0xFFFF)
_GENERAL = const(-1)
_STORED = const(-2)
_EXTENDED = const(2)


@micropython.viper
def follow_cfp2(table, buffers, received, now: int) -> int:
    rows = ptr32(table)
    identifier = int(received[0])
    key = identifier >> 5
    row = 0
    while rows[row] != key:
        row += _ROW
        if row == _PARTIALS * _ROW:
            return _GENERAL
    index = rows[row + 1]
    if index == 0 or identifier & 2 or (identifier >> 2 & 7) != (index & 7):
        return _GENERAL
    if rows[row + 2] or rows[row + 3] != _UNKNOWN:
        return _GENERAL
    data = received[1]
    size = int(len(data))
    at = 4 + 8 * index
    if at + size > rows[row + 7] or int(received[2]) != _EXTENDED or int(received[3]):
        return _GENERAL
    last = identifier & 1
    if last == 0 and size != 8:
        return _GENERAL
    into = ptr8(buffers[row >> 3])
    out = ptr8(data)
    k = 0
    while k < size:
        into[at + k] = out[k]
        k += 1
    rows[row + 1] = index + 1
    rows[row + 5] = now
    if last == 0:
        return _STORED
    rows[row + 3] = index
    rows[row + 4] = at + size - 8
    return row >> 3


@micropython.viper
def follow_cfp1(table, buffers, received, now: int) -> int:
    rows = ptr32(table)
    identifier = int(received[0])
    if identifier & 0x40000 == 0:
        return _GENERAL
    key = identifier & 0x1FF803FF
    row = 0
    while rows[row] != key:
        row += _ROW
        if row == _PARTIALS * _ROW:
            return _GENERAL
    index = rows[row + 1]
    remain = identifier >> 10 & 0xFF
    if rows[row + 2] or rows[row + 3] - remain != index:
        return _GENERAL
    data = received[1]
    size = int(len(data))
    at = 2 + 8 * index
    left = rows[row + 4] + 8 - at
    if (left if left < 8 else 8) != size or int(received[2]) != _EXTENDED or int(received[3]):
        return _GENERAL
    into = ptr8(buffers[row >> 3])
    out = ptr8(data)
    k = 0
    while k < size:
        into[at + k] = out[k]
        k += 1
    rows[row + 1] = index + 1
    rows[row + 5] = now
    if remain:
        return _STORED
    return row >> 3
