# Two-copy records: what a power cut, a bit flip or a dead memory may not do.
import unittest

from byte_memory import Memory, PowerCut
from core import layout
from core.record import Record, space


def saved(memory, *texts):
    record = Record(memory, 16, 5)
    record.load()
    for text in texts:
        record.data[:] = text
        assert record.save()
    return record


def loaded(memory):
    record = Record(memory, 16, 5)
    return bytes(record.data) if record.load() else None


class Records(unittest.TestCase):
    def test_the_newest_save_is_what_the_next_boot_loads(self):
        memory = Memory()
        for k in range(7):
            text = b"save%d" % k
            saved(memory, text)
            self.assertEqual(loaded(memory), text)

    def test_the_bytes_on_the_memory_are_those_of_the_table(self):
        memory = Memory()
        saved(memory, b"\x01\x02\x03\x04\x05")
        copy = b"\xd6\x01\x00\x05\x00\x00\x00\x01\x01\x02\x03\x04\x05\x31\x88\xb1\x5e"
        self.assertEqual(bytes(memory.cells[16:33]), copy)

    def test_a_cut_at_any_byte_of_a_save_leaves_the_old_data_or_the_new(self):
        for fill in (0x00, 0xFF):
            for history in ((b"old-1",), (b"old-0", b"old-1"), (b"old-9", b"old-0", b"old-1")):
                for cut in range(space(5) // 2 + 1):
                    memory = Memory(fill=fill)
                    record = saved(memory, *history)
                    memory.budget = cut
                    record.data[:] = b"new-2"
                    try:
                        done = record.save()
                    except PowerCut:
                        done = False
                    memory.budget = None
                    after = loaded(memory)
                    if done:
                        self.assertEqual(after, b"new-2")
                    else:
                        self.assertIn(after, (b"old-1", b"new-2"))
                    again = saved(memory, b"new-3")  # and the record goes on from there
                    self.assertEqual(loaded(memory), b"new-3")
                    self.assertEqual(again.errors, 0)

    def test_cuts_in_a_row_never_lose_the_last_good_copy(self):
        memory = Memory()
        record = saved(memory, b"old-1")
        for cut in range(space(5) // 2):
            memory.budget = cut
            record = Record(memory, 16, 5)
            record.load()
            record.data[:] = b"new-2"
            with self.assertRaises(PowerCut):
                record.save()
            self.assertIn(loaded(memory), (b"old-1", b"new-2"))

    def test_a_flipped_bit_anywhere_falls_back_to_the_other_copy(self):
        memory = Memory()
        saved(memory, b"old-1", b"new-2")  # the second copy is the newest
        for bit in range(8 * 17):
            memory.cells[33 + bit // 8] ^= 1 << bit % 8
            self.assertEqual(loaded(memory), b"old-1")
            memory.cells[33 + bit // 8] ^= 1 << bit % 8
        self.assertEqual(loaded(memory), b"new-2")

    def test_two_broken_copies_are_unreadable_and_never_guessed(self):
        memory = Memory()
        saved(memory, b"old-1", b"new-2")
        memory.cells[16 + 9] ^= 1
        memory.cells[33 + 9] ^= 1
        record = Record(memory, 16, 5)
        record.data[:] = b"start"
        self.assertFalse(record.load())
        self.assertEqual(bytes(record.data), b"start")
        self.assertEqual(record.errors, 1)

    def test_blank_memory_is_unreadable(self):
        for fill in (0x00, 0xFF):
            record = Record(Memory(fill=fill), 16, 5)
            self.assertFalse(record.load())
            self.assertEqual(record.errors, 0)

    def test_memory_full_of_anything_else_is_an_error(self):
        record = Record(Memory(fill=0x5A), 16, 5)
        self.assertFalse(record.load())
        self.assertEqual(record.errors, 1)

    def test_another_version_or_size_is_unreadable(self):
        memory = Memory()
        saved(memory, b"old-1", b"new-2")
        self.assertFalse(Record(memory, 16, 5, version=2).load())
        self.assertFalse(Record(memory, 16, 4).load())

    def test_the_sequence_wraps_without_turning_back(self):
        memory = Memory()
        record = saved(memory)
        record._sequence = 0x3FFFFFFD
        for k in range(5):
            record.data[:] = b"wrap%d" % k
            self.assertTrue(record.save())
            self.assertEqual(loaded(memory), b"wrap%d" % k)

    def test_a_dead_memory_is_survived_and_counted(self):
        record = Record(None, 16, 5)
        self.assertFalse(record.load())
        self.assertFalse(record.save())
        self.assertEqual(record.errors, 2)

    def test_a_memory_that_misses_two_answers_still_loads(self):
        memory = Memory()
        saved(memory, b"old-1")
        memory.failures = 2
        self.assertEqual(loaded(memory), b"old-1")

    def test_one_read_that_fails_or_is_disturbed_costs_nothing(self):
        class Disturbed(Memory):
            left = -1  # reads until one is
            flips = False

            def read_into(self, address, buffer):
                super().read_into(address, buffer)
                self.left -= 1
                if self.left == 0 and self.flips:
                    buffer[3] ^= 0x10
                elif self.left == 0:
                    raise OSError(5)

        for flips in (False, True):
            for read in range(1, 5):
                memory = Disturbed()
                saved(memory, b"old-0", b"old-1", b"new-2")
                memory.flips, memory.left = flips, read
                found = loaded(memory)
                # the newest, or the one before it where a scan saw the newest broken
                self.assertIn(found, (b"new-2", b"old-1") if flips and read < 3 else (b"new-2",), (flips, read))

    def test_a_save_after_a_load_without_answer_keeps_the_last_good_copy(self):
        memory = Memory()
        saved(memory, b"old-0", b"old-1")
        record = Record(memory, 16, 5)
        memory.failures = 3
        self.assertFalse(record.load())
        record.data[:] = b"new-2"
        memory.budget = 10
        with self.assertRaises(PowerCut):
            record.save()
        self.assertEqual(loaded(memory), b"old-1")
        memory.budget = None
        self.assertTrue(record.save())
        self.assertEqual(loaded(memory), b"new-2")

    def test_a_write_protected_memory_is_noticed(self):
        memory = Memory()
        record = saved(memory, b"old-1")
        memory.protected = True
        record.data[:] = b"new-2"
        self.assertFalse(record.save())
        self.assertEqual(record.errors, 1)
        memory.protected = False
        self.assertTrue(record.save())


class Layout(unittest.TestCase):
    def test_regions_neither_overlap_nor_leave_the_memory(self):
        end = 0
        for _, address, size in layout.REGIONS:
            self.assertGreaterEqual(address, end)
            self.assertGreater(size, 0)
            end = address + size
        self.assertEqual(end, layout.END)
        self.assertLessEqual(end, 32768)

    def test_names_are_unique_and_found(self):
        names = [entry[0] for entry in layout.REGIONS]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(layout.region("boots"), (0x0040, 0x0040))
        with self.assertRaises(KeyError):
            layout.region("nobody")
