# AFSK 1200 Bd, Bell 202 tones (mark 1200 Hz, space 2200 Hz), as the sign of the tone: one bit of FSK each 1/13,200 s.
#
# 13,200 = 11 x 1200 = 6 x 2200. A line bit takes 11 of these bits: one whole turn of the mark tone, or 11/6 of the
# space tone. So the phase at the start of a line bit is always one of six, and the 11 bits come from a table of
# 2 tones x 6 phases. In an FM receiver the +-deviation is a square wave at audio; its third harmonic (3.6 kHz and
# above) is beyond the audio band, what remains is the tone, with continuous phase.
from micropython import const

BIT_RATE = const(13200)  # bit/s

_CHIPS = const(11)  # FSK bits in a line bit


def _patterns():
    # [tone * 6 + phase]: 11 bits, first in the highest place. Phases in 1/132 of a turn: one FSK bit is 12 of them
    # in mark, 22 in space; samples lie 5/132 after the phase so that none falls on a zero crossing.
    table = []
    for step in (22, 12):  # level 0 = space, level 1 = mark
        for phase in range(6):
            bits = 0
            for i in range(_CHIPS):
                bits = bits << 1 | (1 if (phase * 22 + step * i + 5) % 132 < 66 else 0)
            table.append(bits)
    return tuple(table)


_TABLE = _patterns()


class Modulator:
    """FSK bytes of a line (ax25.Line), most significant bit first as the radio chip sends them."""

    def __init__(self, line):
        self._line = line
        self.restart()

    def restart(self):
        """Begin again with the first frame of the line."""
        self._line.restart()
        self._phase = 0  # sixths of a turn
        self._bits = 0
        self._count = 0  # bits waiting in _bits
        self._over = False

    def fill(self, buffer):
        """Fill the buffer; returns how many bytes were made, fewer than asked only at the end."""
        made = 0
        size = len(buffer)
        bits = self._bits
        count = self._count
        phase = self._phase
        line = self._line
        while made < size:
            if count < 8 and not self._over:
                level = line.next()
                if level < 0:
                    self._over = True
                    if count:  # the last bits, then silence of the tone to the end of the byte
                        bits <<= 8 - count
                        count = 8
                elif level:
                    bits = (bits << _CHIPS | _TABLE[6 + phase]) & 0x3FFFF
                    count += _CHIPS
                else:
                    bits = (bits << _CHIPS | _TABLE[phase]) & 0x3FFFF
                    count += _CHIPS
                    phase = phase - 1 if phase else 5  # 11/6 of a turn on is 1/6 back
            if count < 8:
                break
            count -= 8
            buffer[made] = bits >> count & 0xFF
            made += 1
        self._bits = bits
        self._count = count
        self._phase = phase
        return made
