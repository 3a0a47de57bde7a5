# Limits: persistence, hysteresis, actions, and what switching one off or a dead memory changes.
import gc
import sys
import unittest

from byte_memory import Memory
from core import layout
from core.command_table import ABSENT, COMPLETED, NOT_FOUND, REFUSED, STORAGE
from core.commands import Failed, Refused
from core.dictionary import Dictionary
from core.event_table import ERROR, LIMIT_ACTION, LIMIT_ERROR, LIMIT_OVER, LIMIT_WARNING, WARNING
from core.limits import Limits
from core.record import Record
from core.telemetry import Set

HK = Set("eps", (("volts", "u16", "V", 0.001, ""), ("cold", "i16", "degC", 0.01, ""), ("dead", "u8", "", 1, "")))
VOLTS, COLD, DEAD = 0, 1, 2
LIMITS = (
    ("volts", 6500, 8400, 40, 100, ERROR, None),
    ("cold", -500, None, 0, 200, WARNING, None),
    ("dead", None, 0, 5, 0, WARNING, "hk_now"),  # looked at each second
)


class Board:
    """core.board.Board as far as the service looks at it; it is its own door of commands."""

    def __init__(self, memory, limits=LIMITS):
        self._memory = memory
        self.dictionary = Dictionary("eps", HK, limits=limits)
        self.hk = [7400, 2000, 0]
        self.uptime_s = 0
        self.events = []
        self.ran = []
        self.result = (COMPLETED, 0)
        self.each_second = None
        self.commands = self
        self.limits = Limits(self)

    def record(self, name, size):
        return Record(self._memory, layout.region(name)[0], size)

    def after_hk(self, function):
        self.hk_sent = function

    def on_second(self, function):
        self.each_second = function

    def event(self, number, a=0, b=0):
        self.events.append((number, a, b))

    def add(self, service):
        pass

    def encode(self, name, *values):
        return name.encode() + bytes(values)

    def run(self, body):
        self.ran.append(body)
        return self.result

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.uptime_s += 1
            self.each_second()
            if self.uptime_s % 20 == 0:
                self.hk_sent(None)

    def told(self):
        events = self.events
        self.events = []
        return events


def memory():
    return Memory(size=layout.END)


class Looking(unittest.TestCase):
    def setUp(self):
        self.board = Board(memory())

    def test_a_value_out_of_range_for_its_persistence_is_an_event_once(self):
        self.board.hk[VOLTS] = 6499
        self.board.pass_s(59)  # seen at 20 s
        self.assertEqual(self.board.told(), [])
        self.board.pass_s(60)
        self.assertEqual(self.board.told(), [(LIMIT_ERROR, 0, 6499)])
        self.assertEqual(self.board.limits.over, 1)

    def test_both_ends_are_limits_and_the_ends_themselves_are_within(self):
        for value, out in ((6500, False), (8400, False), (8401, True), (6499, True)):
            board = Board(memory())
            board.hk[VOLTS] = value
            board.pass_s(100)
            self.assertEqual(len(board.told()) == 1, out)

    def test_a_value_that_comes_back_in_time_is_no_event_and_starts_anew(self):
        for _ in range(5):
            self.board.hk[VOLTS] = 6000
            self.board.pass_s(40)
            self.board.hk[VOLTS] = 7000
            self.board.pass_s(20)
        self.assertEqual(self.board.told(), [])

    def test_it_is_over_only_beyond_the_hysteresis(self):
        self.board.hk[COLD] = -501
        self.board.pass_s(20)
        self.assertEqual(self.board.told(), [(LIMIT_WARNING, 1, -501)])
        for value in (-500, -400, -301):
            self.board.hk[COLD] = value
            self.board.pass_s(20)
            self.assertEqual(self.board.told(), [])
        self.board.hk[COLD] = -300
        self.board.pass_s(20)
        self.assertEqual(self.board.told(), [(LIMIT_OVER, 1, -300)])
        self.assertEqual(self.board.limits.over, 0)

    def test_a_value_that_is_not_available_changes_nothing(self):
        self.board.hk[VOLTS] = 6000
        self.board.pass_s(40)
        self.board.hk[VOLTS] = None
        self.board.pass_s(20)
        self.board.hk[VOLTS] = 6000
        self.board.pass_s(40)
        self.assertEqual(self.board.told(), [])  # it was not out all that time
        self.board.pass_s(20)
        self.board.hk[VOLTS] = None
        self.board.pass_s(200)
        self.assertEqual(self.board.told(), [(LIMIT_ERROR, 0, 6000)])
        self.assertEqual(self.board.limits.over, 1)

    def test_a_short_persistence_is_looked_at_each_second(self):
        self.board.pass_s(3)
        self.board.hk[DEAD] = 4
        self.board.pass_s(5)
        self.assertEqual(self.board.told(), [])
        self.board.pass_s(1)
        self.assertEqual(self.board.told(), [(LIMIT_WARNING, 2, 4)])

    def test_looking_allocates_nothing(self):
        board = self.board
        board.hk[VOLTS] = 6000
        board.hk_sent(None)
        gc.collect()
        gc.disable()
        try:
            before = gc.mem_alloc() if sys.implementation.name == "micropython" else 0
            for _ in range(20):
                board.hk_sent(None)
                board.each_second()
            after = gc.mem_alloc() if sys.implementation.name == "micropython" else 0
        finally:
            gc.enable()
        self.assertEqual(after - before, 0)


