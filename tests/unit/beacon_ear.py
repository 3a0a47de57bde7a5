# Reads what a radio chip was told to send: records to bytes, bytes to Morse and to AX.25 frames. Written against the
# standards and apart from the encoders; used by tests only.

MORSE = {
    ".-": "A", "-...": "B", "-.-.": "C", "-..": "D", ".": "E", "..-.": "F", "--.": "G", "....": "H", "..": "I",
    ".---": "J", "-.-": "K", ".-..": "L", "--": "M", "-.": "N", "---": "O", ".--.": "P", "--.-": "Q", ".-.": "R",
    "...": "S", "-": "T", "..-": "U", "...-": "V", ".--": "W", "-..-": "X", "-.--": "Y", "--..": "Z",
    "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5", "-....": "6", "--...": "7",
    "---..": "8", "----.": "9", ".-.-.-": ".", "--..--": ",", "---...": ":", "..--..": "?", ".----.": "'",
    "-....-": "-", "-..-.": "/", "-.--.": "(", "-.--.-": ")", ".-..-.": '"', "-...-": "=", ".-.-.": "+", ".--.-.": "@",
}  # fmt: skip


def bits_of(data):
    bits = []
    for byte in data:
        for k in range(7, -1, -1):
            bits.append(byte >> k & 1)
    return bits


def runs_of(data, dit):
    """(level, length in dits) of keyed bytes; AssertionError unless each is a whole number of dits of full bytes."""
    runs = []
    for byte in data:
        assert byte in (0x00, 0xFF), byte
        if runs and runs[-1][0] == byte:
            runs[-1][1] += 1
        else:
            runs.append([byte, 1])
    result = []
    for byte, length in runs:
        assert length % dit == 0, (byte, length)
        result.append((byte & 1, length // dit))
    return result


def morse(data, dit=9):
    """The text of keyed bytes; "#" for what is no character."""
    text = ""
    character = ""
    for level, length in runs_of(data, dit):
        if level:
            character += {1: ".", 3: "-"}[length]
        elif length > 1 or character == "":
            text += MORSE.get(character, "#") + (" " if length == 7 else "")
            character = ""
    return text + (MORSE.get(character, "#") if character else "")


def afsk_levels(data):
    """Line levels of one-bit tones at 11 bits a symbol: 1 = mark. A mark crosses zero twice, a space 3 or 4 times."""
    bits = bits_of(data)
    levels = []
    last = 1 - bits[0]
    for start in range(0, len(bits) - 10, 11):
        crossings = 0
        for bit in bits[start : start + 11]:
            if bit != last:
                crossings += 1
            last = bit
        assert 2 <= crossings <= 4, (start, crossings)
        levels.append(1 if crossings == 2 else 0)
    return levels


def hdlc(levels):
    """Frames between flags, FCS included, of NRZI levels. Frames that are no whole bytes are given as None."""
    frames = []
    frame = None  # bits since the last flag
    ones = 0
    last = 0
    for level in levels:
        bit = 1 if level == last else 0
        last = level
        if bit:
            ones += 1
            if frame is not None:
                frame.append(1)
        elif ones == 6:  # a flag ends here: its 0 and six 1s were taken for data
            if frame is not None and len(frame) > 7:
                frames.append(frame[:-7])
            frame = []
            ones = 0
        elif ones == 5:
            ones = 0  # stuffed
        else:
            if ones > 6:
                frame = None  # abort
            ones = 0
            if frame is not None:
                frame.append(0)
    return [pack(frame) for frame in frames if frame]


def pack(bits):
    if len(bits) % 8:
        return None
    data = bytearray()
    for at in range(0, len(bits), 8):
        byte = 0
        for k in range(8):
            byte |= bits[at + k] << k
        data.append(byte)
    return bytes(data)


def crc(data):
    """CRC-16/X.25 bit by bit."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
    return value ^ 0xFFFF


def good_frames(levels):
    """Frames with a right FCS, without it."""
    frames = []
    for frame in hdlc(levels):
        if frame is not None and len(frame) > 17 and crc(frame[:-2]) == frame[-2] | frame[-1] << 8:
            frames.append(frame[:-2])
    return frames


class Sent:
    """One transmission of a chip. ook: keyed or FSK. data: bytes of all its runs."""

    def __init__(self, start_us, registers):
        self.start_us = start_us
        self.stop_us = None
        self.registers = registers
        self.ook = registers[0] & 0x60 == 0x20
        self.data = b""

    @property
    def seconds(self):
        return (self.stop_us - self.start_us) / 1000000

    def text(self):
        return morse(self.data)

    def frames(self):
        return good_frames(afsk_levels(self.data))


def transmissions(emitted, kind=16):
    """From (us, kind, bytes) records, layout in devices/sx1278.py."""
    found = []
    for us, what, data in emitted:
        if what != kind:
            continue
        if data[0] == 1:
            found.append(Sent(us, data[1:]))
        elif data[0] == 2:
            found[-1].data += data[5:]
        elif data[0] == 3:
            found[-1].stop_us = us
    return found
