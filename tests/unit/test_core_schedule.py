# Commands at a time, after an event, in sequences; through resets, missed times and power cuts at any byte.
import struct
import unittest
from binascii import crc32

import power_cuts
from byte_memory import Memory
from core import layout
from core.cells import Cells
from core.command_table import BUSY, COMMANDS, COMPLETED, CONTENT, NO_ROOM, NOT_FOUND
from core.command_table import REFUSED, STATE, STORAGE
from core.commands import Commands, Refused
from core.event_table import BOOT, COMMAND_REFUSED, LIMIT_ERROR, SCHEDULE_CUT, SCHEDULE_DONE, SCHEDULE_MISSED
from core.event_table import SCHEDULE_STORAGE, SEQUENCE_ENDED, SEQUENCE_STOPPED
from core.schedule import ANY, AT, EVENT, GRACE_S, LATE, MISSION, OFF, Schedule
from core.hk_table import COMMON
from core.telemetry import Set

_NOW = 840_000_000
_TABLE = COMMANDS + (
    (0x80, "mark", (("value", "u8", "", 1, 0, 200),), 0, "is written down"),
    (0x81, "die", (), 0, "resets"),
)
_MARK = b"\x80"
_MEMORY = 0x4000


class Died(Exception):
    pass


class Events:
    def __init__(self):
        self.log = []
        self.on_event = None

    def emit(self, number, a=0, b=0):
        if number != COMMAND_REFUSED:
            self.log.append((number, a, b))
        if self.on_event is not None:
            self.on_event(number, a)


