import unittest

from core.record import Record
from eps import loads
from eps.loads import Loads

# name, on by default, shed from level, mA, least s on, least s off, first retry s, longest retry s
TABLE = (
    ("beacon", True, 4, 1500, 0, 2, 2, 60),
    ("sensor", True, 2, 1200, 5, 5, 10, 1800),
    ("ais", False, 1, 300, 10, 10, 30, 3600),
    ("heater", False, 3, 500, 10, 10, 30, 3600),
)
BEACON, SENSOR, AIS, HEATER = 1, 2, 4, 8
ALL = 15


class Memory:
    """An FRAM in RAM."""

    def __init__(self):
        self.data = bytearray(256)

    def read_into(self, address, buffer):
        buffer[:] = self.data[address : address + len(buffer)]

    def write(self, address, data):
        self.data[address : address + len(data)] = data


class Pins:
    """Every level that each enable was driven to, in order."""

    def __init__(self):
        self.levels = [[] for _ in TABLE]

    def make(self, index, on):
        levels = self.levels[index]
        levels.append(1 if on else 0)

        class Pin:
            def value(self, level):
                levels.append(level)

        return Pin()


class Switches(unittest.TestCase):
    def setUp(self):
        self.memory = Memory()
        self.boot()

    def boot(self, memory=None):
        self.pins = Pins()
        self.loads = Loads(TABLE, self.pins.make, Record(self.memory, 0, loads.size(len(TABLE))))

    def run_to(self, start_s, end_s, wanted=ALL, level=0):
        for now_s in range(start_s, end_s):
            self.loads.update(wanted, level, now_s)
        return self.loads.on

    def test_begins_with_the_defaults_on_a_board_that_never_ran(self):
        self.assertEqual(self.loads.on, BEACON | SENSOR)
        self.assertEqual(self.pins.levels, [[1], [1], [0], [0]])
        self.assertFalse(self.loads.restored)

    def test_turns_on_what_is_wanted_and_off_what_is_not_after_its_least_time_on(self):
        self.assertEqual(self.run_to(0, 1), ALL)
        self.assertEqual(self.run_to(1, 9, ALL & ~AIS), ALL)
        self.assertEqual(self.run_to(9, 12, ALL & ~AIS), ALL & ~AIS)

    def test_keeps_a_load_off_for_its_least_time(self):
        self.run_to(0, 20)
        self.run_to(20, 21, ALL & ~AIS)
        self.assertEqual(self.run_to(21, 30), ALL & ~AIS)
        self.assertEqual(self.run_to(30, 31), ALL)

    def test_sheds_in_order_of_level_and_the_beacon_last(self):
        self.run_to(0, 20)
        for level, left in ((1, ALL & ~AIS), (2, BEACON | HEATER), (3, BEACON), (4, 0)):
            self.assertEqual(self.run_to(20 * level, 20 * level + 20, ALL, level), left)
            self.assertEqual(self.loads.shed, ALL & ~left)
        self.assertEqual(self.run_to(100, 120), ALL)
        self.assertEqual(self.loads.shed, 0)

    def test_the_beacon_sees_no_edge_before_the_floor(self):
        for level in (0, 1, 2, 3, 2, 3, 1, 0):
            self.run_to(100 * level, 100 * level + 100, ALL, level)
        self.assertEqual(self.pins.levels[0], [1])

    def test_a_reset_drives_every_enable_to_the_state_it_had(self):
        self.run_to(0, 20)
        self.run_to(20, 40, ALL, 2)
        self.boot()
        self.assertTrue(self.loads.restored)
        self.assertEqual(self.pins.levels, [[1], [0], [0], [1]])
        self.assertEqual(self.run_to(0, 3), ALL)  # no least time off is served twice

    def test_the_beacon_is_driven_on_at_every_start_even_when_it_was_off(self):
        self.run_to(0, 20, ALL, 4)
        self.assertEqual(self.pins.levels[0], [1, 0])
        self.boot()
        self.assertEqual(self.pins.levels, [[1], [0], [0], [0]])
        self.assertEqual(self.run_to(0, 3, ALL, 4), 0)

    def test_a_dead_memory_means_the_defaults_and_switching_goes_on(self):
        self.memory = None
        self.boot()
        self.assertEqual(self.loads.on, BEACON | SENSOR)
        self.assertEqual(self.run_to(0, 20), ALL)


