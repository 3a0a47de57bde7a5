# CAN 2.0 frames as bits: how long they take and who wins arbitration (ISO 11898-1, 10.4). Plain Python for both sides.

FLAG_RTR = 1
FLAG_EXT_ID = 2
_POLYNOMIAL = 0x4599  # 15-bit CRC, 10.4.2.6
_TAIL_BITS = 13  # CRC delimiter, ACK slot and delimiter, EOF 7, intermission 3: never stuffed


def arbitration_key(identifier, flags):
    """The lowest key wins the bus: identifier bits, then RTR or SRR, then IDE, as they go out."""
    if flags & FLAG_EXT_ID:
        return identifier >> 18 << 21 | 3 << 19 | (identifier & 0x3FFFF) << 1 | flags & FLAG_RTR
    return identifier << 21 | (flags & FLAG_RTR) << 20


# Bit stuffing as a machine with ten states: 2 * (length of the run - 1) + its bit. _STUFF[state << 8 | byte] is the
# state after those eight bits and how many stuff bits they took; _CRC the CRC's step by a byte. Made at first use.
_STUFF = []
_CRC = []


def _stuff_bits(state, bits, count):
    """(state, stuff bits) after the low `count` bits, the most significant first."""
    stuffed = 0
    run, last = (state >> 1) + 1, state & 1
    for position in range(count - 1, -1, -1):
        bit = bits >> position & 1
        run = run + 1 if bit == last else 1
        last = bit
        if run == 5:  # a stuff bit of the other level, which begins a new run
            stuffed += 1
            run, last = 1, 1 - bit
    return 2 * (run - 1) + last, stuffed


def _make_tables():
    for state in range(10):
        for byte in range(256):
            after, stuffed = _stuff_bits(state, byte, 8)
            _STUFF.append(after | stuffed << 4)
    for byte in range(256):
        crc = byte << 7
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc & 0x4000 else 0)) & 0x7FFF
        _CRC.append(crc)


def frame_bits(identifier, flags, data):
    """Bits on the wire from start of frame to the end of intermission, stuff bits included."""
    if not _STUFF:
        _make_tables()
    rtr = flags & FLAG_RTR
    if flags & FLAG_EXT_ID:  # SOF base11 SRR IDE ext18 RTR r1 r0 DLC4
        head = (identifier >> 18 << 21 | 3 << 19 | (identifier & 0x3FFFF) << 1 | rtr) << 6 | len(data)
        size = 39
    else:  # SOF id11 RTR IDE r0 DLC4
        head = (identifier << 1 | rtr) << 6 | len(data)
        size = 19
    whole = size >> 3
    first = size & 7
    # the idle line before is recessive: a run of no consequence, so begin with a run of one at the other level
    state, stuffed = _stuff_bits(1, head >> 8 * whole, first)
    crc = _CRC[head >> 8 * whole]
    body = head & (1 << 8 * whole) - 1
    for byte in body.to_bytes(whole, "big") + (b"" if rtr else data):
        entry = _STUFF[state << 8 | byte]
        state = entry & 15
        stuffed += entry >> 4
        crc = _CRC[crc >> 7 ^ byte] ^ (crc << 8 & 0x7FFF)
    stuffed += _stuff_bits(state, crc, 15)[1]
    return size + (0 if rtr else 8 * len(data)) + 15 + stuffed + _TAIL_BITS
