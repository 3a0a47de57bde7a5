import unittest

from sensor import drops, nmea

POSITION = b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01\r\n"
STATIC_1 = b"!AIVDM,2,1,3,A,58SJ@DP2;=`1QK40000p4pt00000000000000016000000h00L5S`4ikP000,0*1E\r\n"
STATIC_2 = b"!AIVDM,2,2,3,A,00000000000,2*27\r\n"


def sentence(body):
    """A line with the checksum it should have."""
    check = 0
    for c in body:
        check ^= c
    return b"!" + body + b"*%02X\r\n" % check


class Reception(unittest.TestCase):
    def setUp(self):
        self.messages = []
        self.receiver = nmea.Receiver(self.message)

    def message(self, sixes, bits, channel, own):
        self.messages.append((bytes(sixes[: (bits + 5) // 6]), bits, channel, own))

    def feed(self, data, now_ms=0):
        self.receiver.feed(data, len(data), now_ms)

    def dropped(self):
        counts = self.receiver.dropped
        return {drops.REASONS[i]: counts[i] for i in range(len(counts)) if counts[i]}

    def test_the_table_of_characters_is_that_of_the_standard(self):
        for c in range(256):
            value = c - 48 - (8 if c > 88 else 0)
            self.assertEqual(nmea._SIX[c], value if 48 <= c < 88 or 96 <= c < 120 else 255)

    def test_delivers_a_sentence_as_six_bits_a_byte(self):
        self.feed(POSITION)
        sixes, bits, channel, own = self.messages[0]
        self.assertEqual(bits, 168)
        self.assertEqual(sixes[:8], bytes((1, 8, 35, 26, 16, 20, 32, 58)))
        self.assertEqual(channel, ord("A"))
        self.assertFalse(own)
        self.assertEqual(self.dropped(), {})

    def test_does_not_care_how_the_bytes_are_cut(self):
        for i in range(len(POSITION)):
            self.feed(POSITION[: i])
            self.feed(POSITION[i:])
        self.assertEqual(len(self.messages), len(POSITION))
        self.assertEqual(self.dropped(), {})

    def test_takes_other_talkers_and_the_own_ship(self):
        for talker in (b"AB", b"AD", b"AN", b"AR", b"AS", b"AT", b"AX", b"BS", b"SA"):
            self.feed(sentence(talker + b"VDM,1,1,,B,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDO,1,1,,,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.assertEqual(len(self.messages), 10)
        self.assertEqual(self.messages[0][2], ord("B"))
        self.assertEqual(self.messages[9][2:], (0, True))
        self.assertEqual(self.receiver.own, 1)

    def test_reads_channels_1_and_2_as_a_and_b(self):
        self.feed(sentence(b"AIVDM,1,1,,2,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.assertEqual(self.messages[0][2], ord("B"))

    def test_skips_a_tag_block(self):
        self.feed(b"\\s:2573535,c:1671533231*08\\" + POSITION)
        self.assertEqual(len(self.messages), 1)
        self.assertEqual(self.dropped(), {})

    def test_joins_two_sentences_and_drops_the_fill_bits(self):
        self.feed(STATIC_1 + STATIC_2)
        self.assertEqual(len(self.messages), 1)
        self.assertEqual(self.messages[0][1], 424)
        self.assertEqual(self.receiver.sentences, 2)

    def test_joins_messages_that_come_interleaved(self):
        other_1 = STATIC_1.replace(b",3,A,", b",4,B,").replace(b"*1E", b"*1A")
        other_2 = STATIC_2.replace(b",3,A,", b",4,B,").replace(b"*27", b"*23")
        self.feed(STATIC_1 + other_1 + POSITION + STATIC_2 + other_2)
        self.assertEqual([m[1] for m in self.messages], [168, 424, 424])
        self.assertEqual([m[2] for m in self.messages[1:]], [ord("A"), ord("B")])
        self.assertEqual(self.dropped(), {})

    def test_a_message_longer_than_any_that_is_decoded_is_whole_in_its_bits(self):
        for last, dropped in ((b"w", {}), (b"x", {"armour": 1})):
            for number in (1, 2, 3):
                end = b"0" if number < 3 else last
                self.feed(sentence(b"AIVDM,3,%d,5,A,8%s%s,2" % (number, b"1" * 57, end)))
            self.assertEqual(self.dropped(), dropped)
        ((sixes, bits, _, _),) = self.messages
        self.assertEqual((bits, sixes[:3], sixes[59:62]), (1060, b"\x08\x01\x01", b"\x08\x01\x01"))

    def test_counts_a_second_sentence_without_a_first(self):
        self.feed(STATIC_2)
        self.assertEqual(self.dropped(), {"orphan": 1})

    def test_counts_a_message_whose_end_came_too_late(self):
        self.feed(STATIC_1, 1000)
        self.feed(STATIC_2, 1000 + nmea.JOIN_MS + 1)
        self.assertEqual(self.messages, [])
        self.assertEqual(self.dropped(), {"expired": 1, "orphan": 1})

    def test_joins_across_the_wrap_of_the_ticks(self):
        self.feed(STATIC_1, (1 << 30) - 5)
        self.feed(STATIC_2, 20)
        self.assertEqual(len(self.messages), 1)

    def test_expires_what_stays_incomplete(self):
        self.feed(STATIC_1, 0)
        self.receiver.expire(nmea.JOIN_MS)
        self.assertEqual(self.dropped(), {})
        self.receiver.expire(nmea.JOIN_MS + 1)
        self.assertEqual(self.dropped(), {"expired": 1})

    def test_gives_up_the_oldest_when_too_many_wait(self):
        for sequence in range(5):
            self.feed(sentence(b"AIVDM,2,1,%d,A,58SJ@DP2;=`1QK40000p4pt0000000000,0" % sequence), sequence)
        self.assertEqual(self.dropped(), {"incomplete": 1})
        self.feed(sentence(b"AIVDM,2,2,0,A,0000,0"), 5)
        self.assertEqual(self.dropped(), {"incomplete": 1, "orphan": 1})
        self.feed(sentence(b"AIVDM,2,2,4,A,0000,0"), 5)
        self.assertEqual(len(self.messages), 1)

    def test_counts_a_wrong_checksum(self):
        self.feed(POSITION.replace(b"*01", b"*02"))
        self.feed(POSITION.replace(b"*01", b""))
        self.feed(POSITION.replace(b"*01", b"*0G"))
        self.assertEqual(self.dropped(), {"checksum": 3})
        self.assertEqual(self.messages, [])

    def test_counts_what_is_no_ais_sentence(self):
        self.feed(sentence(b"AITXT,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDM,0,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDM,1,2,,A,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDM,1,1,x,A,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDM,1,1,,AB,18SJ@DPris7WQ;05iop7lF>1P000,0"))
        self.feed(sentence(b"AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,6"))
        self.feed(sentence(b"AIVDM"))
        self.assertEqual(self.dropped(), {"format": 7})
        self.assertEqual(self.messages, [])

    def test_counts_payload_characters_that_do_not_exist(self):
        self.feed(sentence(b"AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P0 0,0"))
        self.feed(sentence(b"AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P0x0,0"))
        self.feed(sentence(b"AIVDM,1,1,,A,,0"))
        self.assertEqual(self.dropped(), {"armour": 3})
        self.assertEqual(self.messages, [])

    def test_counts_a_line_cut_by_the_next(self):
        self.feed(POSITION[:20] + POSITION)
        self.assertEqual(len(self.messages), 1)
        self.assertEqual(self.dropped(), {"garbage": 1})

    def test_counts_noise_and_other_sentences(self):
        self.feed(b"$GPGGA,1,2*00\r\nnoise\r\n\r\n")
        self.assertEqual(self.dropped(), {"garbage": 2})

    def test_counts_an_endless_line_and_recovers(self):
        self.feed(b"!AIVDM" + b"0" * 400 + b"\r\n")
        self.assertEqual(self.dropped()["too_long"], 1)
        self.feed(POSITION)
        self.assertEqual(len(self.messages), 1)

    def test_counts_a_message_longer_than_any(self):
        for number in range(1, 5):
            self.feed(sentence(b"AIVDM,4,%d,1,A,%s,0" % (number, b"5" * 60)))
        self.assertEqual(self.dropped(), {"too_long": 1})

    def test_survives_every_byte(self):
        noise = bytearray(256 * 64)
        state = 1
        for i in range(len(noise)):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            noise[i] = state >> 16 & 0xFF
        for i in range(0, len(noise), 100):
            self.feed(noise[i : i + 100], i)
        self.feed(b"\r\n" + POSITION)
        self.assertEqual(len(self.messages), 1)