class OverCurrent(unittest.TestCase):
    def setUp(self):
        self.pins = Pins()
        self.memory = Memory()
        self.loads = Loads(TABLE, self.pins.make, Record(self.memory, 0, loads.size(len(TABLE))))
        self.loads.update(ALL, 0, 0)
        self.now_s = 0

    def pass_s(self, seconds, ais_ma=80):
        """Seconds of life; the AIS receiver draws ais_ma whenever it is on."""
        for _ in range(seconds):
            self.now_s += 1
            self.loads.update(ALL, 0, self.now_s)
            self.loads.measured(2, ais_ma if self.loads.on & AIS else 0, self.now_s)

    def test_the_second_reading_over_the_limit_turns_it_off_at_once(self):
        self.loads.measured(2, 301, 1)
        self.assertEqual(self.loads.on, ALL)
        self.loads.measured(2, 301, 2)
        self.assertEqual(self.loads.on, ALL & ~AIS)
        self.assertEqual(self.loads.tripped, AIS)
        self.assertEqual(self.pins.levels[2][-1], 0)
        self.assertEqual(self.loads.loads[2].trips, 1)

    def test_an_inrush_of_one_reading_is_no_over_current(self):
        for k in range(50):
            self.loads.measured(2, 900 if k % 2 else 80, k)
        self.assertEqual(self.loads.on, ALL)

    def test_an_unknown_current_changes_nothing(self):
        self.loads.measured(2, 301, 1)
        self.loads.measured(2, None, 2)
        self.assertEqual(self.loads.on, ALL)

    def test_retries_with_doubled_waits_up_to_the_longest(self):
        edges = self.pins.levels[2]
        self.pass_s(20_000, 900)
        ons = [k for k, level in enumerate(edges) if level]
        # on for 2 s each, waits of 30 60 120 240 480 960 1920 and four times 3600 s
        self.assertEqual((len(ons), self.loads.loads[2].trips), (12, 12))

    def test_a_latch_up_that_the_power_cycle_cured_stays_on(self):
        self.pass_s(2, 900)
        self.assertEqual(self.loads.on, ALL & ~AIS)
        self.pass_s(29)
        self.assertEqual(self.loads.on, ALL & ~AIS)
        self.pass_s(700)
        self.assertEqual((self.loads.on, self.loads.tripped), (ALL, 0))

    def test_ten_healthy_minutes_forget_the_back_off(self):
        for _ in range(4):
            self.pass_s(2, 900)
            self.pass_s(1000)
        self.pass_s(2, 900)
        self.pass_s(40)
        self.assertEqual(self.loads.on, ALL)

    def test_the_beacon_is_tried_again_within_a_minute_however_often_it_failed(self):
        gap = longest = 0
        for now_s in range(1, 5000):
            self.loads.update(ALL, 0, now_s)
            on = self.loads.on & BEACON
            self.loads.measured(0, 3000 if on else 0, now_s)
            gap = 0 if on else gap + 1
            longest = max(longest, gap)
        self.assertTrue(50 < longest <= 60)

    def test_trips_are_counted_through_resets(self):
        self.pass_s(3, 900)
        again = Loads(TABLE, Pins().make, Record(self.memory, 0, loads.size(len(TABLE))))
        self.assertEqual([load.trips for load in again.loads], [0, 0, 1, 0])

    def test_tells_a_switch_that_is_off_and_conducts(self):
        self.loads.update(BEACON | SENSOR, 0, 50)
        for now_s in (50, 51, 52):
            self.assertEqual(self.loads.stuck, 0)
            self.loads.measured(3, 140, now_s)
        self.assertEqual(self.loads.stuck, HEATER)
        self.loads.measured(3, 0, 53)
        self.assertEqual(self.loads.stuck, 0)


if __name__ == "__main__":
    unittest.main()
