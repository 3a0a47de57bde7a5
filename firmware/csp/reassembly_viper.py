# What comes as it should, from the ring of received frames to the inbox of the node, in one viper loop: no method, no
# allocation.
#
# One function, long for that reason: on the Cortex-M0+ a call costs as much as taking a frame, and so does each look
# at two attributes. It takes the first frame of a packet that is not known yet, the frame that follows the last one,
# and hands over the packet that is whole. A frame that is anything else it leaves as it is, for the general way
# (cfp1.py, cfp2.py). Tests give the same frames to both ways and compare.
#
# CFP1 and CFP2 differ in where the identifier tells what; reassembly.py has the table's layout.
# What is whole was taken from the pool or from its row:
# pyright: reportPossiblyUnboundVariable=false
import micropython
from micropython import const

# numbers of reassembly.py, pool.py, stats.py, accept.py: const() of another module is no constant to viper
_ROW = const(8)
_ROWS = const(48)
_UNUSED = const(0x3FFFFFFF)
_UNKNOWN = const(0xFFFF)
_GENERAL = const(-1)
_EMPTY = const(-2)
_BEGUN = const(-1)
_RECENT = const(48)
_RECENT_SIZE = const(51)
_RECENT_STAMP = const(54)
_RECENT_AT = const(57)
_LIMIT = const(58)
_ADMIT = const(59)
_VERSION = const(60)
_FREE = const(0)
_LOWEST = const(1)
_RESERVE = const(3)
_RX = const(1)
_RXBYTES = const(3)
_DATA = const(8)
_FILLED = const(1)
_PLACES = const(6)
_RING_FILLED = const(0)  # drivers/can_ring.py
_RING_TAKEN = const(1)
_RING_ENTRIES = const(2)
_RING_LOST = const(3)
_RING_TOLD = const(4)
_ENTRY = const(16)
_AS_USUAL = const(0x200)  # FLAG_EXT_ID and nothing else, above the size
_SIZE_BITS = const(0xFF)


