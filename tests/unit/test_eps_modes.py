import unittest

from core import hold, ports
from eps.levels import CRITICAL, FLOOR, LOW, NORMAL, SAFE, Level
from eps.modes import Modes
from eps.trend import Trend


class Table:
    LEVELS = (
        ("low power", 6900, 40, 7200, 55),
        ("safe", 6700, 25, 7000, 40),
        ("critical", 6400, 10, 6800, 20),
        ("floor", 6000, 0, 6500, 0),
    )
    LEVEL_DEBOUNCE_MS = 10_000
    ORBIT_S = 5700
    TREND_ORBITS = 6
    TREND_LOSS_PERCENT = 3
    TREND_HORIZON_DAYS = 3
    TREND_REST_ORBITS = 15
    DETUMBLED_MDEG_S = 1_000
    DETUMBLE_LIMIT_S = 1_800


class Luck:
    """The same numbers on both interpreters (Lehmer 1951, modulus 2^31 - 1)."""

    def __init__(self, seed):
        self._state = seed

    def below(self, most):
        self._state = self._state * 48271 % 0x7FFFFFFF
        return self._state % most


def after(level, mv, soc, seconds):
    for _ in range(seconds * 2):
        level.update(mv, soc, 500)
    return level.value


class PowerLevel(unittest.TestCase):
    def setUp(self):
        self.level = Level(Table)

    def test_enters_each_level_by_voltage_or_by_charge_after_ten_seconds(self):
        for mv, soc, expected in (
            (6899, 8000, LOW), (8000, 3999, LOW), (6699, 8000, SAFE), (8000, 2499, SAFE),
            (6399, 8000, CRITICAL), (8000, 999, CRITICAL), (5999, 8000, FLOOR), (8000, 0, CRITICAL),
        ):
            level = Level(Table)
            for _ in range(19):
                self.assertEqual(level.update(mv, soc, 500), NORMAL)
            self.assertEqual(level.update(mv, soc, 500), expected)

    def test_a_dip_shorter_than_the_debounce_changes_nothing(self):
        for _ in range(50):
            after(self.level, 6000, 8000, 9)
            self.level.update(7600, 8000, 500)
        self.assertEqual(self.level.value, NORMAL)

    def test_leaves_one_level_at_a_time_when_voltage_and_charge_are_both_back(self):
        after(self.level, 5900, 0, 10)
        self.assertEqual(self.level.value, FLOOR)
        self.assertEqual(after(self.level, 6501, 0, 10), CRITICAL)
        self.assertEqual(after(self.level, 7600, 1999, 60), CRITICAL)
        self.assertEqual(after(self.level, 6700, 9000, 60), CRITICAL)
        self.assertEqual(after(self.level, 6950, 9000, 60), SAFE)
        self.assertEqual(after(self.level, 7600, 9000, 10), LOW)
        self.assertEqual(after(self.level, 7600, 9000, 10), NORMAL)

    def test_stays_between_the_thresholds(self):
        after(self.level, 6890, 8000, 10)
        self.assertEqual(after(self.level, 7199, 8000, 600), LOW)
        self.assertEqual(after(self.level, 7201, 8000, 10), NORMAL)
        self.assertEqual(after(self.level, 6901, 8000, 600), NORMAL)

    def test_without_any_voltage_for_a_minute_is_low_power_and_never_below_the_floor(self):
        self.assertEqual(after(self.level, None, 8000, 59), NORMAL)
        self.assertEqual(after(self.level, None, 8000, 2), LOW)
        self.level.restore(FLOOR)
        self.assertEqual(after(Level(Table), None, None, 59), NORMAL)
        self.assertEqual(after(self.level, None, 8000, 61), CRITICAL)

    def test_the_charge_alone_never_reaches_the_floor(self):
        self.assertEqual(after(self.level, 7000, 0, 3600), CRITICAL)

    def test_is_right_for_any_voltages_and_charges(self):
        # Properties: a worse level only while its condition holds for the debounce; better only one at a time;
        # a quiet minute far above everything ends normal; far below, at the floor.
        for seed in range(1, 30):
            luck = Luck(seed)
            level = Level(Table)
            held = [0] * 4
            before = 0
            mv, soc = 7600, 8000
            for _ in range(400):
                if luck.below(4) == 0:
                    mv = 5500 + luck.below(2900)
                    soc = luck.below(10_001)
                ms = 250 + luck.below(1500)
                level.update(mv, soc, ms)
                for k, (_, low_mv, low_soc, _, _) in enumerate(Table.LEVELS):
                    held[k] = held[k] + ms if mv < low_mv or soc < low_soc * 100 else 0
                if level.value > before:
                    self.assertTrue(held[level.value - 1] >= 10_000)
                self.assertTrue(level.value >= before - 1)
                for k in range(4):
                    if held[k] >= 10_000:
                        self.assertTrue(level.value > k)
                before = level.value
            self.assertEqual(after(level, 8000, 10_000, 60), NORMAL)
            self.assertEqual(after(level, 5900, 10_000, 10), FLOOR)


