# Housekeeping tables and heartbeats: bytes, ranges, what is not available.
import unittest

from core import heartbeat
from core.hk_table import COMMON
from core.telemetry import Set

FIELDS = (
    ("small", "u8", "", 1, "a counter"),
    ("shift", "i8", "degC", 0.5, "a temperature"),
    ("volts", "u16", "V", 0.001, "a voltage"),
    ("amps", "i16", "A", 0.001, "a current"),
    ("time", "u32", "s", 1, "a time"),
    ("place", "i32", "m", 1, "a place"),
)


def packed(values):
    table = Set("test", FIELDS)
    buffer = bytearray(table.size)
    table.pack_into(buffer, values)
    return table, bytes(buffer)


class Tables(unittest.TestCase):
    def test_fields_stand_big_endian_without_gaps(self):
        table, data = packed([7, -3, 7412, -250, 86_400, -70_000])
        self.assertEqual(data, b"\x07\xfd\x1c\xf4\xff\x06\x00\x01\x51\x80\xff\xfe\xee\x90")
        self.assertEqual(table.size, 14)

    def test_unpacking_gives_back_what_was_packed(self):
        table, data = packed([7, -3, 7412, -250, 86_400, -70_000])
        self.assertEqual(
            table.unpack(data),
            {"small": 7, "shift": -3, "volts": 7412, "amps": -250, "time": 86_400, "place": -70_000},
        )
        self.assertEqual(table.get(data, table.index("amps")), -250)

    def test_every_type_carries_its_extremes(self):
        for values in ([0, -127, 0, -32767, 0, -0x7FFFFFFF], [254, 127, 65534, 32767, 0xFFFFFFFE, 0x7FFFFFFF]):
            table, data = packed(values)
            self.assertEqual([table.get(data, k) for k in range(6)], values)
            self.assertEqual(table.saturated, 0)

    def test_not_available_travels_as_the_reserved_value(self):
        table, data = packed([None] * 6)
        self.assertEqual(data, b"\xff\x80\xff\xff\x80\x00\xff\xff\xff\xff\x80\x00\x00\x00")
        self.assertEqual(table.unpack(data)["volts"], None)
        self.assertEqual(table.saturated, 0)

    def test_what_does_not_fit_saturates_and_is_counted(self):
        table, data = packed([255, -128, 1 << 40, -40_000, -1, 1 << 31])
        self.assertEqual([table.get(data, k) for k in range(6)], [254, -127, 65534, -32767, 0, 0x7FFFFFFF])
        self.assertEqual(table.saturated, 6)

    def test_what_is_no_number_is_not_available_and_counted(self):
        table, data = packed([float("nan"), "x", (), float("inf"), 1.6, -1.6])
        self.assertEqual([table.get(data, k) for k in range(6)], [None, None, None, 32767, 2, -2])
        self.assertEqual(table.saturated, 4)

    def test_packing_at_an_offset_leaves_the_rest_alone(self):
        table = Set("test", FIELDS[:1])
        buffer = bytearray(b"abc")
        table.pack_into(buffer, [0x42], 1)
        self.assertEqual(bytes(buffer), b"aBc")

    def test_scaled_values_are_in_their_units(self):
        table, data = packed([7, -3, 7412, None, 1, 2])
        values = table.scaled(table.unpack(data))
        self.assertAlmostEqual(values["volts"], 7.412, places=4)
        self.assertAlmostEqual(values["shift"], -1.5, places=4)
        self.assertIsNone(values["amps"])

    def test_data_of_another_size_is_refused(self):
        table, data = packed([0] * 6)
        with self.assertRaises(ValueError):
            table.unpack(data[:-1])
        with self.assertRaises(ValueError):
            table.unpack(data + b"\0")

    def test_a_wrong_table_is_refused_when_it_is_made(self):
        with self.assertRaises(ValueError):
            Set("test", (("a", "u64", "", 1, ""),))
        with self.assertRaises(ValueError):
            Set("test", (("a", "u8", "", 1, ""), ("a", "u8", "", 1, "")))

    def test_the_hash_covers_what_a_receiver_must_agree_on(self):
        def of(*field):
            return Set("test", (field,)).hash

        base = of("a", "u8", "V", 0.5, "one")
        self.assertEqual(base, of("a", "u8", "V", 0.5, "reworded"))
        self.assertNotEqual(base, of("b", "u8", "V", 0.5, ""))
        self.assertNotEqual(base, of("a", "i8", "V", 0.5, ""))
        self.assertNotEqual(base, of("a", "u8", "A", 0.5, ""))
        self.assertNotEqual(base, of("a", "u8", "V", 0.25, ""))

    def test_the_hash_is_the_crc_of_the_text_on_every_interpreter(self):
        table = Set("test", (("a", "u8", "V", 0.001, "one"), ("b", "i16", "", 0.0078125, "two")))
        self.assertEqual(table.text(), "housekeeping test\na u8 0.001 V\nb i16 0.0078125 ")
        self.assertEqual(table.hash, 0x8DA917D9)

    def test_the_common_fields_come_first_as_agreed(self):
        names = [field[0] for field in COMMON]
        self.assertEqual(names[:6], ["seq", "uptime_s", "mission_s", "mode", "boots", "reset_cause"])


class Heartbeat(unittest.TestCase):
    def test_carries_every_field_to_the_other_side(self):
        buffer = bytearray(heartbeat.SIZE)
        heartbeat.pack_into(buffer, 3, 1, 517, 0xDEADBEEF)
        self.assertEqual(bytes(buffer), b"\x13\x05\xbe\xef")
        self.assertEqual(heartbeat.unpack(buffer), (3, 1, 517 % 256, 0xBEEF))

    def test_refuses_a_short_packet_and_an_unknown_mode(self):
        with self.assertRaises(ValueError):
            heartbeat.unpack(b"\x03\x01")
        with self.assertRaises(ValueError):
            heartbeat.unpack(b"\x17\x05\xbe\xef")