@micropython.viper
def follow(row: int, identifier: int, at: int, fast, now: int) -> int:
    """Take frames until there are no more (EMPTY), the general way is needed (GENERAL), or a packet is whole that
    has no CRC (its row). row, identifier, at: 0; the first three locals live in registers on the Cortex-M0+.
    fast: see Reassembler.fast; now: ticks, ms."""
    frames, ring, packets, table, pool, state, slab, firsts, counts, owner, inbox, facts, us, wake = fast
    rows = ptr32(table)
    into = ptr8(slab)
    two = rows[_VERSION] == 2
    end = int(rows) + 4 * _ROWS
    came = ptr32(ring)
    if came[_RING_LOST] != came[_RING_TOLD]:
        return _GENERAL
    entries = int(ptr8(frames))
    taken = came[_RING_TAKEN]
    while taken != came[_RING_FILLED]:
        out = ptr8(entries + _ENTRY * taken)
        size = ptr32(out)[1]
        if size & ~_SIZE_BITS != _AS_USUAL:
            return _GENERAL
        size &= _SIZE_BITS
        whole_size = size
        identifier = ptr32(out)[0]
        out = ptr8(int(out) + 8)
        if two:
            key = identifier >> 5
            begin = identifier & 2
        else:
            key = identifier & 0x1FF803FF
            begin = identifier & 0x40000 ^ 0x40000
        row = int(rows)
        while row < end and ptr32(row)[0] != key:
            row += 4 * _ROW
        if begin:
            # the first frame of a packet; known ones, and those just completed, may be repeated
            if row < end or rows[_RECENT] == key or rows[_RECENT + 1] == key or rows[_RECENT + 2] == key:
                return _GENERAL
            if two:
                last = identifier & 1
                if identifier & 0x1C or size < 4 or size < 8 and not last:
                    return _GENERAL
                index = 0 if last else _UNKNOWN
                length = size - 4
            else:
                if size < 6:
                    return _GENERAL
                index = identifier >> 10 & 0xFF
                last = 1 if index == 0 else 0
                length = out[4] << 8 | out[5]
                if index != length + 5 >> 3 or size != (length if length < 2 else 2) + 6:
                    return _GENERAL
                if length + _DATA > rows[_LIMIT]:
                    return _GENERAL
            row = int(rows)
            while ptr32(row)[0] != _UNUSED:
                row += 4 * _ROW
                if row == end:
                    return _GENERAL
            # a packet from the pool
            pooled = ptr32(state)
            free = pooled[_FREE]
            if free <= pooled[_RESERVE]:
                return _GENERAL
            free -= 1
            pooled[_FREE] = free
            if free < pooled[_LOWEST]:
                pooled[_LOWEST] = free
            packet = pool[free]
            packet.holders = 1
            start = int(ptr8(packet.buffer)) - int(into)
            at = start + 4
            if two:
                into[start + 2] = identifier >> 21
                into[start + 3] = identifier >> 13
            else:
                # header, length, up to two bytes: those behind the header belong directly behind it
                into[at] = out[0]
                into[at + 1] = out[1]
                into[at + 2] = out[2]
                into[at + 3] = out[3]
                out = ptr8(int(out) + 6)
                at += 4
                size -= 6
            if not last:
                packets[row - int(rows) >> 5] = packet
                ptr32(row)[0] = key
                ptr32(row)[1] = 1
                ptr32(row)[2] = 0
                ptr32(row)[3] = index
                ptr32(row)[4] = length
                ptr32(row)[6] = 0
                ptr32(row)[7] = start
        else:
            if row == end:
                return _GENERAL
            # the frame that follows the last one
            index = ptr32(row)[1]
            at = 8 * index
            if two:
                last = identifier & 1
                if ptr32(row)[3] != _UNKNOWN or (identifier >> 2 ^ index) & 7 or index == 0:
                    return _GENERAL
                if last == 0 and size != 8:
                    return _GENERAL
                at += 4
                length = at + size - _DATA
            else:
                last = identifier >> 10 & 0xFF
                length = ptr32(row)[4]
                if ptr32(row)[3] - last != index:
                    return _GENERAL
                last = 1 if last == 0 else 0
                at += 2
                if size != (length + _DATA - at if length + _DATA - at < 8 else 8):
                    return _GENERAL
            if ptr32(row)[2] or at + size > rows[_LIMIT]:
                return _GENERAL
            ptr32(row)[1] = index + 1
            start = ptr32(row)[7]
            at += start
        if size == 8:  # by halves of words: that is where both lie
            to16 = ptr16(int(into) + at)
            out16 = ptr16(out)
            to16[0] = out16[0]
            to16[1] = out16[1]
            to16[2] = out16[2]
            to16[3] = out16[3]
        else:
            k = 0
            while k < size:
                into[at + k] = out[k]
                k += 1
        taken += 1
        if taken == came[_RING_ENTRIES]:
            taken = 0
        came[_RING_TAKEN] = taken
        if not last:
            ptr32(row)[5] = now
            continue
        # the packet is whole
        if not begin:
            if two:
                ptr32(row)[3] = index
                ptr32(row)[4] = length
            ptr32(row)[5] = now
            index = row - int(rows) >> 5
            if not into[start + 7] & 1 and not rows[_ADMIT]:
                return index
            packet = packets[index]
            ptr32(row)[0] = _UNUSED
            packets[index] = None
        # remember its first frame, to know it again
        k = rows[_RECENT_AT]
        rows[_RECENT + k] = key
        rows[_RECENT_SIZE + k] = whole_size if begin else _BEGUN
        rows[_RECENT_STAMP + k] = now
        rows[_RECENT_AT] = k + 1 if k < 2 else 0
        out16 = ptr16(int(into) + start + 4)
        to16 = ptr16(int(ptr8(firsts)) + 8 * k)
        to16[0] = out16[0]
        to16[1] = out16[1]
        if two:
            to16[2] = out16[2]
            to16[3] = out16[3]
        else:
            out = ptr8(to16)
            out[4] = length >> 8
            out[5] = length
            to16[3] = out16[2]
        # to the node
        packet.size = length
        packet.stamp = now
        packet.interface = owner
        packet.arrived_us = us()
        counted = ptr32(counts)
        counted[_RX] += 1
        counted[_RXBYTES] += length
        known = ptr32(facts)
        k = known[_FILLED]
        inbox[k] = packet
        k += 1
        known[_FILLED] = 0 if k == known[_PLACES] else k
        wake()
    return _EMPTY