class DaysTrend(unittest.TestCase):
    def orbits(self, trend, mins):
        for least in mins:
            trend.update(least + 900, 2_000_000)
            trend.update(least, 2_000_000)
            trend.update(least + 500, 1_700_000)

    def test_keeps_the_least_charge_of_each_orbit(self):
        trend = Trend(Table)
        self.assertIsNone(trend.least)
        self.orbits(trend, (7000, 6900))
        self.assertEqual(trend.least, 6900)

    def test_a_loss_of_17_percent_a_day_calls_for_low_power_within_half_a_day(self):
        trend = Trend(Table)
        self.orbits(trend, [7000 - 112 * k for k in range(7)])
        self.assertTrue(trend.falling)

    def test_says_the_loss_in_tenths_of_a_percent_a_day(self):
        trend = Trend(Table)
        self.orbits(trend, [8000 - 100 * k for k in range(5)])
        self.assertEqual(trend.per_day, -152)  # 1 % in 5700 s are 15.16 % in 86400 s, floored

    def test_a_balanced_satellite_that_wobbles_is_left_alone(self):
        trend = Trend(Table)
        luck = Luck(7)
        self.orbits(trend, [6000 + luck.below(250) for _ in range(200)])
        self.assertFalse(trend.falling)

    def test_a_slow_loss_far_from_the_safe_level_is_left_alone(self):
        trend = Trend(Table)
        self.orbits(trend, [9900 - 15 * k for k in range(100)])
        self.assertFalse(trend.falling)

    def test_ends_when_the_loss_is_made_good(self):
        trend = Trend(Table)
        self.orbits(trend, [6000 - 150 * k for k in range(7)])
        self.assertTrue(trend.falling)
        self.orbits(trend, [5100 + 80 * k for k in range(12)])  # up to 59.8 %
        self.assertTrue(trend.falling)
        self.orbits(trend, [6000])
        self.assertFalse(trend.falling)

    def test_ends_after_a_day_without_a_further_loss_and_not_while_it_goes_on(self):
        trend = Trend(Table)
        self.orbits(trend, [6000 - 150 * k for k in range(7)])
        self.orbits(trend, [5100 - 20 * k for k in range(40)])
        self.assertTrue(trend.falling)
        self.orbits(trend, [4300] * 7)
        self.assertFalse(trend.falling)
        trend = Trend(Table)
        self.orbits(trend, [6000 - 150 * k for k in range(7)])
        self.orbits(trend, [5100] * 14)
        self.assertTrue(trend.falling)
        self.orbits(trend, [5100])
        self.assertFalse(trend.falling)

    def test_survives_a_reset_in_the_middle_of_an_orbit(self):
        one = Trend(Table)
        self.orbits(one, [6000 - 150 * k for k in range(6)])
        one.update(5100, 3_000_000)
        buffer = bytearray(one.size() + 5)
        one.pack_into(buffer, 5)
        two = Trend(Table)
        two.unpack_from(buffer, 5)
        two.update(5300, 2_800_000)
        self.assertTrue(two.falling)
        self.assertEqual(two.least, 5100)

    def test_refuses_a_state_that_it_cannot_have_written(self):
        trend = Trend(Table)
        trend.unpack_from(b"\xff" * trend.size(), 0)
        self.assertFalse(trend.falling)
        self.assertIsNone(trend.least)

    def test_an_orbit_without_any_charge_is_no_orbit(self):
        trend = Trend(Table)
        for _ in range(10):
            trend.update(None, 5_700_000)
        self.assertIsNone(trend.least)


