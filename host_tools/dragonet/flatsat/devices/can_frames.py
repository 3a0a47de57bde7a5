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
# state after those eight bits, and 16 times the stuff bits they took; _FIRST the same of a frame's first 6 (extended)
# or 2 (standard) bits, after which head, data and CRC are whole bytes. _CRC is the CRC's step by a byte.
_STUFF = []
_FIRST = {6: [], 2: []}
_CRC = []


def _stuff(state, bits, count):
    stuffed = 0
    run, last = (state >> 1) + 1, state & 1
    for position in range(count - 1, -1, -1):
        bit = bits >> position & 1
        run = run + 1 if bit == last else 1
        last = bit
        if run == 5:  # a stuff bit of the other level, which begins a new run
            stuffed += 1
            run, last = 1, 1 - bit
    return 2 * (run - 1) + last | stuffed << 4


def _make_tables():
    for byte in range(256):
        crc = byte << 7
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc & 0x4000 else 0)) & 0x7FFF
        _CRC.append(crc)
    for count, table in _FIRST.items():  # the idle line before is recessive: a start of frame begins a run of one
        table.extend(_stuff(1, bits, count) for bits in range(1 << count))
    _STUFF.extend(_stuff(state, byte, 8) for state in range(10) for byte in range(256))


def frame_bits(identifier, flags, data):
    """Bits on the wire from start of frame to the end of intermission, stuff bits included."""
    if not _STUFF:
        _make_tables()
    rtr = flags & FLAG_RTR
    if rtr:
        size, data = len(data), b""
    else:
        size = len(data)
    if flags & FLAG_EXT_ID:  # SOF base11 SRR IDE ext18 RTR r1 r0 DLC4: 39 bits
        head = (identifier >> 18 << 21 | 3 << 19 | (identifier & 0x3FFFF) << 1 | rtr) << 6 | size
        whole = 5
        bits = 39
    else:  # SOF id11 RTR IDE r0 DLC4: 19 bits
        head = (identifier << 1 | rtr) << 6 | size
        whole = 3
        bits = 19
    crc = 0  # leading zeros do not change it
    for byte in head.to_bytes(whole, "big") + data:
        crc = _CRC[crc >> 7 ^ byte] ^ (crc << 8 & 0x7FFF)
    bits += 8 * len(data) + 15
    stream = ((head << 8 * len(data) | int.from_bytes(data, "big")) << 15) | crc
    whole = bits >> 3
    entry = _FIRST[bits & 7][stream >> 8 * whole]
    stuffed = entry >> 4
    for byte in (stream & (1 << 8 * whole) - 1).to_bytes(whole, "big"):
        entry = _STUFF[(entry & 15) << 8 | byte]
        stuffed += entry >> 4
    return bits + stuffed + _TAIL_BITS
