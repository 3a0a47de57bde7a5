import unittest

from sensor import ais, ais_table, nmea


def received(*lines):
    """(sixes, bits) of the one message in these sentences."""
    got = []
    receiver = nmea.Receiver(lambda sixes, bits, channel, own: got.append((bytes(sixes), bits)))
    for line in lines:
        receiver.feed(line + b"\r\n", len(line) + 2, 0)
    return got[0]


def decoded(*lines):
    return ais_table.decode(*received(*lines))


# The same message with everything known, and with everything "not available".
CLASS_A = b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01"
CLASS_A_NOTHING = b"!AIVDM,1,1,,A,18SJ@DgP?w<tSF0l4Q@>4?v1P000,0*7B"
LONG_RANGE = b"!AIVDM,1,1,,A,K8SJ@DSkqW0gF6<P,0*1D"


class Messages(unittest.TestCase):
    def test_a_class_a_report_has_every_field(self):
        self.assertEqual(
            decoded(CLASS_A),
            {
                "msg_type": 1, "repeat": 0, "mmsi": 574001234, "status": 0, "turn": -20.0, "speed": 12.3,
                "accuracy": False, "lon": 106.5, "lat": 10.1, "course": 200.1, "heading": 199, "second": 0,
                "maneuver": 3, "raim": False, "radio": 0,
            },
        )

    def test_what_a_ship_does_not_report_is_none(self):
        message = decoded(CLASS_A_NOTHING)
        for name in ("status", "turn", "speed", "lon", "lat", "course", "heading"):
            self.assertIsNone(message[name])
        self.assertEqual(message["mmsi"], 574001234)

    def test_static_data_comes_from_two_sentences(self):
        message = decoded(
            b"!AIVDM,2,1,3,A,58SJ@DP2;=`1QK40000p4pt00000000000000016000000h00L5S`4ikP000,0*1E",
            b"!AIVDM,2,2,3,A,00000000000,2*27",
        )
        self.assertEqual(message["shipname"], "NANO")
        self.assertEqual(message["callsign"], "XV1")
        self.assertEqual(message["destination"], "VN SGN")
        self.assertEqual(message["imo"], 9123456)
        self.assertEqual(message["draught"], 11.2)
        self.assertEqual(message["ship_type"], 70)

    def test_class_b_comes_in_parts(self):
        self.assertEqual(decoded(b"!AIVDM,1,1,,A,H8SJ@DPPDhht0000000000000000,0*7B")["shipname"], "HELLO")
        part_b = decoded(b"!AIVDM,1,1,,A,H8SJ@DT0123000085<<?00000000,0*2D")
        self.assertEqual((part_b["vendorid"], part_b["callsign"], part_b["to_bow"]), ("ABC", "HELLO", 0))

    def test_an_auxiliary_craft_names_its_mother_ship(self):
        message = decoded(b"!AIVDM,1,1,,A,H>`PVDT0000000085<<?00R=`f00,0*7D")
        self.assertEqual(message["mothership_mmsi"], 574000000)
        self.assertNotIn("to_bow", message)

    def test_long_range_has_coarse_units(self):
        message = decoded(LONG_RANGE)
        got = [message[name] for name in ("lon", "lat", "speed", "course")]
        self.assertEqual(got, [106.5, 10.1, 12.0, 200.0])

    def test_long_range_sentinels_are_its_own(self):
        sixes, bits = received(LONG_RANGE)
        sixes = bytearray(sixes)
        put(sixes, 44, 18, 108600)
        put(sixes, 62, 17, 54600)
        put(sixes, 79, 6, 63)
        put(sixes, 85, 9, 511)
        message = ais_table.decode(sixes, bits)
        self.assertEqual([message[k] for k in ("lon", "lat", "speed", "course")], [None] * 4)

    def test_long_range_in_a_full_slot_is_the_same_message(self):
        sixes, bits = received(LONG_RANGE)
        self.assertEqual(ais_table.decode(sixes + bytes(12), 168), ais_table.decode(sixes, bits))

    def test_refuses_messages_shorter_than_their_type(self):
        sixes, bits = received(CLASS_A)
        for bits in (0, 5, 37, 100, 167):
            with self.assertRaises(ValueError):
                ais_table.decode(sixes, bits)

    def test_refuses_part_c_of_type_24(self):
        sixes = bytearray(received(b"!AIVDM,1,1,,A,H8SJ@DT0123000085<<?00000000,0*2D")[0])
        put(sixes, 38, 2, 2)
        with self.assertRaises(ValueError):
            ais_table.decode(sixes, 168)

    def test_only_counts_other_types(self):
        sixes = bytearray(28)
        for kind in (4, 6, 8, 9, 11, 21, 0, 63):
            sixes[0] = kind
            with self.assertRaises(ais.Unsupported):
                ais_table.decode(sixes, 168)

    def test_the_position_of_a_report_matches_its_fields(self):
        out = [0] * 8
        self.assertTrue(ais.position(*received(CLASS_A), out))
        self.assertEqual(out, [574001234, 63900000, 6060000, 123, 2001, 199, 0, ais.CLASS_A])
        self.assertTrue(ais.position(*received(LONG_RANGE), out))
        self.assertEqual(out, [574001234, 63900000, 6060000, 120, 2000, 511, 15, ais.LONG_RANGE])
        self.assertTrue(ais.position(*received(CLASS_A_NOTHING), out))
        self.assertEqual(out[1:7], [ais.NO_LON, ais.NO_LAT, ais.NO_SPEED, ais.NO_COURSE, ais.NO_HEADING, ais.NO_STATUS])

    def test_southern_and_western_positions_are_negative(self):
        sixes = bytearray(received(CLASS_A)[0])
        put(sixes, 61, 28, (1 << 28) - 600000)
        put(sixes, 89, 27, (1 << 27) - 1200000)
        message = ais_table.decode(sixes, 168)
        self.assertEqual((message["lon"], message["lat"]), (-1.0, -2.0))

    def test_a_place_off_the_globe_is_no_position(self):
        sixes = bytearray(received(CLASS_A)[0])
        put(sixes, 61, 28, 120000000)
        out = [0] * 8
        ais.position(sixes, 168, out)
        self.assertEqual(out[ais.LON], ais.NO_LON)

    def test_turn_without_an_indicator_keeps_its_side(self):
        sixes = bytearray(received(CLASS_A)[0])
        put(sixes, 42, 8, 127)
        self.assertEqual(ais_table.decode(sixes, 168)["turn"], 127.0)
        put(sixes, 42, 8, 256 - 127)
        self.assertEqual(ais_table.decode(sixes, 168)["turn"], -127.0)

    def test_bits_are_read_wherever_they_lie(self):
        sixes = bytes((0b101100, 0b011110, 0b000111, 0b110001, 0b101010, 0b111111))
        all_bits = 0
        for six in sixes:
            all_bits = all_bits << 6 | six
        for first in range(36):
            for width in range(1, min(30, 36 - first) + 1):
                expected = all_bits >> 36 - first - width & (1 << width) - 1
                self.assertEqual(ais.unsigned(sixes, first, width), expected)


def put(sixes, first, width, value):
    for k in range(width):
        bit = first + k
        mask = 32 >> bit % 6
        sixes[bit // 6] &= 63 ^ mask
        if value >> width - 1 - k & 1:
            sixes[bit // 6] |= mask