class Holding:
    def __init__(self):
        self.elapsed_s = 0
        self.stopped = False

    @property
    def deploy_allowed(self):
        return not self.stopped and self.elapsed_s >= hold.DEPLOY_S

    @property
    def rf_allowed(self):
        return not self.stopped and self.elapsed_s >= hold.RF_S


class SpacecraftMode(unittest.TestCase):
    def setUp(self):
        self.holding = Holding()
        self.modes = Modes(Table)

    def at(self, elapsed_s, level=NORMAL, rate=None, seconds=1):
        self.holding.elapsed_s = elapsed_s
        for _ in range(seconds):
            mode = self.modes.update(self.holding, level, rate, 1000)
        return ports.MODES[mode]

    def test_a_whole_start_in_order(self):
        self.assertEqual(self.at(0), "silent")
        self.assertEqual(self.at(1799), "silent")
        self.assertEqual(self.at(hold.DEPLOY_S), "deploy")
        self.assertEqual(self.at(2699), "deploy")
        self.assertEqual(self.at(hold.RF_S), "detumble")
        self.assertEqual(self.at(hold.RF_S + 1799), "detumble")
        self.assertEqual(self.at(hold.RF_S + 1800), "nominal")

    def test_detumbling_ends_after_a_minute_of_low_rate(self):
        self.assertEqual(self.at(3000, rate=999, seconds=59), "detumble")
        self.assertEqual(self.at(3000, rate=1000), "detumble")
        self.assertEqual(self.at(3000, rate=999, seconds=59), "detumble")
        self.assertEqual(self.at(3000, rate=999), "nominal")
        self.assertEqual(self.at(3000, rate=9000, seconds=60), "nominal")

    def test_power_goes_before_attitude_and_gives_back_what_it_took(self):
        self.assertEqual(self.at(3000, LOW), "low_power")
        self.assertEqual(self.at(3000, SAFE), "safe")
        self.assertEqual(self.at(3000, CRITICAL), "critical")
        self.assertEqual(self.at(3000, FLOOR), "critical")
        self.assertEqual(self.at(3000), "detumble")
        self.assertEqual(self.at(5000, SAFE), "safe")
        self.assertEqual(self.at(5000), "nominal")

    def test_no_power_level_shortens_or_hides_a_hold(self):
        for level in (NORMAL, LOW, SAFE, CRITICAL, FLOOR):
            self.assertEqual(self.at(100, level), "silent")
            self.assertEqual(self.at(2000, level), "deploy")

    def test_a_pin_put_back_on_the_bench_starts_over(self):
        self.assertEqual(self.at(9000), "nominal")
        self.holding.stopped = True
        self.assertEqual(self.at(9000), "silent")
        self.holding.stopped = False
        self.assertEqual(self.at(0), "silent")
        self.assertEqual(self.at(hold.RF_S), "detumble")

    def test_holds_before_anything_for_any_history(self):
        for seed in range(1, 40):
            luck = Luck(seed)
            self.setUp()
            elapsed_s = 0
            for _ in range(300):
                if luck.below(60) == 0:
                    self.holding.stopped = not self.holding.stopped
                if self.holding.stopped:
                    elapsed_s = 0
                else:
                    elapsed_s += luck.below(60)
                level = luck.below(5)
                rate = None if luck.below(3) == 0 else luck.below(3000)
                mode = self.at(elapsed_s, level, rate)
                if elapsed_s < 1800:
                    self.assertEqual(mode, "silent")
                elif elapsed_s < 2700:
                    self.assertIn(mode, ("silent", "deploy"))
                elif elapsed_s >= hold.RF_S:
                    self.assertEqual(mode not in ("low_power", "safe", "critical"), level == NORMAL)


if __name__ == "__main__":
    unittest.main()
