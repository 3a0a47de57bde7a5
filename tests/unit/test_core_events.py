# Events: what is kept, counted and told, and what a board does when too many happen or its memory is dead.
import gc
import struct
import sys
import unittest

from byte_memory import Memory, PowerCut
from core import event_table, layout, ports
from core.dictionary import Dictionary
from core.event_table import DEBUG, WARNING
from core.events import BURST, PER_MINUTE, SIZE, TAIL, Events, unpack
from core.hk_table import COMMON
from core.telemetry import Set

QUIET, LOUD = 128, 129
EVENTS = event_table.EVENTS + (
    (QUIET, "quiet", DEBUG, "", "", "nobody is told"),
    (LOUD, "loud", WARNING, "first", "second", "everybody is told"),
)


class Heard:
    address = 3
    matches = True
    mismatches = 0
    dictionary = 0x1234


class Board:
    """core.board.Board as far as the service looks at it; it is its own node and supervisor."""

    def __init__(self, memory, boots=7):
        self.fram = memory
        self.dictionary = Dictionary("eps", Set("eps", COMMON), events=EVENTS)
        self.cause = 1
        self.boots = boots
        self.mission_s = 1000
        self.heard = {"beacon": Heard()}
        self.faults = 0
        self.node = self.supervisor = self
        self.sent = []
        self.bus_is_up = True
        self.on_failure = None
        self.last = []
        self.events = Events(self)

    def on_second(self, function):
        self.second = function

    def event(self, number):
        self.last.append(number)

    def all_faults(self):
        return self.faults

    def broadcast(self, port, data):
        if self.bus_is_up:
            self.sent.append((port, unpack(data)))
        return self.bus_is_up

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.mission_s += 1
            self.second()


def memory():
    return Memory(size=layout.END)


def kept(board, first=0):
    """Every event from a sequence on, as a client asks for them."""
    found = []
    while True:
        answer = bytes(board.events.read(first))
        assert len(answer) <= 190
        first, newest = struct.unpack_from(">II", answer, 0)
        for at in range(8, len(answer), SIZE):
            found.append(unpack(answer[at : at + SIZE]))
        if first >= newest:
            return found


class Keeping(unittest.TestCase):
    def test_the_boot_is_the_first_event(self):
        board = Board(memory())
        self.assertEqual(kept(board), [(0, 1000, event_table.BOOT, 7, 1, 7)])
        self.assertEqual(board.sent, [(ports.EVENT, (0, 1000, event_table.BOOT, 7, 1, 7))])

    def test_the_bytes_of_an_event_are_those_of_the_table(self):
        board = Board(memory())
        board.events.emit(LOUD, -2, 0x01020304)
        entry = bytes(board.events.ring.entry)
        self.assertEqual(entry, b"\0\0\0\x01\0\0\x03\xe8\x81\x07\xff\xff\xff\xfe\x01\x02\x03\x04")

    def test_events_are_there_after_a_reset(self):
        cells = memory()
        board = Board(cells)
        board.events.emit(LOUD, 5)
        again = Board(cells, boots=8)
        self.assertEqual([entry[:4] for entry in kept(again)], [
            (0, 1000, event_table.BOOT, 7), (1, 1000, LOUD, 7), (2, 1000, event_table.BOOT, 8),
        ])

    def test_a_cut_at_any_byte_of_an_event_loses_no_other(self):
        for cut in range(SIZE + 4):
            cells = memory()
            board = Board(cells)
            board.events.emit(LOUD, 1)
            cells.budget = cut
            with self.assertRaises(PowerCut):
                board.events.emit(LOUD, 2)
            cells.budget = None
            found = [entry[4] for entry in kept(Board(cells)) if entry[2] == LOUD]
            self.assertIn(found, ([1], [1, 2]))

    def test_a_full_ring_keeps_the_newest(self):
        cells = memory()
        board = Board(cells)
        slots = board.events.ring.slots
        for k in range(slots + 20):
            board.events._kept[EVENTS.index(EVENTS[-1])] = 0
            board.events.emit(LOUD, k)
        found = [entry[4] for entry in kept(Board(cells)) if entry[2] == LOUD]
        self.assertEqual(found, list(range(22, slots + 20)))  # this boot is there, too

    def test_without_fram_the_newest_are_in_ram(self):
        board = Board(None)
        for k in range(5):
            board.events.emit(LOUD, k)
        self.assertEqual([entry[4] for entry in kept(board)][1:], list(range(5)))
        for k in range(2 * TAIL):
            board.events._kept[-1] = 0
            board.events.emit(LOUD, k)
        self.assertEqual([entry[4] for entry in kept(board)], list(range(TAIL, 2 * TAIL)))

    def test_an_answer_of_a_ring_full_of_holes_is_bounded_and_says_where_to_go_on(self):
        cells = memory()
        board = Board(cells)
        board.events.ring.next = 200  # as after a time without memory
        board.events.emit(LOUD, 9)
        answer = bytes(board.events.read(1))
        self.assertEqual(struct.unpack(">II", answer), (41, 201))
        self.assertEqual([entry[0] for entry in kept(board)], [0, 200])


