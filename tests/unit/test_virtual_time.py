# The virtual board's clock under time and asyncio, as MicroPython documents both.
import asyncio
import time
import unittest

import micropython
import twin


class Clock(unittest.TestCase):
    def test_sleep_takes_virtual_time_only(self):
        before = twin.board.kernel.now
        time.sleep_ms(3_600_000)
        self.assertAlmostEqual(twin.board.kernel.now - before, 3_600_000_000, delta=100)

    def test_ticks_wrap_at_two_to_the_thirty(self):
        self.assertEqual(time.ticks_add((1 << 30) - 1, 1), 0)
        self.assertEqual(time.ticks_diff(0, (1 << 30) - 1), 1)
        self.assertEqual(time.ticks_diff((1 << 30) - 1, 0), -1)


class Work(unittest.TestCase):
    """kernel.compute: what takes long, and who comes between."""

    def _interrupted(self, soft):
        kernel = twin.board.kernel
        start = kernel.now
        seen = []
        kernel.at(start + 5_000, lambda: seen.append(("hard", kernel.now - start)))
        kernel.at(start + 5_000, lambda: kernel.interrupt(lambda _: seen.append(("soft", kernel.now - start)), None))
        kernel.compute(20_000, soft)
        return seen

    def test_interrupts_come_into_long_work(self):
        (_, hard), (_, soft) = self._interrupted(True)
        self.assertTrue(5_000 <= hard <= soft <= 5_400, (hard, soft))

    def test_while_garbage_is_collected_soft_interrupts_wait(self):
        (_, hard), (_, soft) = self._interrupted(False)
        self.assertTrue(5_000 <= hard <= 5_400, hard)
        self.assertTrue(20_000 <= soft <= 20_100, soft)


class Tasks(unittest.TestCase):
    def test_tasks_take_turns_on_the_virtual_clock(self):
        said = []

        async def speak(word, period_ms):
            for _ in range(3):
                await asyncio.sleep_ms(period_ms)
                said.append(word)

        async def main():
            await asyncio.gather(speak("fast", 1000), speak("slow", 2500))

        asyncio.run(main())
        self.assertEqual(said, ["fast", "fast", "slow", "fast", "slow", "slow"])
        self.assertAlmostEqual(time.ticks_ms(), 7500, delta=20)

    def test_a_wait_is_cut_when_its_time_is_over(self):
        async def main():
            flag = asyncio.ThreadSafeFlag()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for_ms(flag.wait(), 200)

        asyncio.run(main())
        self.assertAlmostEqual(time.ticks_ms(), 200, delta=20)

    def test_an_interrupt_wakes_the_task_that_waits_for_its_flag(self):
        async def main():
            flag = asyncio.ThreadSafeFlag()
            kernel = twin.board.kernel
            twin.board.at(50_000, lambda: kernel.interrupt(lambda _: flag.set(), None))
            await asyncio.wait_for_ms(flag.wait(), 1000)
            return time.ticks_ms()

        self.assertAlmostEqual(asyncio.run(main()), 50, delta=5)

    def test_viper_code_runs_as_plain_python_too(self):
        @micropython.viper
        def total(data: ptr8, count: int) -> uint:
            sum = uint(0)
            for i in range(count):
                sum += uint(data[i])
            return uint(sum & 0xFF)

        self.assertEqual(total(b"\xff\x02", 2), 1)
