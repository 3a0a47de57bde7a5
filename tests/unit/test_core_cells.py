# Small numbered records on FRAM: what a change, a power cut and a flipped bit leave.
import struct
import unittest
from binascii import crc32

import power_cuts
from byte_memory import Memory
from core.cells import OVERHEAD, Cells

AT, COUNT, SIZE = 100, 4, 10
LENGTH = SIZE + OVERHEAD


def cells(memory):
    return Cells(memory, AT, COUNT, SIZE)


def body(one, number):
    """What is kept under a number, None: nothing."""
    return bytes(one.body) if one.read(number) else None


def named(text):
    return text + bytes(SIZE - len(text))


class Kept(unittest.TestCase):
    def setUp(self):
        self.memory = Memory(AT + COUNT * LENGTH)
        self.cells = cells(self.memory)

    def test_the_bytes_on_the_memory_are_those_of_the_table(self):
        self.assertTrue(self.cells.write(9, b"abc"))
        frame = struct.pack(">BBH", 0xE5, 9, 1) + named(b"abc")
        frame += struct.pack(">I", crc32(frame))
        found = bytearray(LENGTH)
        self.memory.read_into(AT, found)
        self.assertEqual(bytes(found), frame)

    def test_the_next_boot_finds_what_was_kept(self):
        self.assertTrue(self.cells.write(1, b"one"))
        self.assertTrue(self.cells.write(200, b"two hundred"[:SIZE]))
        after = cells(self.memory)
        self.assertEqual(body(after, 1), named(b"one"))
        self.assertEqual(body(after, 200), b"two hundre")
        self.assertEqual((after.kept, after.broken, after.errors), (2, 0, 0))

    def test_a_change_replaces_what_was_there(self):
        for text in (b"old", b"newer", b"newest"):
            self.assertTrue(self.cells.write(5, text))
        self.assertEqual((self.cells.kept, body(self.cells, 5)), (1, named(b"newest")))
        self.assertEqual(body(cells(self.memory), 5), named(b"newest"))

    def test_one_cell_stays_free_for_changes(self):
        for number in (1, 2, 3):
            self.assertTrue(self.cells.write(number, b"x"))
        self.assertFalse(self.cells.write(4, b"x"))
        self.assertTrue(self.cells.write(2, b"y"))
        self.assertEqual([body(self.cells, k) for k in (1, 2, 4)], [named(b"x"), named(b"y"), None])

    def test_with_every_cell_taken_nothing_is_written_before_the_first(self):
        for number in (1, 2, 3):
            self.assertTrue(self.cells.write(number, b"x"))
        # a power cut left two of number 3, and what came at the next boot did not free one of them
        self.memory.cells[AT + 3 * LENGTH : AT + 4 * LENGTH] = self.memory.cells[AT + 2 * LENGTH : AT + 3 * LENGTH]
        after = cells(self.memory)
        after.numbers[2] = 3
        before = bytes(self.memory.cells)
        self.assertFalse(after.write(1, b"y"))
        self.assertEqual(bytes(self.memory.cells), before)

    def test_what_is_deleted_is_gone_and_its_cell_free(self):
        self.cells.write(1, b"x")
        self.assertTrue(self.cells.delete(1))
        self.assertTrue(self.cells.delete(1), "twice is no error")
        self.assertEqual((body(self.cells, 1), cells(self.memory).kept), (None, 0))

    def test_numbers_are_a_byte_and_not_0(self):
        for number in (0, 256, -1):
            self.assertFalse(self.cells.write(number, b"x"))

    def test_a_flipped_bit_anywhere_is_found_and_never_believed(self):
        self.cells.write(7, b"seven")
        whole = bytearray(LENGTH)
        self.memory.read_into(AT, whole)
        for bit in range(8 * LENGTH):
            spoiled = bytearray(whole)
            spoiled[bit // 8] ^= 1 << bit % 8
            self.memory.write(AT, spoiled)
            after = cells(self.memory)
            self.assertTrue(body(after, 7) is None and after.kept == 0, bit)
        self.memory.write(AT, whole)
        self.assertEqual(body(cells(self.memory), 7), named(b"seven"))

    def test_memory_that_was_never_written_or_is_full_of_anything_is_empty(self):
        for fill in (0x00, 0xFF, 0xE5):
            self.memory.write(AT, bytes((fill,)) * (COUNT * LENGTH))
            after = cells(self.memory)
            self.assertEqual(after.kept, 0)
            self.assertTrue(after.write(1, b"x") == (fill != 0xE5), "where no cell can be read nothing is written")

    def test_a_dead_memory_takes_nothing(self):
        dead = cells(None)
        self.assertFalse(dead.alive or dead.write(1, b"x"))
        self.assertEqual(body(dead, 1), None)

    def test_revisions_wrap_without_turning_back(self):
        self.cells.write(1, b"x")
        for k in range(3):
            self.cells.read(1)
            self.cells.revision = 0xFFFE + k & 0xFFFF
            self.assertTrue(self.cells.write(1))
        self.assertEqual(self.cells.revision, 1)
        self.assertEqual(body(cells(self.memory), 1), named(b"x"))


def before(fram, done):
    one = cells(fram)
    one.write(1, b"first")
    one.write(2, b"second")


def scenario(fram, done):
    one = cells(fram)
    for number, text in ((1, b"changed"), (3, b"third"), (1, b"again")):
        if one.write(number, text):
            done.append((number, named(text)))
    if one.delete(2):
        done.append((2, None))


def check(fram, done):
    steps = [(1, named(b"first")), (2, named(b"second")), (3, None)]
    changes = [(1, named(b"changed")), (3, named(b"third")), (1, named(b"again")), (2, None)]
    assert done == changes[: len(done)]
    now, following = dict(steps + done), dict(steps + changes[: len(done) + 1])
    one = cells(fram)
    found = {number: body(one, number) for number in (1, 2, 3)}
    assert found in (now, following), (found, done)
    assert one.write(4, b"fourth"[:SIZE]) or one.kept == COUNT - 1


class Cut(unittest.TestCase):
    def test_a_cut_at_any_write_leaves_the_old_one_or_the_new_one(self):
        self.assertTrue(power_cuts.every_cut(scenario, check, before) > 20)
