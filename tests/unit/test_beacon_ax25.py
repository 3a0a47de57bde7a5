import unittest

from beacon import ax25
from beacon_ear import good_frames, hdlc

VECTOR = "848a82869e9ce0b0ac62ac9c407703f054233030312c3132332c3034352c3230302c3031302c3039392c3130313130303030"


def unhex(text):
    return bytes([int(text[k : k + 2], 16) for k in range(0, len(text), 2)])


def frame_of(info, source="XV1VN-11", destination="BEACON"):
    frame = ax25.Frame(destination, source)
    frame.info[: len(info)] = info
    frame.close(len(info))
    return frame


def levels_of(line):
    levels = []
    while True:
        level = line.next()
        if level < 0:
            return levels
        levels.append(level)


def flags_of(levels):
    """Bits of an idle line, undone from NRZI."""
    bits = ""
    last = 0
    for level in levels:
        bits += "1" if level == last else "0"
        last = level
    return bits


class Frames(unittest.TestCase):
    def test_a_frame_is_the_published_bytes(self):
        frame = frame_of(b"T#001,123,045,200,010,099,10110000")
        self.assertEqual(bytes(frame.buffer[: frame.size]), unhex(VECTOR) + b"\x42\x0c")

    def test_the_check_sequence_of_the_standards_text_is_906e(self):
        self.assertEqual(ax25.fcs(b"123456789", 9), 0x906E)

    def test_an_empty_frame_and_the_longest_one_are_whole(self):
        for size in (0, 1, 255, 256):
            frame = frame_of(bytes(size))
            self.assertEqual(frame.size, 16 + size + 2)
            self.assertEqual(good_frames(levels_of(ax25.Line([frame]))), [bytes(frame.buffer[: frame.size - 2])])

    def test_refuses_more_than_256_bytes(self):
        frame = ax25.Frame("BEACON", "N0CALL")
        for size in (257, 1000, -1):
            with self.assertRaises(ValueError):
                frame.close(size)


class CallSigns(unittest.TestCase):
    def test_command_bits_and_ssid_stand_in_the_seventh_byte(self):
        buffer = bytearray(7)
        ax25.address_into(buffer, 0, "N0CALL", True, False)
        self.assertEqual(bytes(buffer), b"\x9c\x60\x86\x82\x98\x98\xe0")
        ax25.address_into(buffer, 0, "N0CALL-15", False, True)
        self.assertEqual(buffer[6], 0x7F)

    def test_refuses_what_ax25_cannot_carry(self):
        bad = ("", "-1", "N0CALL7", "n0call", "N0 CAL", "ÀB1C")
        for call in bad + ("N0CALL-", "N0CALL-16", "N0CALL--1", "N0CALL-1A", "N0CALL-001"):
            with self.assertRaises(ValueError):
                ax25.Frame("BEACON", call)


class OnTheLine(unittest.TestCase):
    def test_an_empty_line_is_flags_in_nrzi(self):
        bits = flags_of(levels_of(ax25.Line([frame_of(b"")], before=3, after=2)))
        self.assertEqual(bits[:24], "01111110" * 3)
        self.assertEqual(bits[-16:], "01111110" * 2)

    def test_a_zero_follows_five_ones(self):
        bits = flags_of(levels_of(ax25.Line([frame_of(b"\xff\xff")], before=1, after=1)))
        self.assertEqual(bits.count("111111"), 2)  # the two flags
        self.assertNotIn("1111111", bits)

    def test_a_check_sequence_that_ends_in_ones_is_stuffed_too(self):
        # Infos whose FCS ends in 0xF8..0xFF: five 1s before the closing flag.
        for number in range(2000):
            frame = frame_of(b"%d" % number)
            if frame.buffer[frame.size - 1] & 0xF8 == 0xF8:
                got = good_frames(levels_of(ax25.Line([frame])))
                self.assertEqual(got, [bytes(frame.buffer[: frame.size - 2])])

    def test_frames_follow_each_other_with_flags_between(self):
        frames = [frame_of(b"ONE"), frame_of(b""), frame_of(b"\xff" * 100)]
        for between in (1, 2, 8):
            got = good_frames(levels_of(ax25.Line(frames, between=between)))
            self.assertEqual(got, [bytes(frame.buffer[: frame.size - 2]) for frame in frames])

    def test_frames_without_content_are_passed_over(self):
        empty = ax25.Frame("BEACON", "N0CALL")
        got = good_frames(levels_of(ax25.Line([empty, frame_of(b"A"), empty, frame_of(b"B"), empty])))
        self.assertEqual([frame[16:] for frame in got], [b"A", b"B"])

    def test_nothing_to_send_is_flags_alone(self):
        self.assertEqual(len(levels_of(ax25.Line([], before=2, between=8, after=1))), 16)
        self.assertEqual(hdlc(levels_of(ax25.Line([]))), [])

    def test_a_restarted_line_says_the_same_again(self):
        line = ax25.Line([frame_of(b"AGAIN")])
        first = levels_of(line)
        line.restart()
        self.assertEqual(levels_of(line), first)
        self.assertEqual(line.next(), -1)
