import sys
import unittest

from beacon import afsk, ax25
from beacon_ear import afsk_levels, bits_of, good_frames


def source(*infos):
    frames = []
    for info in infos:
        frame = ax25.Frame("BEACON", "N0CALL-11")
        frame.info[: len(info)] = info
        frame.close(len(info))
        frames.append(frame)
    return afsk.Modulator(ax25.Line(frames))


def drain(modulator, block):
    data = b""
    buffer = bytearray(block)
    while True:
        made = modulator.fill(buffer)
        data += bytes(buffer[:made])
        if made < block:
            return data


class Levels:
    """A line that is given."""

    def __init__(self, levels):
        self._levels = levels
        self.restart()

    def restart(self):
        self._at = 0

    def next(self):
        if self._at >= len(self._levels):
            return -1
        self._at += 1
        return self._levels[self._at - 1]


def crossings(bits):
    return sum(1 for a, b in zip(bits, bits[1:]) if a != b)


class Tones(unittest.TestCase):
    def test_a_second_of_mark_is_1200_turns_and_of_space_2200(self):
        for level, hertz in ((1, 1200), (0, 2200)):
            bits = bits_of(drain(afsk.Modulator(Levels([level] * 1200)), 32))
            self.assertEqual(len(bits), 13200)
            self.assertAlmostEqual(crossings(bits) / 2, hertz, delta=1)

    def test_the_phase_never_jumps(self):
        # Half a turn of mark lasts 5 or 6 bits, of space 3, of one that changes in between 3 to 6: no less, no more.
        levels = [1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0] * 40
        bits = bits_of(drain(afsk.Modulator(Levels(levels)), 32))[: len(levels) * 11]
        lengths = []
        run = 1
        for a, b in zip(bits, bits[1:]):
            if a == b:
                run += 1
            else:
                lengths.append(run)
                run = 1
        self.assertEqual(min(lengths[1:]), 3)
        self.assertEqual(max(lengths[1:]), 6)

    def test_each_symbol_is_eleven_bits(self):
        levels = [0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0]
        self.assertEqual(afsk_levels(drain(afsk.Modulator(Levels(levels)), 32))[: len(levels)], levels)


class Transmissions(unittest.TestCase):
    def test_frames_read_back(self):
        data = drain(source(b"NANODRAGON VIETNAM", b"", bytes(range(256))), 32)
        got = good_frames(afsk_levels(data))
        self.assertEqual([frame[16:] for frame in got], [b"NANODRAGON VIETNAM", b"", bytes(range(256))])

    def test_the_size_of_the_blocks_does_not_matter(self):
        whole = drain(source(b"HELLO"), 4096)
        for block in (1, 5, 31, 32, 33):
            self.assertEqual(drain(source(b"HELLO"), block), whole)

    def test_lasts_as_long_as_its_bits(self):
        data = drain(source(b""), 32)
        flags = (45 + 4) * 8
        symbols = len(data) * 8 // 11
        self.assertGreaterEqual(symbols, flags + 18 * 8)
        self.assertLess(symbols, flags + 18 * 8 + 8)

    def test_ended_it_stays_ended_until_restarted(self):
        modulator = source(b"X")
        first = drain(modulator, 32)
        self.assertEqual(modulator.fill(bytearray(8)), 0)
        modulator.restart()
        self.assertEqual(drain(modulator, 32), first)

    def test_allocates_nothing_while_it_fills(self):
        if sys.implementation.name != "micropython":
            return  # CPython has no heap to lock
        import micropython

        from beacon import morse

        keyer = morse.Keyer()
        keyer.load(b"VVV DE N0CALL NANODRAGON VIETNAM B7412")
        buffer = bytearray(32)
        for made_by in (source(b"NANODRAGON", b"VIETNAM"), keyer):
            micropython.heap_lock()
            try:
                while made_by.fill(buffer) == 32:
                    pass
            finally:
                micropython.heap_unlock()
