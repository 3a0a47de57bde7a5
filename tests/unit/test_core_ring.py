# Append rings: what a power cut, a bit flip or a dead memory may not do.
import unittest

from byte_memory import Memory, PowerCut
from core.ring import LAST, Ring, space

SIZE = 6
SLOTS = 5
ROOM = SLOTS * (SIZE + 8) + 3  # three bytes that no slot uses
AT = 10


def ring(memory):
    return Ring(memory, AT, ROOM, SIZE)


def text(k):
    return b"data%02d" % k


def appended(memory, *numbers):
    one = ring(memory)
    for k in numbers:
        one.data[:] = text(k)
        assert one.append()
    return one


def kept(memory):
    """(sequence, data) of every entry that the next boot reads."""
    one = ring(memory)
    one.open()
    found = []
    for sequence in range(max(0, one.next - 2 * SLOTS), one.next + 2):
        if one.read(sequence):
            found.append((sequence, bytes(one.found[4:])))
    return found


class Rings(unittest.TestCase):
    def test_the_bytes_on_the_memory_are_those_of_the_table(self):
        memory = Memory()
        appended(memory, 0, 1)
        self.assertEqual(bytes(memory.cells[24:38]), b"\x00\x00\x00\x01data01\xbe\xd8\xbb\x58")

    def test_the_next_boot_finds_the_newest_entries_in_order(self):
        for count in range(3 * SLOTS):
            memory = Memory()
            appended(memory, *range(count))
            wanted = [(k, text(k)) for k in range(max(0, count - SLOTS), count)]
            self.assertEqual(kept(memory), wanted)
            self.assertEqual(ring(memory).oldest, 0)  # not looked at yet
            after = appended(memory, count)
            self.assertEqual(after.next, count + 1)

    def test_a_cut_at_any_byte_of_an_append_loses_and_invents_nothing(self):
        for fill in (0x00, 0xFF):
            for count in range(2 * SLOTS + 1):
                for cut in range(SIZE + 8 + 1):
                    memory = Memory(fill=fill)
                    one = appended(memory, *range(count))
                    memory.budget = cut
                    one.data[:] = text(count)
                    try:
                        done = one.append()
                    except PowerCut:
                        done = False
                    memory.budget = None
                    found = kept(memory)
                    if (count, text(count)) not in found:
                        self.assertFalse(done)
                    promised = [(k, text(k)) for k in range(max(0, count - SLOTS + 1), count)]
                    for entry in promised:
                        self.assertIn(entry, found)
                    for sequence, data in found:
                        self.assertEqual(data, text(sequence))
                    again = appended(memory, 77)  # and the ring goes on from there
                    self.assertEqual(again.errors, 0)
                    self.assertIn((again.next - 1, text(77)), kept(memory))

    def test_cuts_in_a_row_lose_no_more_than_the_oldest(self):
        memory = Memory()
        appended(memory, *range(SLOTS + 2))
        promised = [(k, text(k)) for k in range(3, SLOTS + 2)]
        for cut in range(SIZE + 8):
            one = ring(memory)
            one.data[:] = text(9)
            one.open()
            memory.budget = cut
            with self.assertRaises(PowerCut):
                one.append()
            memory.budget = None
            self.assertEqual(kept(memory)[-len(promised):], promised)

    def test_a_flipped_bit_costs_its_own_entry_only(self):
        memory = Memory()
        appended(memory, *range(7))
        whole = kept(memory)
        for bit in range(8 * (SIZE + 8)):
            memory.cells[AT + 14 + bit // 8] ^= 1 << bit % 8  # slot 1: entry 6
            self.assertEqual(kept(memory), whole[:-1])
            memory.cells[AT + 14 + bit // 8] ^= 1 << bit % 8
        self.assertEqual(kept(memory), whole)

    def test_memory_that_was_never_written_or_is_full_of_anything_is_empty(self):
        for fill in (0x00, 0xFF, 0x5A):
            memory = Memory(fill=fill)
            self.assertEqual(kept(memory), [])
            self.assertEqual(appended(memory, 4).next, 1)

    def test_an_entry_of_another_version_or_in_another_slot_is_none(self):
        memory = Memory()
        appended(memory, 0, 1, 2)
        self.assertFalse(Ring(memory, AT, ROOM, SIZE, version=2).read(1))
        slot = bytes(memory.cells[AT + 14 : AT + 28])
        memory.cells[AT + 42 : AT + 56] = slot
        self.assertEqual([k for k, _ in kept(memory)], [0, 1, 2])

    def test_a_dead_memory_is_survived_and_the_sequence_goes_on(self):
        one = Ring(None, AT, ROOM, SIZE)
        self.assertFalse(one.append())
        self.assertFalse(one.append())
        self.assertFalse(one.read(0))
        self.assertEqual(one.next, 2)

    def test_a_memory_that_comes_back_goes_on_behind_what_it_held(self):
        memory = Memory()
        appended(memory, 0, 1, 2)
        one = ring(memory)
        memory.failures = 3
        self.assertFalse(one.append())
        self.assertEqual(one.errors, 1)
        self.assertTrue(one.append())
        self.assertEqual(one.next, 4)
        self.assertEqual([k for k, _ in kept(memory)], [0, 1, 2, 3])

    def test_a_write_protected_memory_is_noticed(self):
        memory = Memory()
        one = appended(memory, 0)
        memory.protected = True
        self.assertFalse(one.append())
        self.assertEqual(one.errors, 1)

    def test_a_full_sequence_ends_it_and_turns_nothing_back(self):
        memory = Memory()
        one = appended(memory, 0)
        one.next = LAST
        self.assertTrue(one.append())
        self.assertFalse(one.append())
        self.assertEqual(kept(memory)[-1][0], LAST)

    def test_too_little_room_is_refused(self):
        with self.assertRaises(ValueError):
            Ring(None, 0, 2 * (SIZE + 8) - 1, SIZE)
        self.assertEqual(Ring(None, 0, space(SIZE, 9), SIZE).slots, 10)
