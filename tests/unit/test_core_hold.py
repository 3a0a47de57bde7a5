# The holds after separation: 30 minutes without deployables, 45 without RF, through whatever happens.
import os
import struct
import time
import unittest

from core.clock import Clock, Every
from core.hold import DEPLOY_S, RF_S, SIZE, Hold, Spare, Switches
from core.record import Record


class Memory:
    def __init__(self):
        self.cells = bytearray(64)
        self.dead = False
        self.writes = 0

    def read_into(self, address, buffer):
        if self.dead:
            raise OSError(5)
        buffer[:] = self.cells[address : address + len(buffer)]

    def write(self, address, data):
        if self.dead:
            raise OSError(5)
        self.writes += 1
        self.cells[address : address + len(data)] = data


class Input:
    """A pin; readings: what the next readings give before it settles on level."""

    def __init__(self, level=0, readings=()):
        self.level = level
        self.readings = list(readings)

    def value(self):
        return self.readings.pop(0) if self.readings else self.level


def booted(memory, rbf=None, sep1=None, sep2=None):
    return Hold(Record(memory, 0, SIZE), Switches(rbf, sep1, sep2))


def fly(hold, seconds, step_ms=1000):
    for _ in range(seconds):
        hold.update(step_ms)
    return hold


_FILE = "test_core_hold.bin"


