# The daily scrub: records mended from their copies, rings and logs verified, a little each second.
import os
import csp  # noqa: F401  (first: a 32-bit port nests imports no deeper)
import unittest

from core import event_table, layout, scrub
from core.command_table import COMPLETED
from core.record import Record, space
from byte_memory import Memory
from file_world import ROOT, World, remove


def saved(*texts):
    memory = Memory()
    record = Record(memory, 16, 5)
    record.load()
    for text in texts:
        record.data[:] = text
        assert record.save()
    return memory, record


def loaded(memory):
    record = Record(memory, 16, 5)
    return bytes(record.data) if record.load() else None


class Records(unittest.TestCase):
    def test_a_flipped_bit_of_either_copy_is_mended(self):
        for bit in range(8 * 17 * 2):
            memory, record = saved(b"old-1", b"new-2")
            memory.cells[16 + bit // 8] ^= 1 << bit % 8
            self.assertEqual(record.scrub(), 1)
            self.assertEqual(loaded(memory), b"new-2")
            self.assertEqual(record.scrub(), 0)
            memory.cells[16 + 17 * (1 - bit // 136) + 9] ^= 0x10  # and now the other one may go
            self.assertEqual(loaded(memory), b"new-2")

    def test_what_was_saved_last_counts_even_when_its_copy_was_spoiled(self):
        memory, record = saved(b"old-1", b"new-2")
        memory.cells[16 + 17 + 9] ^= 1
        self.assertEqual(record.scrub(), 1)
        self.assertEqual(loaded(memory), b"new-2")
        self.assertEqual(bytes(record.data), b"new-2")

    def test_data_that_were_not_saved_yet_are_not_written(self):
        memory, record = saved(b"old-1", b"new-2")
        memory.cells[16 + 17 + 9] ^= 1
        record.data[:] = b"draft"
        record.scrub()
        self.assertEqual(loaded(memory), b"old-1")
        self.assertTrue(record.save())
        self.assertEqual(loaded(memory), b"draft")

    def test_both_copies_broken_is_told_and_nothing_is_written(self):
        memory, record = saved(b"old-1", b"new-2")
        record = Record(memory, 16, 5)
        memory.cells[16 + 9] ^= 1
        memory.cells[16 + 17 + 9] ^= 1
        before = bytes(memory.cells)
        self.assertEqual(record.scrub(), -1)
        self.assertEqual(bytes(memory.cells), before)

    def test_a_blank_or_dead_memory_is_nothing_to_mend(self):
        self.assertEqual(Record(Memory(), 16, 5).scrub(), 0)
        self.assertEqual(Record(None, 16, 5).scrub(), 0)

    def test_saves_go_on_after_a_mend(self):
        memory, record = saved(b"old-1", b"new-2")
        memory.cells[16 + 9] ^= 1
        record.scrub()
        for text in (b"new-3", b"new-4", b"new-5"):
            record.data[:] = text
            self.assertTrue(record.save())
            self.assertEqual(loaded(memory), text)


class Rounds(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()

    def tearDown(self):
        remove()

    def test_a_round_comes_each_day_and_the_first_one_soon(self):
        one = self.world.board.scrub
        self.world.seconds(scrub.FIRST_S - 1)
        self.assertEqual(one.rounds, 0)
        self.world.seconds(30)
        self.assertEqual(one.rounds, 1)
        self.world.seconds(scrub.PERIOD_S + 30)
        self.assertEqual(one.rounds, 2)

    def test_it_mends_counts_and_tells(self):
        board = self.world.board
        kept = board.record("hold", 5)
        for text in (b"old-1", b"new-2"):
            kept.data[:] = text
            kept.save()
        for _ in range(10):
            board.store.keep(bytes(40))
            board.clock.seconds += 60
        self.world.cells.cells[layout.region("hold")[0] + 9] ^= 1
        with open(ROOT + "/log/00000000", "r+b") as file:
            file.seek(30)
            file.write(b"\xff")
        slots = [0, 1, -1, 0, None]
        board.scrub.add(lambda: slots.pop(0))
        self.world.ask("scrub_start")
        self.assertEqual(self.world.ask("scrub_status"), [(COMPLETED, b"\0\0\0\0\0\0\x01")])
        self.world.seconds(60)
        self.assertEqual(self.world.ask("scrub_status"), [(COMPLETED, b"\0\x01\0\x02\0\x02\0")])
        self.assertIn((event_table.SCRUBBED, 2, 2), board.told)
        self.assertEqual(space(5), 2 * 17)

    def test_a_step_that_raises_ends_the_round_only(self):
        def broken():
            raise ValueError("broken")

        one = self.world.board.scrub
        one.add(broken)
        one.start()
        with self.assertRaises(ValueError):  # the board survives and counts it
            self.world.seconds(60)
        self.world.seconds(60)
        self.assertEqual(one.rounds, 0)
