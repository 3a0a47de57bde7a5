# Time from a counter that wraps: nothing is lost to rounding, and what is shown never goes back.
import time
import unittest

import twin
from core.timescale import RATE_PPM, Timescale


def total(scale):
    scale.read()
    return scale.s * 1_000_000 + scale.us


class Free(unittest.TestCase):
    def test_counts_through_every_wrap_of_the_ticks(self):
        scale = Timescale(800_000_000)
        start_us = twin.board.kernel.now
        for _ in range(3000):  # the ticks wrap after 1,074 s
            time.sleep_ms(1000)
            scale.update()
        passed = twin.board.kernel.now - start_us
        self.assertAlmostEqual(total(scale) - 800_000_000_000_000, passed, delta=10)

    def test_two_years_at_ten_ppm_lose_no_microsecond_to_rounding(self):
        class Ticks:
            now = 0

            def ticks_us(self):
                return self.now

            def ticks_diff(self, end, start):
                return (end - start + (1 << 29) & (1 << 30) - 1) - (1 << 29)

            def ticks_add(self, ticks, change):
                return ticks + change & (1 << 30) - 1

        from core import timescale

        ticks, real = Ticks(), timescale.time
        timescale.time = ticks
        try:
            scale = Timescale(0, rate=671)
            step = 500_000_003  # us, just below what the ticks can tell
            years_us, passed = 2 * 366 * 86_400_000_000, 0
            while passed < years_us:
                passed += step
                ticks.now = passed & (1 << 30) - 1
                scale.update()
            self.assertAlmostEqual(total(scale), passed + passed * 671 // (1 << 26), delta=2)
        finally:
            timescale.time = real

    def test_what_is_read_between_updates_is_what_an_update_makes_of_it(self):
        scale = Timescale(5, rate=-50 * RATE_PPM)
        scale.slew(-30_000)
        other = Timescale(5, rate=-50 * RATE_PPM)
        other.slew(-30_000)
        for _ in range(200):
            time.sleep_us(7919)
            other.update()
            self.assertAlmostEqual(total(scale), total(other), delta=15)


class Corrected(unittest.TestCase):
    def test_a_slew_takes_2048_times_as_long_as_it_is_and_ends_exactly(self):
        for us in (-1500, 1500):
            scale = Timescale(1000)
            start = total(scale) - twin.board.kernel.now
            scale.slew(us)
            self.assertEqual(scale.ahead_us, -us)
            self.assertAlmostEqual(total(scale) - twin.board.kernel.now - start, 0, delta=10)
            time.sleep_ms(1536)
            scale.update()
            self.assertAlmostEqual(total(scale) - twin.board.kernel.now - start, us // 2, delta=10)
            time.sleep_ms(1600)
            scale.update()
            self.assertEqual(scale.ahead_us, 0)
            self.assertAlmostEqual(total(scale) - twin.board.kernel.now - start, us, delta=10)

    def test_the_target_is_corrected_at_once(self):
        scale = Timescale(1000)
        scale.target(time.ticks_us())
        before = scale.s * 1_000_000 + scale.us - twin.board.kernel.now
        scale.slew(-250_000)
        for _ in range(5):
            scale.target(time.ticks_us())
            self.assertAlmostEqual(scale.s * 1_000_000 + scale.us - twin.board.kernel.now, before - 250_000, delta=10)
            time.sleep_ms(700)
            scale.update()

    def test_slewing_back_never_shows_an_earlier_time(self):
        scale = Timescale(1000, rate=-150 * RATE_PPM)
        scale.slew(-2_000_000)
        last = total(scale)
        for k in range(4000):
            now = total(scale)
            self.assertTrue(now >= last)
            last = now
            time.sleep_us(1 if k % 3 else 511)
            if k % 500 == 0:
                scale.update()
                scale.slew(-100)

    def test_a_step_goes_forward_and_is_counted(self):
        scale = Timescale(1000)
        before = total(scale)
        scale.step(3600, 250_000)
        self.assertAlmostEqual(total(scale) - before, 3_600_250_000, delta=20)
        self.assertEqual(scale.steps, 1)

    def test_a_step_back_and_a_slew_of_hours_are_refused(self):
        scale = Timescale(1000)
        with self.assertRaises(ValueError):
            scale.step(-1, 999_999)
        scale.slew(-5_000_000)
        with self.assertRaises(ValueError):
            scale.step(2, 0)  # the time shown would still go back
        scale.step(6, 0)
        self.assertEqual(scale.ahead_us, 0)
        with self.assertRaises(ValueError):
            scale.slew(-63_000_000)

    def test_reading_and_updating_allocate_nothing(self):
        import gc
        import micropython

        scale = Timescale(800_000_000, rate=3000)
        scale.slew(-100_000)
        gc.collect()
        micropython.heap_lock()
        try:
            for _ in range(100):
                scale.update()
                scale.read()
        finally:
            micropython.heap_unlock()
        self.assertTrue(scale.s >= 800_000_000)