class Bounds(unittest.TestCase):
    def test_an_event_that_repeats_is_counted_but_kept_so_often_a_minute_only(self):
        board = Board(memory())
        for _ in range(50):
            board.events.emit(QUIET)
        board.events.emit(LOUD)
        self.assertEqual(board.events.count(QUIET), 50)
        self.assertEqual(board.events.dropped, 50 - PER_MINUTE)
        self.assertEqual([entry[2] for entry in kept(board)], [0] + [QUIET] * PER_MINUTE + [LOUD])
        board.pass_s(60)
        board.events.emit(QUIET)
        self.assertEqual(len(kept(board)), PER_MINUTE + 3)

    def test_broadcasts_are_few_and_come_back_one_each_ten_seconds(self):
        board = Board(memory())
        for _ in range(3):
            board.events._kept[-1] = 0
            for _ in range(PER_MINUTE):
                board.events.emit(LOUD)
        self.assertEqual(len(board.sent), BURST)
        self.assertEqual(board.events.unsent, 3 * PER_MINUTE + 1 - BURST)
        board.pass_s(60)
        for _ in range(PER_MINUTE):
            board.events.emit(LOUD)
        self.assertEqual(len(board.sent), 2 * BURST)

    def test_debug_events_are_kept_and_not_told(self):
        board = Board(memory())
        board.events.emit(QUIET)
        self.assertEqual(len(board.sent), 1)
        self.assertEqual(len(kept(board)), 2)

    def test_the_supervisor_keeps_the_newest_warning_or_error(self):
        board = Board(memory())
        board.events.emit(QUIET)
        board.events.emit(LOUD)
        self.assertEqual(board.last, [LOUD])

    def test_counters_end_at_their_greatest_value(self):
        board = Board(memory())
        board.events._counts[-1] = 0xFFFE
        for _ in range(3):
            board.events.emit(LOUD)
        self.assertEqual(board.events.count(LOUD), 0xFFFF)

    def test_a_number_of_no_table_is_counted_and_nothing_else(self):
        board = Board(memory())
        board.events.emit(77)
        self.assertEqual((board.events.unknown, len(kept(board)), board.events.count(77)), (1, 1, 0))

    def test_values_beyond_their_type_are_the_nearest(self):
        board = Board(memory())
        board.events.emit(LOUD, 1 << 40, -(1 << 40))
        board.events.emit(LOUD, None, True)
        self.assertEqual([entry[4:] for entry in kept(board)[1:]], [(0x7FFFFFFF, -0x80000000), (0, 1)])

    def test_a_silent_bus_is_counted(self):
        board = Board(memory())
        board.bus_is_up = False
        board.events.emit(LOUD)
        self.assertEqual(board.events.unsent, 1)

    def test_counts_are_answered_by_number(self):
        board = Board(memory())
        board.events.emit(LOUD)
        board.events.emit(LOUD)
        self.assertEqual(bytes(board.events.counts(len(EVENTS) - 2)), b"\0\0\0\0\0\0\x80\0\0\x81\0\x02")
        self.assertEqual(len(board.events.counts(0)), 6 + 3 * len(EVENTS))
        self.assertEqual(len(board.events.counts(1000)), 6)


class Watching(unittest.TestCase):
    def numbers(self, board):
        return [entry[2:] for entry in kept(board)][1:]

    def test_faults_are_told_once_a_minute_at_most(self):
        board = Board(memory())
        board.faults = 3
        board.pass_s(59)
        self.assertEqual(self.numbers(board), [])
        board.pass_s(1)
        board.pass_s(120)
        board.faults = 4
        board.pass_s(60)
        self.assertEqual(self.numbers(board), [(event_table.FAULT, 7, 3, 0), (event_table.FAULT, 7, 4, 0)])

    def test_a_task_that_failed_is_an_event(self):
        board = Board(memory())
        board.on_failure(4, 2)
        self.assertEqual(self.numbers(board), [(event_table.TASK_FAILED, 7, 4, 2)])

    def test_a_board_of_another_dictionary_is_told_once_and_again_when_it_changes(self):
        board = Board(memory())
        other = board.heard["beacon"]
        board.pass_s(20)
        other.matches, other.mismatches = False, 1
        board.pass_s(40)
        other.dictionary = 0x4321
        board.pass_s(40)
        other.matches = True
        board.pass_s(20)
        other.matches = False
        board.pass_s(20)
        self.assertEqual(self.numbers(board), [
            (event_table.DICTIONARY, 7, 3, word) for word in (0x1234, 0x4321, 0x4321)
        ])


class Steady(unittest.TestCase):
    def test_an_event_allocates_nothing(self):
        board = Board(memory())
        board.sent = None
        board.broadcast = lambda port, data: True
        board.event = lambda number: None
        events = board.events
        events.ring._memory = Cells()
        k = len(EVENTS) - 1

        def emit():
            events._kept[k] = 0
            events._tokens = 1
            events.emit(LOUD, 1, 2)

        emit()
        gc.collect()
        gc.disable()
        try:
            before = gc.mem_alloc() if sys.implementation.name == "micropython" else 0
            for _ in range(20):
                emit()
            after = gc.mem_alloc() if sys.implementation.name == "micropython" else 0
        finally:
            gc.enable()
        crc = 20 * 32 if sys.maxsize < 1 << 32 else 0  # of each entry: an integer above 2^30
        self.assertLessEqual(after - before, crc)


class Cells:
    """A memory that allocates nothing itself."""

    def __init__(self):
        self.cells = bytearray(layout.END)

    def read_into(self, address, buffer):
        for k in range(len(buffer)):
            buffer[k] = self.cells[address + k]

    def write(self, address, data):
        for k in range(len(data)):
            self.cells[address + k] = data[k]
