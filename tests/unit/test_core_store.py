# Housekeeping kept by the board: staged in FRAM, moved to a log on flash, through resets, dead memories, full flash.
import os
import csp  # noqa: F401  (first: a 32-bit port nests imports no deeper)
import struct
import unittest

from core import event_table, log, store
from core.command_table import COMPLETED, REFUSED, STATE
from core.log import Log
from file_world import ROOT, World, remove

FOLDER = ROOT + "/log"


def packet(number):
    return b"%06d" % number + bytes(34)


def kept():
    """(sequence, number of the packet) of all that is on flash."""
    found = []
    for name in sorted(os.listdir(FOLDER)):
        with open("%s/%s" % (FOLDER, name), "rb") as file:
            found += [(sequence, int(data[8:14])) for sequence, data in log.unpack(file.read())]
    return found


class Housekeeping(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()
        self.number = 0

    def tearDown(self):
        remove()

    def minutes(self, count):
        """So many packets, one each 20 s; each third is kept, and numbered."""
        for _ in range(count):
            for _ in range(3):
                self.world.board.store.keep(packet(self.number))
                self.world.board.clock.seconds += 20
            self.number += 1

    def test_ten_packets_go_to_flash_at_once(self):
        self.minutes(9)
        self.assertEqual(os.listdir(ROOT), [])
        self.minutes(1)
        self.assertEqual(kept(), [(k, k) for k in range(10)])
        self.minutes(25)
        self.assertEqual(kept(), [(k, k) for k in range(30)])
        self.assertEqual(self.world.board.store.flushes, 3)

    def test_an_entry_tells_the_table_it_was_packed_by(self):
        self.minutes(10)
        with open(FOLDER + "/00000000", "rb") as file:
            data = log.unpack(file.read())[3][1]
        self.assertEqual(data, struct.pack(">II", self.world.board.table.hash, 0) + packet(3))

    def test_an_entry_tells_the_time_only_while_the_board_knows_it(self):
        class Time:
            seconds = 840_000_000
            synchronised = False

        self.world.board.time = Time
        self.minutes(4)
        Time.synchronised = True
        self.minutes(6)
        with open(FOLDER + "/00000000", "rb") as file:
            times = [struct.unpack_from(">I", data, 4)[0] for _, data in log.unpack(file.read())]
        self.assertEqual(times, [0] * 4 + [840_000_000] * 6)

    def test_the_housekeeping_of_every_board_fits_an_entry(self):
        for role in ("eps", "beacon", "sensor"):
            table = __import__(role + ".compact", None, None, ("dictionary",)).dictionary().hk
            self.assertTrue(table.size <= store.DATA - 1 - store.ENTRY_HEAD, role)

    def test_a_reset_forgets_nothing(self):
        for _ in range(17):
            self.minutes(2)
            self.world.boot()
        self.assertEqual(kept(), [(k, k) for k in range(30)])
        self.assertEqual(self.world.ask("store_flush")[0][0], COMPLETED)
        self.assertEqual(kept(), [(k, k) for k in range(34)])

    def test_while_the_radio_transmits_flash_has_to_wait(self):
        self.world.board.transmitting = True
        self.minutes(13)
        self.assertEqual(os.listdir(ROOT), [])
        self.assertEqual(self.world.board.store.deferred, 4)
        self.assertEqual(self.world.ask("store_flush")[0], (REFUSED, bytes((STATE, 0))))
        self.world.board.transmitting = False
        self.minutes(1)
        self.assertEqual(kept(), [(k, k) for k in range(14)])
        self.assertEqual(self.world.board.store.lost, 0)

    def test_what_waits_too_long_is_lost_counted_and_told(self):
        self.world.board.transmitting = True
        self.minutes(20)
        self.world.board.transmitting = False
        self.minutes(1)
        first = kept()[0][0]
        self.assertEqual(self.world.board.store.lost, first)
        self.assertEqual(kept(), [(k, k) for k in range(first, 21)])
        self.assertIn((event_table.LOG_LOST, first, first), self.world.board.told)

    def test_a_wiped_fram_goes_on_behind_what_flash_holds(self):
        self.minutes(12)
        self.world.cells.cells[:] = bytes(len(self.world.cells.cells))
        self.world.boot()
        self.minutes(11)
        self.assertEqual(kept()[:10], [(k, k) for k in range(10)])
        self.assertEqual(kept()[10:], [(k + 10, k + 12) for k in range(10)])

    def test_without_fram_one_packet_in_ten_minutes_is_kept(self):
        self.world = World(dead=True)
        self.minutes(25)
        self.assertEqual(kept(), [(0, 0), (10, 10), (20, 20)])
        self.world.boot()
        self.minutes(1)
        self.assertEqual(kept()[-1], (21, 25))

    def test_a_flash_that_refuses_is_tried_again(self):
        with open(FOLDER, "wb") as file:  # a file where the folder should be
            file.write(b"x")
        self.minutes(11)
        self.assertEqual(self.world.board.store.errors, 2)
        os.remove(FOLDER)
        self.minutes(1)
        self.assertEqual(kept(), [(k, k) for k in range(12)])

    def test_the_status_tells_what_is_where(self):
        self.minutes(13)
        data = self.world.ask("store_status")[0][1]
        self.assertEqual(struct.unpack(">IIHHHH", data[:16]), (10, 13, 1, 0, 0, 0))
        free, size = struct.unpack(">II", data[16:])
        self.assertTrue(0 < free <= size)

    def test_the_largest_housekeeping_fits(self):
        from eps.hk import HK as EPS
        from sensor.hk import HK as SENSOR

        self.assertTrue(max(EPS.size, SENSOR.size) + 5 <= store.DATA <= log.LARGEST)


class Segments(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.log = Log(FOLDER, 400, 3)

    def tearDown(self):
        remove()

    def put(self, first, count=3):
        self.log.begin(first)
        for k in range(first, first + count):
            self.log.put(k, b"entry %04d" % k * 4)
        self.log.end(first + count - 1)

    def entries(self):
        found = []
        for name in self.log.names():
            with open("%s/%s" % (FOLDER, name), "rb") as file:
                found += [sequence for sequence, _ in log.unpack(file.read())]
        return found

    def test_segments_are_bounded_and_the_oldest_is_deleted(self):
        for k in range(30):
            self.put(3 * k)
            self.assertTrue(len(os.listdir(FOLDER)) <= 3)
        self.assertEqual(self.log.names(), ["0000003f", "00000048", "00000051"])
        self.assertEqual(self.entries(), list(range(0x3F, 90)))

    def test_the_next_boot_finds_the_newest_entry(self):
        self.put(0)
        self.put(3)
        again = Log(FOLDER, 400, 3)
        again.open()
        self.assertEqual(again.last, 5)

    def test_an_entry_as_bytes(self):
        self.log.begin(0x102)
        self.log.put(0x102, b"abc")
        self.log.end(0x102)
        with open(FOLDER + "/00000102", "rb") as file:
            self.assertEqual(file.read(), b"\xa7\x03\x00\x00\x01\x02abc\xb5\x4f\x85\x83")

    def test_a_torn_end_is_left_alone_and_another_segment_begun(self):
        self.put(0)
        with open(FOLDER + "/00000000", "ab") as file:
            file.write(b"\xa7\x28\x00\x00")
        self.log = Log(FOLDER, 400, 3)
        self.log.open()
        self.assertEqual(self.log.last, 2)
        self.put(3)
        self.assertEqual(self.log.names(), ["00000000", "00000003"])
        self.assertEqual(self.entries(), list(range(6)))

    def test_a_flipped_bit_is_found_and_never_believed(self):
        self.put(0)
        with open(FOLDER + "/00000000", "rb") as file:
            data = bytearray(file.read())
        for at in (50 + 10, 50 + 3):  # data and sequence of the second entry
            data[at] ^= 8
            with open(FOLDER + "/00000000", "wb") as file:
                file.write(data)
            self.assertEqual(self.entries(), [0, 2])
            self.assertEqual(sum(self.log.verify()), -1)
            data[at] ^= 8

    def test_a_segment_of_nothing_readable_is_passed_over(self):
        self.put(0)
        with open(FOLDER + "/00000003", "wb") as file:
            file.write(b"garbage")
        again = Log(FOLDER, 400, 3)
        again.open()
        self.assertEqual(again.last, 2)
        again.begin(3)
        again.put(3, b"abc")
        again.end(3)
        self.assertEqual(again.last, 3)
