# CAN 2.0 frames as bits: how long they take and who wins arbitration (ISO 11898-1, 10.4). Plain Python for both sides.

FLAG_RTR = 1
FLAG_EXT_ID = 2
_POLYNOMIAL = 0x4599  # 15-bit CRC, 10.4.2.6


def arbitration_key(identifier, flags):
    """The lowest key wins the bus: identifier bits, then RTR or SRR, then IDE, as they go out."""
    if flags & FLAG_EXT_ID:
        return identifier >> 18 << 21 | 3 << 19 | (identifier & 0x3FFFF) << 1 | flags & FLAG_RTR
    return identifier << 21 | (flags & FLAG_RTR) << 20


def frame_bits(identifier, flags, data):
    """Bits on the wire from start of frame to the end of intermission, stuff bits included."""
    rtr = flags & FLAG_RTR
    if flags & FLAG_EXT_ID:  # SOF base11 SRR IDE ext18 RTR r1 r0
        bits = identifier >> 18 << 21 | 3 << 19 | (identifier & 0x3FFFF) << 1 | rtr
        bits, size = bits << 2, 1 + 34
    else:  # SOF id11 RTR IDE r0
        bits, size = (identifier << 1 | rtr) << 2, 1 + 14
    bits, size = bits << 4 | len(data), size + 4
    if not rtr:
        for byte in data:
            bits = bits << 8 | byte
        size += 8 * len(data)
    crc = 0
    stuffed = 0
    run, last = 0, -1
    for position in range(size - 1, -1, -1):
        bit = bits >> position & 1
        crc = (crc << 1 ^ (_POLYNOMIAL if bit ^ crc >> 14 else 0)) & 0x7FFF
        run = run + 1 if bit == last else 1
        last = bit
        if run == 5:  # a stuff bit of the other level, which begins a new run
            stuffed += 1
            run, last = 1, 1 - bit
    for position in range(14, -1, -1):
        bit = crc >> position & 1
        run = run + 1 if bit == last else 1
        last = bit
        if run == 5:
            stuffed += 1
            run, last = 1, 1 - bit
    return size + 15 + stuffed + 13  # CRC, then delimiter, ACK 2, EOF 7, intermission 3