class Board:
    """What a schedule needs of one. marks: values of the commands that ran."""

    address = 2
    keys = None

    def __init__(self, memory, now=_NOW, mission=5000, uptime=1000):
        self.fram = memory
        self.time = self
        self.clock = self
        self.node = self
        self.dictionary = self
        self.commands = _TABLE
        self.seconds = now
        self.uptime_s = uptime
        self.mission_s = mission
        self.cause = 1
        self.events = Events()
        self.marks = []
        self.hooks = []
        self.faults = 0
        self.table = Set("eps", COMMON)
        self.hk = self.table.values()
        door = Commands(self)
        self.commands = door
        self.dictionary = type("Dictionary", (), {"commands": _TABLE})
        door.add(self)
        self.schedule = Schedule(self)

    def bind(self, port, handler):
        pass

    def on_second(self, function):
        self.hooks.append(function)

    def before_hk(self, function):
        pass

    def event(self, number, a=0, b=0):
        self.events.emit(number, a, b)

    def survive(self, name, error):
        raise error

    def do_mark(self, values, request):
        self.marks.append(values[0])
        if values[0] == 99:
            raise Refused(STATE)

    def do_die(self, values, request):
        raise power_cuts.PowerCut()

    def run(self, seconds, each=1):
        for _ in range(seconds // each):
            self.seconds += each
            self.mission_s += each
            self.uptime_s += each
            for hook in self.hooks:
                hook()

    def do(self, name, *values):
        """(status, reason, data) of a command."""
        said = []
        real = self.commands._do

        def spy(request, body):
            status, data = real(request, body)
            said.append((status, bytes(data)))
            return status, data

        self.commands._do = spy
        status, reason = self.commands.run(self.commands.encode(name, *values))
        self.commands._do = real
        return status, reason, said[0][1]

    def add(self, number, kind, due=0, command=_MARK + b"\x07", flags=0, event=0, value=ANY, period=0, times=0):
        return self.do("schedule_add", number, kind, flags, event, value, due, period, times, command)[:2]

    def numbers(self):
        return sorted([number for number in self.schedule.cells.numbers if number])


def board(memory=None, **settings):
    return Board(memory or Memory(_MEMORY), **settings)


class Timed(unittest.TestCase):
    def test_a_command_runs_at_its_time_once_and_is_an_event(self):
        one = board()
        self.assertEqual(one.add(1, AT, _NOW + 10), (COMPLETED, 0))
        one.run(9)
        self.assertEqual(one.marks, [])
        one.run(1)
        self.assertEqual(one.marks, [7])
        one.run(100)
        self.assertEqual(one.marks, [7])
        self.assertEqual(one.events.log, [(SCHEDULE_DONE, 1, COMPLETED << 8)])
        self.assertEqual(one.numbers(), [])

    def test_a_mission_time_is_counted_in_powered_seconds(self):
        one = board()
        one.add(1, MISSION, 5003)
        one.seconds += 1000
        one.run(2)
        self.assertEqual(one.marks, [])
        one.run(1)
        self.assertEqual(one.marks, [7])

    def test_the_order_is_that_of_the_times(self):
        one = board()
        for number, due, value in ((1, 30, 3), (2, 10, 1), (3, 20, 2), (4, 20, 4)):
            one.add(number, AT, _NOW + due, _MARK + bytes((value,)))
        one.run(60, each=60)
        self.assertEqual(sorted(one.marks[1:3]), [2, 4])
        self.assertEqual((one.marks[0], one.marks[3]), (1, 3))

    def test_a_period_repeats_it_so_many_times(self):
        one = board()
        one.add(1, AT, _NOW + 10, period=60, times=3)
        one.add(2, AT, _NOW + 15, _MARK + b"\x01", period=100)
        one.run(600)
        self.assertEqual(one.marks.count(7), 3)
        self.assertEqual(one.marks.count(1), 6)
        self.assertEqual(one.numbers(), [2])

    def test_a_refused_command_is_told_with_its_reason(self):
        one = board()
        one.add(1, AT, _NOW + 1, _MARK + b"\x63")
        one.run(2)
        self.assertEqual(one.events.log, [(SCHEDULE_DONE, 1, REFUSED << 8 | STATE)])

    def test_no_second_does_more_than_four(self):
        one = board()
        for number in range(1, 11):
            one.add(number, AT, _NOW + 1, _MARK + bytes((number,)))
        counts = []
        for _ in range(3):
            one.run(1)
            counts.append(len(one.marks))
        self.assertEqual(counts, [4, 8, 10])


class Missed(unittest.TestCase):
    def test_a_time_that_passed_while_the_board_was_off_is_skipped_or_made_up_for(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, AT, _NOW + 10)
        one.add(2, AT, _NOW + 10, _MARK + b"\x02", flags=LATE)
        one = board(memory, now=_NOW + 11 + GRACE_S)
        one.run(1)
        self.assertEqual(one.marks, [2])
        self.assertEqual(sorted(one.events.log), [(SCHEDULE_DONE, 2, 256), (SCHEDULE_MISSED, 1, GRACE_S + 2)])
        self.assertEqual((one.numbers(), one.schedule.missed), ([], 1))

    def test_a_little_late_is_not_missed(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, AT, _NOW + 10)
        one = board(memory, now=_NOW + 9 + GRACE_S)
        one.run(1)
        self.assertEqual(one.marks, [7])

    def test_missed_periods_are_skipped_and_the_beat_stays(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, AT, _NOW + 100, period=1000)
        one.add(2, AT, _NOW + 100, _MARK + b"\x02", period=1000, flags=LATE)
        one = board(memory, now=_NOW + 5500)
        one.run(1)
        self.assertEqual(one.marks, [2])
        one.run(598)
        self.assertEqual(one.marks, [2])
        one.run(1)
        self.assertEqual(sorted(one.marks), [2, 2, 7])

    def test_time_that_goes_back_repeats_nothing(self):
        one = board()
        one.add(1, AT, _NOW + 10)
        one.run(20)
        one.seconds = _NOW
        one.run(20)
        self.assertEqual(one.marks, [7])

    def test_a_command_that_resets_the_board_is_no_boot_loop(self):
        for flags, lives in ((0, 1), (LATE, 2)):
            memory = Memory(_MEMORY)
            board(memory).add(1, AT, _NOW + 5, b"\x81", flags=flags)
            died = 0
            for _ in range(5):
                one = board(memory, now=_NOW + 10)
                try:
                    one.run(3)
                except power_cuts.PowerCut:
                    died += 1
            self.assertEqual((died, one.numbers()), (lives, []))

    def test_a_memory_that_takes_no_writes_any_more_makes_no_command_run_again_and_again(self):
        for flags in (0, LATE):
            memory = Memory(_MEMORY)
            one = board(memory)
            one.add(1, AT, _NOW + 5, flags=flags)
            one.add(2, MISSION, one.mission_s + 5, b"\x81", flags=flags, period=10)
            memory.protected = True
            one.run(100)
            self.assertEqual(one.marks, [])
            self.assertEqual(sorted(one.events.log), [(SCHEDULE_STORAGE, 1, 0), (SCHEDULE_STORAGE, 2, 0)])

    def test_an_entry_that_was_done_when_the_memory_stopped_taking_writes_is_not_done_again(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, MISSION, one.mission_s + 5, flags=LATE, period=10)

        def mark_and_protect(values, request):
            one.marks.append(values[0])
            memory.protected = True

        one.do_mark = mark_and_protect
        one.run(100)
        self.assertEqual(one.marks, [7])

    def test_what_resets_the_board_leaves_time_to_delete_it_after_each_boot(self):
        for kind, settings in (
            (EVENT, {"event": BOOT}),
            (MISSION, {"due": 5000, "period": 1, "flags": LATE}),
            (AT, {"due": _NOW, "period": 1, "flags": LATE}),
        ):
            memory = Memory(_MEMORY)
            board(memory).add(1, kind, command=b"\x81", **settings)
            died = 0
            for life in range(3):
                one = board(memory, now=_NOW + 100 * life, mission=5000 + 100 * life, uptime=0)
                try:
                    one.run(100)
                except power_cuts.PowerCut:
                    self.assertGreaterEqual(one.uptime_s, 30)
                    died += 1
            self.assertGreater(died, 1)
            one = board(memory, now=_NOW + 300, mission=5300, uptime=0)
            one.run(29)
            self.assertEqual(one.do("schedule_delete", 1)[0], COMPLETED)
            one.run(100)

    def test_what_a_reset_cut_is_told(self):
        memory = Memory(_MEMORY)
        board(memory).add(1, AT, _NOW + 5, b"\x81")
        with self.assertRaises(power_cuts.PowerCut):
            board(memory, now=_NOW + 10).run(1)
        one = board(memory, now=_NOW + 12)
        one.run(1)
        self.assertEqual(one.events.log, [(SCHEDULE_CUT, 1, 0)])


class AfterEvents(unittest.TestCase):
    def test_a_command_follows_an_event_after_its_delay(self):
        one = board()
        one.add(1, EVENT, event=LIMIT_ERROR, period=5, times=1)
        one.run(100)
        one.event(LIMIT_ERROR, 3)
        one.run(5)
        self.assertEqual(one.marks, [])
        one.run(1)
        self.assertEqual(one.marks, [7])
        one.event(LIMIT_ERROR, 3)
        one.run(100)
        self.assertEqual((one.marks, one.numbers()), ([7], []))

    def test_only_the_value_that_was_asked_for_counts_and_the_rest_do_not(self):
        one = board()
        one.add(1, EVENT, event=LIMIT_ERROR, value=3)
        for k in (0, 1, 2, 4, 255):
            one.event(LIMIT_ERROR, k)
        one.run(10)
        self.assertEqual(one.marks, [])
        for _ in range(3):
            one.event(LIMIT_ERROR, 3)
            one.run(10)
        self.assertEqual(one.marks, [7, 7, 7])

    def test_an_event_that_happened_is_not_forgotten_by_a_reset(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, EVENT, event=LIMIT_ERROR, period=50, times=1)
        one.event(LIMIT_ERROR)
        one.run(10)
        one = board(memory, mission=5008)
        one.run(41)
        self.assertEqual(one.marks, [])
        one.run(2)
        self.assertEqual(one.marks, [7])

    def test_the_boot_itself_is_an_event(self):
        memory = Memory(_MEMORY)
        board(memory).add(1, EVENT, event=BOOT, period=10)
        for _ in range(3):
            one = board(memory)
            one.run(12)
            self.assertEqual(one.marks, [7])

    def test_an_entry_that_is_off_hears_nothing(self):
        one = board()
        one.add(1, EVENT, event=LIMIT_ERROR)
        self.assertEqual(one.do("schedule_enable", 1, 0)[0], COMPLETED)
        one.event(LIMIT_ERROR)
        one.run(3)
        self.assertEqual(one.marks, [])
        one.do("schedule_enable", 1, 1)
        one.event(LIMIT_ERROR)
        one.run(3)
        self.assertEqual(one.marks, [7])

    def test_an_event_without_entries_that_wait_costs_nothing(self):
        one = board()
        one.event(LIMIT_ERROR)
        self.assertEqual(one.schedule._happened[0], 0)


class Kept(unittest.TestCase):
    def test_entries_survive_resets_and_are_read_back_as_they_were_given(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(9, AT, _NOW + 500, _MARK + b"\x05", flags=LATE, period=60, times=4)
        one.add(200, MISSION, 99_999)
        one = board(memory)
        _, _, answer = one.do("schedule_read", 0)
        self.assertEqual(len(answer), 2 * 41)
        self.assertEqual(answer[:17], b"\x09\x00\x01\x00\xff" + struct.pack(">IIHB", _NOW + 500, 60, 4, 2) + b"\x80")
        self.assertEqual(one.do("schedule_read", 9)[2], answer[41:])
        self.assertEqual(one.do("schedule_read", 200)[2], b"")

    def test_all_places_can_be_taken_and_changed(self):
        one = board()
        for number in range(1, 17):
            self.assertEqual(one.add(number, AT, _NOW + 1000 + number), (COMPLETED, 0))
        self.assertEqual(one.add(17, AT, _NOW + 1000), (REFUSED, NO_ROOM))
        for number in range(1, 17):
            self.assertEqual(one.do("schedule_enable", number, 0)[0], COMPLETED)
        self.assertEqual(one.do("schedule_delete", 5)[0], COMPLETED)
        self.assertEqual(one.add(17, AT, _NOW + 1000), (COMPLETED, 0))
        listed = []
        after = 0
        while True:
            answer = one.do("schedule_read", after)[2]
            if not answer:
                break
            listed += [answer[k] for k in range(0, len(answer), 41)]
            after = listed[-1]
        self.assertEqual(listed, [k for k in range(1, 18) if k != 5])
        self.assertEqual(one.do("schedule_delete", 0)[0], COMPLETED)
        self.assertEqual(one.numbers(), [])

    def test_bad_input_is_refused_and_changes_nothing(self):
        one = board()
        one.add(1, AT, _NOW + 100)
        self.assertEqual(one.add(1, AT, _NOW + 100), (COMPLETED, 0))  # the same again
        self.assertEqual(one.add(1, AT, _NOW + 101), (REFUSED, STATE))
        self.assertEqual(one.add(2, AT, _NOW + 100, b"\x77"), (REFUSED, CONTENT))
        self.assertEqual(one.add(2, AT, _NOW + 100, _MARK), (REFUSED, CONTENT))
        self.assertEqual(one.add(2, AT, _NOW + 100, _MARK + b"\xc9"), (REFUSED, CONTENT))
        self.assertEqual(one.add(2, AT, _NOW - GRACE_S - 1), (REFUSED, CONTENT))
        self.assertEqual(one.do("schedule_delete", 2)[:2], (REFUSED, NOT_FOUND))
        self.assertEqual(one.do("schedule_enable", 2, 1)[:2], (REFUSED, NOT_FOUND))
        self.assertEqual(one.numbers(), [1])

    def test_without_fram_nothing_is_accepted(self):
        for memory in (None, Memory(_MEMORY)):
            if memory is not None:
                memory.failures = 1_000_000
            one = Board(memory)
            self.assertEqual(one.add(1, AT, _NOW + 100), (REFUSED, STORAGE))
            self.assertEqual(one.do("sequence_store", 1, 0, b"\0\0\2\x80\1")[:2], (REFUSED, STORAGE))
            one.run(5)

    def test_a_flipped_bit_loses_one_entry_and_says_so(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, AT, _NOW + 100)
        one.add(2, AT, _NOW + 100)
        memory.cells[layout.region("schedule")[0] + 20] ^= 4
        one = board(memory)
        self.assertEqual(one.numbers(), [2])
        self.assertEqual(one.events.log, [(SCHEDULE_STORAGE, 1, 0)])

    def test_an_entry_that_cannot_be_read_when_it_is_due_stops_no_other(self):
        memory = Memory(_MEMORY)
        one = board(memory)
        one.add(1, AT, _NOW + 5)
        one.add(2, AT, _NOW + 6, _MARK + b"\x02", flags=LATE)
        memory.cells[layout.region("schedule")[0] + 20] ^= 4
        one.run(20)
        self.assertEqual(one.marks, [2])
        self.assertTrue((SCHEDULE_STORAGE, 1, 0) in one.events.log)


def steps(*what):
    return b"".join([struct.pack(">HB", delay, len(command)) + command for delay, command in what])


class Stored(unittest.TestCase):
    def test_a_sequence_runs_its_commands_with_their_delays(self):
        memory = Memory(_MEMORY)
        board(memory).do("sequence_store", 3, 0, steps((0, b"\x80\x01"), (10, b"\x80\x02"), (5, b"\x80\x03")))
        one = board(memory)
        self.assertEqual(one.do("sequence_run", 3)[0], COMPLETED)
        seen = []
        for _ in range(20):
            one.run(1)
            seen.append(len(one.marks))
        self.assertEqual((seen.index(1), seen.index(2), seen.index(3)), (0, 10, 15))
        self.assertEqual(one.events.log, [(SEQUENCE_ENDED, 3, 3 << 8)])
        self.assertEqual(one.schedule.sequences.running, 0)

    def test_a_refused_step_ends_it_unless_it_goes_on(self):
        what = steps((0, b"\x80\x63"), (0, b"\x80\x02"))
        for flags, marks, event in ((0, [99], SEQUENCE_STOPPED), (1, [99, 2], SEQUENCE_ENDED)):
            one = board()
            one.do("sequence_store", 1, flags, what)
            self.assertTrue(one.schedule.run(1))
            one.run(3)
            self.assertEqual((one.marks, one.events.log[0][0]), (marks, event))

    def test_an_entry_starts_one_and_a_sequence_adds_an_entry(self):
        one = board()
        add = one.commands.encode("schedule_add", 8, MISSION, LATE, 0, 255, 5020, 0, 0, b"\x80\x09")
        one.do("sequence_store", 1, 0, steps((0, b"\x80\x01"), (1, add)))
        self.assertEqual(one.add(1, AT, _NOW + 5, b"\x27\x01"), (COMPLETED, 0))
        one.run(30)
        self.assertEqual(one.marks, [1, 9])

    def test_it_runs_once_at_a_time_and_at_most_four_do(self):
        one = board()
        for number in range(1, 6):
            one.do("sequence_store", number, 0, steps((100, b"\x80\x01")))
            self.assertEqual(one.schedule.run(number), number < 5)
        self.assertEqual(one.do("sequence_run", 1)[:2], (REFUSED, BUSY))
        self.assertEqual(one.do("sequence_run", 9)[:2], (REFUSED, NOT_FOUND))
        self.assertEqual(one.do("sequence_stop", 2)[0], COMPLETED)
        self.assertTrue(one.schedule.run(5))
        self.assertEqual(one.do("sequence_stop", 2)[:2], (REFUSED, NOT_FOUND))
        one.do("sequence_stop", 0)
        one.run(200)
        self.assertEqual(one.marks, [])

    def test_one_that_starts_itself_is_stopped_and_two_that_start_each_other_leave_time_for_the_rest(self):
        one = board()
        one.do("sequence_store", 1, 0, steps((0, b"\x80\x01"), (0, b"\x27\x01")))
        one.schedule.run(1)
        one.run(10)
        self.assertEqual((one.marks, one.schedule.sequences.running), ([1], 0))
        one.do("sequence_store", 2, 0, steps((0, b"\x80\x02"), (0, b"\x27\x03")))
        one.do("sequence_store", 3, 0, steps((0, b"\x80\x03"), (0, b"\x27\x02")))
        one.schedule.run(2)
        one.run(100)
        self.assertTrue(50 < len(one.marks) <= 401)
        one.do("sequence_stop", 0)

    def test_one_that_is_replaced_while_it_runs_stops(self):
        one = board()
        one.do("sequence_store", 1, 0, steps((5, b"\x80\x01")))
        one.schedule.run(1)
        one.do("sequence_store", 1, 0, steps((5, b"\x80\x02")))
        one.run(10)
        self.assertEqual((one.marks, one.events.log), ([], [(SEQUENCE_STOPPED, 1, STORAGE)]))

    def test_definitions_are_listed_read_and_deleted(self):
        one = board()
        what = steps((0, b"\x80\x01"), (2, b"\x80\x02"))
        one.do("sequence_store", 7, 1, what)
        one.do("sequence_store", 4, 0, what)
        one.schedule.run(4)
        one.run(1)
        self.assertEqual(one.do("sequence_list")[2], b"\x04\x0a\x01\x07\x0a\xff")
        self.assertEqual(one.do("sequence_read", 7)[2], b"\x01\x0a" + what)
        self.assertEqual(one.do("sequence_store", 7, 0, b"")[0], COMPLETED)
        self.assertEqual(one.do("sequence_read", 7)[:2], (REFUSED, NOT_FOUND))
        self.assertEqual(one.do("sequence_store", 7, 0, b"")[:2], (REFUSED, NOT_FOUND))

    def test_steps_of_no_form_are_refused_with_their_number(self):
        one = board()
        good = steps((0, b"\x80\x01"))
        for bad, step in ((b"\0", 1), (b"\0\0\0", 1), (good + b"\0\0\5\x80", 2), (good + steps((0, b"\x80")), 2),
                          (good + good + steps((0, b"\x7f")), 3)):  # fmt: skip
            status, reason, data = one.do("sequence_store", 1, 0, bad)
            self.assertEqual((status, reason, data[1]), (REFUSED, CONTENT, step))
        for number in range(1, 9):
            self.assertEqual(one.do("sequence_store", number, 0, good)[0], COMPLETED)
        self.assertEqual(one.do("sequence_store", 9, 0, good)[:2], (REFUSED, NO_ROOM))
        self.assertEqual(one.do("sequence_store", 8, 0, good + good)[0], COMPLETED)


class Cut(unittest.TestCase):
    """Power fails before, within and after every write; what was acknowledged is there at the next boot."""

    def state(self, fram):
        one = Board(fram)
        kept = {}
        for number in one.numbers():
            assert one.schedule.cells.read(number)
            kept[number] = bytes(one.schedule.cells.body)
        return kept

    def test_adding_changing_and_deleting_entries(self):
        def before(fram, done):
            one = Board(fram)
            for number in range(1, 17):
                one.add(number, AT, _NOW + number)

        def scenario(fram, done):
            one = Board(fram)
            one.do("schedule_delete", 4)
            done.append("deleted")
            one.do("schedule_enable", 9, 0)
            done.append("off")
            one.add(40, AT, _NOW + 40)
            done.append("added")

        def check(fram, done):
            kept = self.state(fram)
            for number in range(1, 17):
                if number != 4:
                    self.assertEqual(kept[number][4:8], struct.pack(">I", _NOW + number))
            if "deleted" in done:
                self.assertFalse(4 in kept)
            if "off" in done:
                self.assertEqual(kept[9][1], OFF)
            if "added" in done:
                self.assertTrue(40 in kept)
            one = Board(fram)
            one.do("schedule_delete", 0)
            self.assertEqual(one.add(41, AT, _NOW + 41), (COMPLETED, 0))

        self.assertTrue(power_cuts.every_cut(scenario, check, before=before) >= 3 * 6)

    def test_executing_one_twice_at_most_and_never_one_that_may_not_be_late(self):
        def before(fram, done):
            one = Board(fram)
            one.add(1, AT, _NOW + 1, _MARK + b"\x01")
            one.add(2, AT, _NOW + 1, _MARK + b"\x02", flags=LATE)
            one.add(3, AT, _NOW + 1, _MARK + b"\x03", period=10, times=3)

        def scenario(fram, done):
            one = Board(fram)
            one.marks = done
            one.run(5)

        def check(fram, done):
            one = Board(fram, now=_NOW + 5)
            one.marks = marks = list(done)
            one.run(30)
            self.assertTrue(marks.count(1) <= 1 and 1 <= marks.count(2) <= 2 and 2 <= marks.count(3) <= 3, repr(marks))
            if not marks.count(1):
                self.assertTrue((SCHEDULE_CUT, 1, 0) in one.events.log)
            self.assertEqual(one.numbers(), [])

        power_cuts.every_cut(scenario, check, before=before)

    def test_storing_a_sequence_over_another(self):
        old, new = steps((0, b"\x80\x01")), steps((0, b"\x80\x02"), (1, b"\x80\x03"))

        def before(fram, done):
            Board(fram).do("sequence_store", 1, 0, old)

        def scenario(fram, done):
            Board(fram).do("sequence_store", 1, 0, new)
            done.append(1)

        def check(fram, done):
            kept = Board(fram).do("sequence_read", 1)[2]
            self.assertTrue(kept[2:] in ((new,) if done else (old, new)))

        power_cuts.every_cut(scenario, check, before=before)


class InCells(unittest.TestCase):
    def test_the_bytes_on_the_memory_are_those_of_the_table(self):
        memory = Memory(256)
        cells = Cells(memory, 16, 3, 4)
        self.assertTrue(cells.write(7, b"ABCD"))
        self.assertEqual(bytes(memory.cells[16:24]), b"\xe5\x07\x00\x01ABCD")
        self.assertTrue(cells.write(7, b"EF"))
        self.assertEqual(bytes(memory.cells[28:36]), b"\xe5\x07\x00\x02EF\0\0")
        self.assertEqual(memory.cells[16], 0)

    def test_a_memory_that_takes_nothing_is_noticed(self):
        memory = Memory(256)
        cells = Cells(memory, 0, 3, 4)
        memory.protected = True
        self.assertFalse(cells.write(7, b"ABCD"))
        self.assertEqual((cells.kept, cells.errors), (0, 1))
        memory.protected = False
        self.assertTrue(cells.write(7, b"ABCD"))

    def test_revisions_wrap_and_the_newer_of_two_counts(self):
        for revision in (0, 5, 0xFFFE, 0xFFFF):
            memory = Memory(256)
            cell = b"\xe5\x07" + struct.pack(">H", revision) + b"old!"
            memory.cells[12:24] = cell + struct.pack(">I", crc32(cell))
            kept = bytes(memory.cells[12:24])
            cells = Cells(memory, 0, 3, 4)
            self.assertTrue(cells.write(7, b"new!"))
            memory.cells[12:24] = kept  # power was cut before the old one was freed
            for _ in range(2):
                again = Cells(memory, 0, 3, 4)
                self.assertTrue(again.read(7))
                self.assertEqual((bytes(again.body), again.revision), (b"new!", revision + 1 & 0xFFFF))
