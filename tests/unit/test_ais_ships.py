import unittest
from array import array

import micropython

from sensor import ais, nmea, records
from sensor.ships import RESEND_S, STATIC_QUEUE, Ships, oldest, place

STATIC_A = (
    b"!AIVDM,2,1,3,A,58SJ@DP2;=`1QK40000p4pt00000000000000016000000h00L5S`4ikP000,0*1E",
    b"!AIVDM,2,2,3,A,00000000000,2*27",
)
NAME_B = (b"!AIVDM,1,1,,A,H8SJ@DPPDhht0000000000000000,0*7B",)
REST_B = (b"!AIVDM,1,1,,A,H8SJ@DT0123000085<<?00000000,0*2D",)


def received(lines):
    got = []
    receiver = nmea.Receiver(lambda sixes, bits, channel, own: got.append((bytearray(sixes), bits)))
    for line in lines:
        receiver.feed(line + b"\r\n", len(line) + 2, 0)
    return got[0]


def report(mmsi, lon=600000, lat=1200000):
    return [mmsi, lon, lat, 123, 2001, 199, 0, ais.CLASS_A]


class Table(unittest.TestCase):
    def setUp(self):
        self.ships = Ships(8)
        self.buffer = bytearray(512)

    def test_keeps_one_entry_of_each_mmsi(self):
        for k in range(5):
            self.ships.position(report(574001234, lon=k), 10 + k)
        self.ships.position(report(574001235), 20)
        self.assertEqual(self.ships.count, 2)
        self.assertEqual(
            self.ships.get(574001234),
            {"mmsi": 574001234, "lon": 4, "lat": 1200000, "speed": 123, "course": 2001, "heading": 199, "status": 0,
             "class": 0, "seen": 14},
        )
        self.assertIsNone(self.ships.get(574001236))

    def test_the_longest_unheard_gives_way(self):
        for mmsi in range(1, 9):
            self.ships.position(report(mmsi), mmsi)
        self.ships.position(report(1), 9)
        self.ships.position(report(9), 10)
        self.assertIsNone(self.ships.get(2))
        self.assertIsNotNone(self.ships.get(1))
        self.assertEqual((self.ships.count, self.ships.evicted, self.ships.evicted_unsent), (8, 1, 1))

    def test_agrees_with_a_plain_list_over_many_random_reports(self):
        order = []
        state = 7
        for t in range(4000):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            mmsi = 200000000 + (state >> 16) % 20 * 4096
            self.ships.position(report(mmsi, lon=t), t)
            if mmsi in order:
                order.remove(mmsi)
            order.append(mmsi)
            order = order[-8:]
            if t % 40 == 0:
                for known in range(200000000, 200000000 + 20 * 4096, 4096):
                    self.assertEqual(self.ships.get(known) is not None, known in order)
        self.assertEqual(self.ships.count, 8)

    def test_the_oldest_is_the_first_of_the_least(self):
        for values in ([7], [3, 2, 2, 5], [1, 2, 3], [3, 2, 1], [0xFFFF, 9, 9], [0xFFFF, 0xFFFF]):
            self.assertEqual(oldest(array("H", values), 1 << 16, len(values)), values.index(min(values)))
        self.assertEqual(oldest(array("H", [3, 2, 1]), 1 << 16, 2), 1)

    def test_a_place_is_the_first_of_those_that_count(self):
        mmsis = array("I", [999999999, 1, 5, 1, 0])
        for count, wanted, found in ((5, 1, 1), (5, 999999999, 0), (5, 7, -1), (2, 5, -1), (0, 999999999, -1)):
            self.assertEqual(place(mmsis, count, wanted), found)

    def test_ages_are_right_through_days_in_which_the_oldest_still_gives_way(self):
        for silence_s in (65535, 65536, 100000, 500000):
            self.ships = Ships(3)
            self.ships.position(report(1), 100)
            self.ships.position(report(2), 40000)
            now_s = 40000 + silence_s
            self.ships.position(report(3), now_s - 8)
            self.assertEqual(self.ships.take_positions(self.buffer, 0, 3, now_s), 3)
            ages = [records.unpack_position(self.buffer, 16 * k)["age"] for k in range(3)]
            self.assertEqual(ages, [252, 252, 8], silence_s)
            self.ships.position(report(4), now_s)
            self.assertEqual([self.ships.get(mmsi) is None for mmsi in (1, 2, 3)], [True, False, False], silence_s)
            self.assertEqual(self.ships.get(3)["seen"], now_s - 8)

    def test_every_field_keeps_its_whole_range(self):
        for lon, lat, speed, course, heading, status, kind in (
            (-108000000, -54000000, 0, 0, 0, 0, ais.CLASS_A),
            (ais.NO_LON, ais.NO_LAT, ais.NO_SPEED, ais.NO_COURSE, ais.NO_HEADING, ais.NO_STATUS, ais.LONG_RANGE),
        ):
            self.ships.position([999999999, lon, lat, speed, course, heading, status, kind], 77)
            self.assertEqual(
                self.ships.get(999999999),
                {"mmsi": 999999999, "lon": lon, "lat": lat, "speed": speed, "course": course, "heading": heading,
                 "status": status, "class": kind, "seen": 77},
            )
            self.assertEqual(self.ships.take_positions(self.buffer, 0, 4, 77), 1)
            self.ships = Ships(8)

    def test_it_is_told_again_after_a_while_in_every_minute_of_a_day(self):
        for minute in range(1440):
            self.ships = Ships(8)
            self.ships.resend_s = 3600
            told = [0, 3540, 3600, 7200]
            for k in range(4):
                self.ships.position(report(5), 60 * minute + told[k])
                told[k] = self.ships.take_positions(self.buffer, 0, 4, 60 * minute + told[k])
            self.assertEqual(told, [1, 0, 1, 1], minute)

    def test_an_older_position_beats_none(self):
        self.ships.position(report(574001234), 10)
        self.ships.position(report(574001234, lon=ais.NO_LON, lat=ais.NO_LAT), 20)
        self.assertEqual((self.ships.get(574001234)["lon"], self.ships.get(574001234)["seen"]), (600000, 10))

    def test_refuses_impossible_mmsis(self):
        self.ships.position(report(0), 1)
        self.ships.position(report(1000000000), 1)
        self.assertEqual((self.ships.count, self.ships.refused), (0, 2))

    def test_tells_each_ship_at_once_and_its_newest_report_after_a_while(self):
        for mmsi in range(1, 7):
            self.ships.position(report(mmsi), 100)
        self.assertEqual(self.ships.take_positions(self.buffer, 0, 4, 101), 4)
        self.assertEqual(self.ships.take_positions(self.buffer, 0, 4, 101), 2)
        self.ships.position(report(3), 110)
        self.assertEqual(self.ships.take_positions(self.buffer, 0, 4, 111), 0)
        self.assertEqual(self.ships.take_positions(self.buffer, 0, 4, 161 + RESEND_S), 1)
        self.assertEqual(records.unpack_position(self.buffer, 0)["mmsi"], 3)
        self.assertEqual(self.ships.unsent, 0)

    def test_tells_static_data_once_and_again_when_it_changes(self):
        sixes, bits = received(STATIC_A)
        self.ships.static(sixes, bits, 10)
        self.ships.static(sixes, bits, 20)
        self.assertEqual(self.ships.take_static(self.buffer, 0, 4), 1)
        record = records.unpack_static(self.buffer, 0)
        self.assertEqual(
            record,
            {"mmsi": 574001234, "shipname": "NANO", "callsign": "XV1", "destination": "VN SGN", "ship_type": 70,
             "imo": 9123456},
        )
        sixes[20] ^= 1
        self.ships.static(sixes, bits, 30)
        self.assertEqual(self.ships.static_waiting, 1)

    def test_both_parts_of_class_b_are_told_once(self):
        for _ in range(3):
            for lines in (NAME_B, REST_B):
                self.ships.static(*received(lines), now_s=5)
        self.assertEqual(self.ships.take_static(self.buffer, 0, 4), 2)
        self.assertEqual(records.unpack_static(self.buffer, 0), {"mmsi": 574001234, "shipname": "HELLO"})
        second = records.unpack_static(self.buffer, records.STATIC_SIZE)
        self.assertEqual(second, {"mmsi": 574001234, "callsign": "HELLO", "ship_type": 0})

    def test_static_data_that_found_no_room_is_told_when_heard_again(self):
        ships = Ships(STATIC_QUEUE + 1)
        sixes, bits = received(NAME_B)
        for k in range(STATIC_QUEUE + 1):
            sixes[5] = k
            ships.static(sixes, bits, k)
        self.assertEqual((ships.static_waiting, ships.static_dropped), (STATIC_QUEUE, 1))
        ships.take_static(self.buffer, 0, 2)
        ships.static(sixes, bits, 50)
        self.assertEqual(ships.static_waiting, STATIC_QUEUE - 1)

    def test_static_data_is_told_in_order_and_what_finds_no_room_spoils_none(self):
        ships = Ships(64)
        sixes, bits = received(NAME_B)
        heard, told = [], []
        for k in range(3 * STATIC_QUEUE):
            sixes[5] = k
            dropped = ships.static_dropped
            ships.static(sixes, bits, k)
            if ships.static_dropped == dropped:
                heard.append(ais.unsigned(sixes, 8, 30))
            if k % 2:
                ships.take_static(self.buffer, 0, 1)
                told.append(records.unpack_static(self.buffer, 0)["mmsi"])
        while ships.take_static(self.buffer, 0, 1):
            told.append(records.unpack_static(self.buffer, 0)["mmsi"])
        self.assertGreater(ships.static_dropped, 0)
        self.assertEqual(told, heard)