class DeadMemory(unittest.TestCase):
    """A file keeps the time for an FRAM that does not answer, and is believed nowhere else."""

    def setUp(self):
        self.memory = Memory()
        self.memory.dead = True
        self.remove()

    tearDown = setUp

    def remove(self):
        try:
            os.remove(_FILE)
        except OSError:
            pass

    def boot(self, rbf=None):
        return Hold(Record(self.memory, 0, SIZE), Switches(rbf, None, None), Spare(_FILE))

    def test_a_boot_loop_ends_the_hold(self):
        boots = 0
        hold = self.boot()
        while not hold.rf_allowed:
            hold = fly(self.boot(), 30)
            boots += 1
            self.assertTrue(boots < 120, "the hold does not end")
        self.assertTrue(boots >= RF_S // 30)
        self.assertTrue(self.boot().deploy_allowed)

    def test_a_boot_loop_of_a_second_ends_it_too(self):
        Spare(_FILE).keep(RF_S - 100)
        for _ in range(100):
            hold = self.boot()
            self.assertFalse(hold.rf_allowed)
            hold.update(1000)
        self.assertTrue(self.boot().rf_allowed)

    def test_what_is_counted_is_never_more_than_was_flown(self):
        flown = 0
        for seconds in (3, 7, 1, 22, 14, 5, 60):
            fly(self.boot(), seconds)
            flown += seconds
            self.assertTrue(flown - 40 < self.boot().elapsed_s <= flown)

    def test_it_is_written_each_five_seconds_until_the_hold_is_over(self):
        hold = self.boot()
        written = []
        for second in range(1, RF_S + 400):
            hold.update(1000)
            at = Spare(_FILE).load() if second < 20 or second > RF_S - 20 else written[-1]
            if not written or at != written[-1]:
                written.append(at)
        self.assertEqual(written[:3], [1, 6, 11])
        self.assertTrue(RF_S <= written[-1] < RF_S + 15)

    def test_a_memory_that_answers_is_believed_alone(self):
        fly(self.boot(), 200)
        self.memory.dead = False
        self.assertEqual(self.boot().elapsed_s, 0)  # it was never written: a full hold
        fly(self.boot(), 10)
        self.memory.dead = True
        self.assertEqual(self.boot().elapsed_s, 0)  # the file went with the first save
        self.assertEqual(Spare(_FILE).load(), 0)

    def test_an_old_file_is_gone_when_the_memory_dies_later(self):
        fly(self.boot(), 200)
        self.memory.dead = False
        hold = fly(self.boot(), 100)
        self.memory.dead = True
        fly(hold, 20)
        self.assertTrue(100 < self.boot().elapsed_s <= 120)

    def test_remove_before_flight_sets_the_file_back(self):
        fly(self.boot(), 200)
        pin = Input(1)
        hold = self.boot(pin)
        hold.update(1000)
        self.assertEqual(Spare(_FILE).load(), 0)
        pin.level = 0
        fly(hold, 20)
        self.assertTrue(0 < self.boot().elapsed_s < 20)
        pin.level = 1
        fly(hold, 4)  # in the same boot
        self.assertEqual(Spare(_FILE).load(), 0)

    def test_a_torn_file_is_no_time(self):
        fly(self.boot(), 200)
        with open(_FILE, "rb") as file:
            whole = file.read()
        for spoiled in (whole[:-1], whole + b"x", bytes((whole[0] ^ 1,)) + whole[1:], b""):
            with open(_FILE, "wb") as file:
                file.write(spoiled)
            self.assertEqual(self.boot().elapsed_s, 0)

    def test_a_file_system_that_refuses_does_no_harm(self):
        hold = Hold(Record(self.memory, 0, SIZE), Switches(), Spare("nowhere/at/all/hold.bin"))
        self.assertTrue(fly(hold, RF_S).rf_allowed)


class Holds(unittest.TestCase):
    def test_deployables_wait_thirty_minutes_and_rf_forty_five(self):
        hold = booted(Memory())
        first = {}
        for second in range(1, 2800):
            hold.update(1000)
            if hold.deploy_allowed:
                first.setdefault("deploy", second)
            if hold.rf_allowed:
                first.setdefault("rf", second)
        self.assertEqual(first, {"deploy": DEPLOY_S, "rf": RF_S})
        self.assertGreaterEqual(DEPLOY_S, 1800)
        self.assertGreaterEqual(RF_S, 2700)

    def test_a_clock_that_is_a_hundred_ppm_fast_ends_no_hold_early(self):
        self.assertGreaterEqual(DEPLOY_S * (1 - 100e-6), 1800)
        self.assertGreaterEqual(RF_S * (1 - 100e-6), 2700)

    def test_time_goes_on_where_a_reset_cut_it(self):
        memory = Memory()
        fly(booted(memory), 1000)
        hold = booted(memory)
        self.assertEqual(hold.elapsed_s, 1000)
        self.assertFalse(hold.restarted)
        fly(hold, RF_S - 1000)
        self.assertTrue(hold.rf_allowed)

    def test_a_boot_loop_of_two_seconds_still_ends_the_hold(self):
        memory = Memory()
        boots = 0
        while not booted(memory).rf_allowed:
            fly(booted(memory), 2)
            boots += 1
            self.assertLess(boots, RF_S)
        self.assertEqual(boots, RF_S // 2 + 1)

    def test_a_boot_loop_of_three_tenths_of_a_second_ends_the_hold_too(self):
        memory = Memory()
        for _ in range(4 * RF_S):
            hold = booted(memory)
            hold.update(300)
        self.assertTrue(hold.rf_allowed)

    def test_milliseconds_are_not_lost_at_each_reset(self):
        memory = Memory()
        for _ in range(100):
            fly(booted(memory), 3, step_ms=1007)
        self.assertEqual(booted(memory).elapsed_s, 302)

    def test_a_cut_between_two_saves_counts_too_little_never_too_much(self):
        memory = Memory()
        hold = fly(booted(memory), 100)
        hold.update(400)  # not yet saved
        self.assertEqual(booted(memory).elapsed_s, 100)

    def test_an_unreadable_record_means_a_full_hold_once(self):
        memory = Memory()
        fly(booted(memory), 5000)
        memory.cells[9] ^= 0xFF
        memory.cells[9 + 18] ^= 0xFF
        hold = booted(memory)
        self.assertTrue(hold.restarted)
        self.assertEqual(hold.elapsed_s, 0)
        self.assertFalse(hold.rf_allowed)
        fly(hold, 100)
        hold = booted(memory)
        self.assertFalse(hold.restarted)
        self.assertEqual(hold.elapsed_s, 100)
        fly(hold, RF_S - 100)
        self.assertTrue(booted(memory).rf_allowed)

    def test_a_record_that_makes_no_sense_is_unreadable(self):
        memory = Memory()
        record = Record(memory, 0, SIZE)
        record.load()
        struct.pack_into(">IH", record.data, 0, 9999, 1000)
        record.save()
        self.assertEqual(booted(memory).elapsed_s, 0)

    def test_a_dead_memory_still_lets_the_hold_end(self):
        memory = Memory()
        memory.dead = True
        hold = fly(booted(memory), RF_S)
        self.assertTrue(hold.rf_allowed)
        self.assertGreater(hold.record.errors, RF_S)

    def test_it_is_saved_each_second_and_later_every_ten(self):
        memory = Memory()
        hold = fly(booted(memory), 1000)
        self.assertEqual(memory.writes, 1000)
        fly(hold, RF_S)
        before = memory.writes
        fly(hold, 1000)
        self.assertEqual(memory.writes - before, 100)

    def test_the_mission_clock_goes_on_after_the_holds(self):
        memory = Memory()
        fly(booted(memory), RF_S + 1000)
        self.assertGreater(booted(memory).elapsed_s, RF_S + 989)


class Inputs(unittest.TestCase):
    def test_remove_before_flight_stops_the_time_at_zero(self):
        memory = Memory()
        fly(booted(memory), 5000)
        hold = fly(booted(memory, rbf=Input(1)), 5)
        self.assertTrue(hold.stopped)
        self.assertEqual(hold.elapsed_s, 0)
        self.assertFalse(hold.rf_allowed or hold.deploy_allowed)
        self.assertEqual(booted(memory).elapsed_s, 0)

    def test_time_is_set_back_at_once_when_a_boot_finds_them_closed(self):
        memory = Memory()
        fly(booted(memory), 5000)
        booted(memory, rbf=Input(1))  # and power is gone before its first second
        self.assertEqual(booted(memory).elapsed_s, 0)

    def test_both_switches_pressed_stop_it_and_one_does_not(self):
        for one, other, stopped in ((1, 1, True), (1, 0, False), (0, 1, False), (0, 0, False)):
            hold = fly(booted(Memory(), None, Input(one), Input(other)), 10)
            self.assertEqual(hold.stopped, stopped)
            self.assertEqual(hold.elapsed_s, 0 if stopped else 10)

    def test_time_starts_when_the_pod_lets_go(self):
        sep1, sep2 = Input(1), Input(1)
        hold = fly(booted(Memory(), Input(0), sep1, sep2), 600)
        sep1.level = sep2.level = 0
        fly(hold, RF_S)
        self.assertFalse(hold.rf_allowed)  # the release was believed at the third reading
        fly(hold, 2)
        self.assertTrue(hold.rf_allowed)

    def test_switches_that_close_again_set_all_timers_back(self):
        memory = Memory()
        sep1, sep2 = Input(0), Input(0)
        hold = fly(booted(memory, None, sep1, sep2), 2000)
        sep1.level = sep2.level = 1
        fly(hold, 3)
        self.assertEqual(hold.elapsed_s, 0)
        self.assertFalse(hold.deploy_allowed)
        self.assertEqual(booted(memory).elapsed_s, 0)

    def test_a_bounce_in_flight_sets_nothing_back(self):
        rbf = Input(0)
        hold = fly(booted(Memory(), rbf), 2800)
        rbf.readings = [1, 1, 0, 1, 1]
        fly(hold, 10)
        self.assertEqual(hold.elapsed_s, 2810)
        self.assertTrue(hold.rf_allowed)

    def test_nothing_is_allowed_while_the_switches_are_not_known(self):
        memory = Memory()
        fly(booted(memory), 5000)
        hold = booted(memory, Input(0, readings=[0, 1, 0, 0, 1]))
        self.assertTrue(hold.stopped)
        self.assertFalse(hold.rf_allowed or hold.deploy_allowed)
        self.assertGreater(hold.elapsed_s, 4980)  # and nothing is set back either
        fly(hold, 3)
        self.assertTrue(hold.rf_allowed)

    def test_switches_that_chatter_for_ever_do_not_silence_the_satellite(self):
        memory = Memory()
        fly(booted(memory), 5000)
        hold = booted(memory, Input(0, readings=[0, 1] * 100))
        fly(hold, 59)
        self.assertFalse(hold.rf_allowed)
        fly(hold, 1)
        self.assertTrue(hold.rf_allowed)

    def test_an_unreadable_record_is_cleared_on_the_bench(self):
        memory = Memory()
        fly(booted(memory), 5000)
        memory.dead = True
        hold = booted(memory, Input(1))  # cannot know the 5,000 s that stand there
        memory.dead = False
        fly(hold, 1)
        self.assertEqual(booted(memory).elapsed_s, 0)

    def test_a_clearing_that_could_not_be_saved_is_tried_again(self):
        memory = Memory()
        fly(booted(memory), 5000)
        rbf = Input(0)
        hold = booted(memory, rbf)
        memory.dead = True
        rbf.level = 1
        fly(hold, 5)
        memory.dead = False
        fly(hold, 1)
        self.assertEqual(booted(memory).elapsed_s, 0)


class Clocks(unittest.TestCase):
    def test_seconds_survive_the_wrap_of_ticks(self):
        real = time.ticks_ms
        ticks = [(1 << 30) - 1500]
        time.ticks_ms = lambda: ticks[0]
        try:
            clock = Clock()
            passed = 0
            for _ in range(10):
                ticks[0] = time.ticks_add(ticks[0], 777)
                passed += clock.update()
            self.assertEqual(passed, 7770)
            self.assertEqual(clock.seconds, 7)
        finally:
            time.ticks_ms = real

    def test_calls_a_second_apart_count_each_second_once_however_long_the_boot_took_and_though_they_jitter(self):
        for boot_ms in (0, 400, 990, 1_010, 1_700):
            clock = Clock()
            time.sleep_ms(boot_ms)
            clock.begin()
            start = time.ticks_ms()
            seen = []
            for k in range(6):
                time.sleep_ms(k * 1000 + (7, 0, 30, 2, 90, 0)[k] - time.ticks_diff(time.ticks_ms(), start))
                clock.update()
                seen.append(clock.seconds)
            self.assertEqual(seen, [0, 1, 2, 3, 4, 5])

    def test_a_period_does_not_drift(self):
        every = Every(250)
        start = time.ticks_ms()
        for _ in range(40):
            time.sleep_ms(100)  # work
            time.sleep_ms(every.ms())
        self.assertAlmostEqual(time.ticks_diff(time.ticks_ms(), start), 10_000, delta=2)
        self.assertEqual(every.missed, 0)

    def test_missed_times_are_skipped_and_counted(self):
        every = Every(250)
        time.sleep_ms(900)
        self.assertEqual(every.ms(), 250)
        self.assertEqual(every.missed, 1)