class Acting(unittest.TestCase):
    def test_the_action_is_run_once_each_time(self):
        board = Board(memory())
        for _ in range(2):
            board.hk[DEAD] = 1
            board.pass_s(20)
            board.hk[DEAD] = 0
            board.pass_s(20)
        self.assertEqual(board.ran, [b"hk_now", b"hk_now"])
        self.assertEqual(board.limits.failed, 0)

    def test_an_action_may_have_arguments(self):
        board = Board(memory(), (("dead", None, 0, 0, 0, WARNING, ("sequence_run", 3)),))
        board.hk[DEAD] = 1
        board.pass_s(1)
        self.assertEqual(board.ran, [b"sequence_run\x03"])

    def test_an_action_that_was_refused_is_an_event(self):
        board = Board(memory())
        board.result = (REFUSED, ABSENT)
        board.hk[DEAD] = 1
        board.pass_s(20)
        self.assertEqual(board.told(), [(LIMIT_WARNING, 2, 1), (LIMIT_ACTION, 2, ABSENT)])
        self.assertEqual(board.limits.failed, 1)

    def test_a_field_or_command_that_does_not_exist_fails_when_it_is_made(self):
        with self.assertRaises(ValueError):
            Board(memory(), (("nobody", 0, 1, 0, 0, WARNING, None),))


class Switching(unittest.TestCase):
    def enable(self, board, k, on):
        return board.limits.do_limit_enable((k, on), None)

    def state(self, board):
        return board.limits.do_limit_state((), None)

    def test_a_limit_that_is_off_is_not_looked_at_and_stays_off_through_resets(self):
        cells = memory()
        board = Board(cells)
        self.assertIsNone(self.enable(board, 1, 0))
        for one in (board, Board(cells)):
            one.hk[COLD] = -3000
            one.pass_s(60)
            self.assertEqual(one.told(), [])
            self.assertEqual(self.state(one), b"\x03\0\0\0\x02")
        self.enable(board, 1, 1)
        again = Board(cells)
        again.hk[COLD] = -3000
        again.pass_s(20)
        self.assertEqual(self.state(again), b"\x03\0\x02\0\0")

    def test_switching_off_ends_what_was_exceeded(self):
        board = Board(memory())
        board.hk[COLD] = -3000
        board.pass_s(20)
        self.enable(board, 1, 0)
        self.assertEqual(board.limits.over, 0)

    def test_a_limit_that_does_not_exist_is_refused(self):
        board = Board(memory())
        with self.assertRaises(Refused) as caught:
            self.enable(board, 3, 0)
        self.assertEqual(caught.exception.reason, NOT_FOUND)
        self.assertEqual(board.limits.off, 0)

    def test_without_memory_it_is_off_until_the_reset_and_that_is_told(self):
        board = Board(None)
        with self.assertRaises(Failed) as caught:
            self.enable(board, 1, 0)
        self.assertEqual(caught.exception.reason, STORAGE)
        self.assertEqual(board.limits.off, 2)
        self.assertEqual(Board(None).limits.off, 0)

    def test_an_unreadable_record_means_that_all_are_on(self):
        cells = memory()
        board = Board(cells)
        self.enable(board, 0, 0)
        at, size = layout.region("limits")
        for k in range(at, at + size):
            cells.cells[k] ^= 0x55
        self.assertEqual(Board(cells).limits.off, 0)
