import unittest

from beacon import morse
from beacon_ear import MORSE, runs_of
from beacon_ear import morse as read


def keyed(text, words_per_minute=20, block=32):
    keyer = morse.Keyer(words_per_minute)
    keyer.load(text)
    return drain(keyer, block)


def drain(source, block):
    data = b""
    buffer = bytearray(block)
    while True:
        made = source.fill(buffer)
        data += bytes(buffer[:made])
        if made < block:
            return data


class Characters(unittest.TestCase):
    def test_an_e_is_one_dit_of_nine_bytes_and_a_dit_of_silence(self):
        self.assertEqual(keyed(b"E"), b"\xff" * 9 + b"\x00" * 9)

    def test_paris_with_its_word_gap_is_fifty_units(self):
        self.assertEqual(len(keyed(b"PARIS PARIS")), (50 + 43 + 1) * 9)
        self.assertEqual(morse.units(b"PARIS PARIS"), 94)

    def test_gaps_are_one_three_and_seven_units(self):
        self.assertEqual(
            runs_of(keyed(b"A T"), 9), [(1, 1), (0, 1), (1, 3), (0, 7), (1, 3), (0, 1)]
        )
        self.assertEqual(runs_of(keyed(b"AT"), 9), [(1, 1), (0, 1), (1, 3), (0, 3), (1, 3), (0, 1)])

    def test_every_character_of_m_1677_reads_back(self):
        text = "".join(sorted(MORSE.values()))
        self.assertEqual(read(keyed(text.encode())), text)

    def test_lower_case_counts_as_upper(self):
        self.assertEqual(keyed(b"vietnam"), keyed(b"VIETNAM"))

    def test_what_morse_cannot_say_is_sent_as_a_question_mark(self):
        for code in list(range(1, 32)) + [ord(c) for c in "!#$%&*;<>[\\]^_`{|}~"] + [127, 128, 200, 255]:
            self.assertEqual(read(keyed(bytes((0x41, code, 0x42)))), "A?B")

    def test_many_spaces_make_one_gap_and_none_at_the_ends(self):
        self.assertEqual(keyed(b"  A   B  "), keyed(b"A B"))


class Blocks(unittest.TestCase):
    def test_the_size_of_the_blocks_does_not_matter(self):
        whole = keyed(b"VVV DE N0CALL NANODRAGON", block=4096)
        for block in (1, 7, 9, 31, 32, 64):
            self.assertEqual(keyed(b"VVV DE N0CALL NANODRAGON", block=block), whole)

    def test_an_ended_text_stays_ended(self):
        keyer = morse.Keyer()
        keyer.load(b"E")
        buffer = bytearray(100)
        self.assertEqual(keyer.fill(buffer), 18)
        self.assertEqual(keyer.fill(buffer), 0)
        self.assertEqual(keyer.fill(buffer), 0)

    def test_nothing_to_say_makes_nothing(self):
        self.assertEqual(keyed(b""), b"")
        self.assertEqual(keyed(b"   "), b"")
        self.assertEqual(morse.units(b"  "), 0)

    def test_a_new_text_begins_afresh(self):
        keyer = morse.Keyer()
        keyer.load(b"OOO")
        keyer.fill(bytearray(13))
        keyer.load(b"E")
        self.assertEqual(drain(keyer, 5), keyed(b"E"))


class Speed(unittest.TestCase):
    def test_a_dit_at_20_wpm_is_60_ms(self):
        self.assertEqual(len(keyed(b"E")) // 2 * 8 * 1000 // morse.BIT_RATE, 60)

    def test_other_speeds_change_the_dit_alone(self):
        self.assertEqual(keyed(b"E", 12), b"\xff" * 15 + b"\x00" * 15)
        self.assertEqual(read(keyed(b"AB CD", 15), 12), "AB CD")

    def test_refuses_a_speed_whose_dit_is_no_whole_number_of_bytes(self):
        for speed in (0, -20, 7, 25, 181):
            with self.assertRaises(ValueError):
                morse.Keyer(speed)

    def test_tells_the_time_on_air(self):
        keyer = morse.Keyer()
        keyer.load(b"PARIS " * 19 + b"PARIS")
        self.assertEqual(keyer.seconds(), 60)