class Records(unittest.TestCase):
    def test_a_position_record_is_these_sixteen_bytes(self):
        buffer = bytearray(17)
        records.pack_position(buffer, 1, 574001234, 1, 63900000, -6060000, 123, 2001, 199, 5, 40)
        self.assertEqual(bytes(buffer), b"\x00\x88\xda\x41\x49\x3c\xf0\x96\x0f\x47\x10\x40\x3d\xbe\x8b\x1d\x4a")
        self.assertEqual(
            records.unpack_position(buffer, 1),
            {"mmsi": 574001234, "class": 1, "lon": 63900000, "lat": -6060000, "speed": 123, "course": 2001,
             "heading": 199, "status": 5, "age": 40},
        )

    def test_what_is_not_available_survives_the_way(self):
        buffer = bytearray(16)
        records.pack_position(
            buffer, 0, 1, 0, ais.NO_LON, ais.NO_LAT, ais.NO_SPEED, ais.NO_COURSE, ais.NO_HEADING, ais.NO_STATUS, 99999
        )
        record = records.unpack_position(buffer, 0)
        self.assertEqual((record["lon"], record["lat"]), (ais.NO_LON, ais.NO_LAT))
        self.assertEqual((record["speed"], record["course"], record["heading"], record["age"]), (1023, 3600, 511, 252))

    def test_a_packet_holds_what_its_header_says(self):
        buffer = bytearray(8 + 32)
        records.pack_header(buffer, records.POSITIONS, 2, 65537, 86400)
        self.assertEqual(bytes(buffer[:8]), b"\x01\x02\x00\x01\x00\x01\x51\x80")
        self.assertEqual(records.unpack_header(buffer), (records.POSITIONS, 2, 1, 86400))
        for wrong in (buffer[:39], buffer[:7], b"", b"\x03" + buffer[1:]):
            with self.assertRaises(ValueError):
                records.unpack_header(wrong)

    def test_a_static_record_never_carries_bytes_that_are_no_text(self):
        buffer = bytearray(57)
        buffer[4] = records.NAME
        buffer[17:20] = b"A\xff\n"
        self.assertEqual(records.unpack_static(buffer, 0)["shipname"], "A??")


class Memory(unittest.TestCase):
    def message(self, sixes, bits, channel, own):
        ais.position(sixes, bits, self.out)
        self.ships.position(self.out, 5)

    def test_a_position_report_is_taken_into_the_table_without_allocating(self):
        self.ships = Ships(4)
        self.out = [0] * 8
        receiver = nmea.Receiver(self.message)
        line = bytearray(b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01\r\n")
        noise = bytearray(b"\xff!AIVDM,1,1,,A,18SJ@DPri*01\r\n$GPGGA\r\n")
        receiver.feed(line, len(line), 0)
        lock = getattr(micropython, "heap_lock", None)
        if lock is not None:
            lock()
        try:
            for _ in range(3):
                receiver.feed(line, len(line), 1)
                receiver.feed(noise, len(noise), 2)
        finally:
            if lock is not None:
                micropython.heap_unlock()
        self.assertEqual(receiver.messages, 4)
        self.assertEqual(self.ships.unsent, 1)
