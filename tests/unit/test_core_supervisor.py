# The supervisor: who is restarted, when the watchdog is fed and when it is left to bite.
import asyncio
import time
import unittest

from core import supervisor
from core.record import Record


class Memory:
    def __init__(self):
        self.cells = bytearray(256)

    def read_into(self, address, buffer):
        buffer[:] = self.cells[address : address + len(buffer)]

    def write(self, address, data):
        self.cells[address : address + len(data)] = data


class Bitten(Exception):
    pass


class Watchdog:
    """Remembers when it was fed; longest is the longest it waited."""

    def __init__(self):
        self.last = time.ticks_ms()
        self.longest = 0

    def waits(self):
        return time.ticks_diff(time.ticks_ms(), self.last)

    def feed(self):
        self.longest = max(self.longest, self.waits())
        self.last = time.ticks_ms()


def made(memory=None, cause=1):
    watchdog = Watchdog()
    record = Record(memory or Memory(), 0, supervisor.SIZE)
    return supervisor.Supervisor(record, watchdog, cause), watchdog


async def _until(guard, watchdog, limit_s):
    task = asyncio.create_task(guard.run())
    bitten = None
    for _ in range(limit_s * 2):
        await asyncio.sleep_ms(500)
        if watchdog.waits() > 8000:
            bitten = time.ticks_ms()
            break
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    return bitten


def flown(guard, watchdog, seconds):
    """ms at which the watchdog bit, None when it did not within this time."""
    return asyncio.run(_until(guard, watchdog, seconds))


async def healthy(checkin):
    while True:
        checkin()
        await asyncio.sleep_ms(500)


class Tasks(unittest.TestCase):
    def test_healthy_tasks_keep_the_watchdog_fed(self):
        guard, watchdog = made()
        guard.task("one", healthy, 2000)
        guard.task("two", healthy, 2000)
        self.assertIsNone(flown(guard, watchdog, 600))
        self.assertLess(watchdog.longest, 1100)
        self.assertEqual(guard.restarts, 0)
        self.assertIsNone(guard.failed_task)

    def test_a_task_that_raises_once_is_restarted_and_named(self):
        runs = []

        async def clumsy(checkin):
            runs.append(time.ticks_ms())
            checkin()
            if len(runs) == 1:
                raise ValueError("stumbled")
            await healthy(checkin)

        guard, watchdog = made()
        guard.task("one", healthy, 2000)
        guard.task("clumsy", clumsy, 2000)
        self.assertIsNone(flown(guard, watchdog, 100))
        self.assertEqual(len(runs), 2)
        self.assertAlmostEqual(runs[1] - runs[0], 1000, delta=20)
        self.assertEqual(guard.restarts, 1)
        self.assertEqual(guard.failures("clumsy"), 1)
        self.assertEqual(guard.last_failed, "clumsy")
        self.assertEqual(guard.failed_task, 1)

    def test_back_off_doubles(self):
        runs = []

        async def broken(checkin):
            runs.append(time.ticks_ms())
            raise OSError(5)

        guard, watchdog = made()
        guard.task("broken", broken, 2000)
        flown(guard, watchdog, 40)
        gaps = [round((after - before) / 1000) for before, after in zip(runs, runs[1:])]
        self.assertEqual(gaps, [1, 2, 4, 8, 16])

    def test_a_task_that_misses_its_deadline_is_cancelled_and_restarted(self):
        runs = []

        async def stuck(checkin):
            runs.append(1)
            checkin()
            if len(runs) == 1:
                await asyncio.sleep_ms(1_000_000)
            await healthy(checkin)

        guard, watchdog = made()
        guard.task("stuck", stuck, 3000)
        self.assertIsNone(flown(guard, watchdog, 60))
        self.assertEqual(len(runs), 2)
        self.assertGreater(watchdog.longest, 1500)  # it went hungry while the task was late
        self.assertEqual(guard.last_failed, "stuck")

    def test_a_task_that_holds_on_and_never_checks_in_lets_the_watchdog_bite(self):
        refused = []

        async def stubborn(checkin):
            while True:
                try:
                    await asyncio.sleep_ms(1_000_000)
                except asyncio.CancelledError:
                    if refused:
                        raise
                    refused.append(1)

        guard, watchdog = made()
        guard.task("stubborn", stubborn, 3000)
        self.assertAlmostEqual(flown(guard, watchdog, 60), 11_500, delta=1500)
        self.assertEqual(refused, [1])

    def test_a_task_that_returns_is_finished(self):
        async def once(checkin):
            checkin()

        guard, watchdog = made()
        guard.task("once", once, 1000)
        self.assertIsNone(flown(guard, watchdog, 120))
        self.assertEqual(guard.restarts, 0)

    def test_a_task_added_in_flight_is_watched_too(self):
        async def parent(checkin):
            checkin()
            guard.task("child", self._stuck, 2000)
            await healthy(checkin)

        guard, watchdog = made()
        guard.task("parent", parent, 2000)
        self.assertIsNone(flown(guard, watchdog, 20))
        self.assertEqual(guard.last_failed, "child")

    async def _stuck(self, checkin):
        await asyncio.sleep_ms(1_000_000)


class Boards(unittest.TestCase):
    async def _broken(self, checkin):
        raise OSError(5)

    def _boot(self, memory, seconds):
        guard, watchdog = made(memory, cause=3)
        guard.task("one", healthy, 2000)
        guard.task("broken", self._broken, 2000)
        return guard, flown(guard, watchdog, seconds)

    def test_a_task_that_never_recovers_lets_the_watchdog_bite(self):
        _, bitten = self._boot(Memory(), 600)
        self.assertIsNotNone(bitten)
        self.assertGreater(bitten, 120_000)
        self.assertLess(bitten, 200_000)

    def test_after_three_useless_restarts_the_board_flies_on(self):
        memory = Memory()
        for _ in range(supervisor.HOPELESS):
            self.assertIsNotNone(self._boot(memory, 600)[1])
        guard, bitten = self._boot(memory, 3000)
        self.assertIsNone(bitten)
        self.assertGreater(guard.failures("broken"), 40)  # and still tries, once a minute

    def test_a_good_hour_forgives(self):
        memory = Memory()
        for _ in range(supervisor.HOPELESS):
            self._boot(memory, 600)
        guard, watchdog = made(memory)
        guard.task("one", healthy, 2000)
        flown(guard, watchdog, 3700)
        self.assertIsNotNone(self._boot(memory, 600)[1])

    def test_the_last_failed_task_is_remembered_through_a_reset(self):
        memory = Memory()
        self._boot(memory, 10)
        guard, _ = made(memory)
        self.assertEqual(guard.last_failed, "broken")
        guard.task("one", healthy, 2000)
        self.assertIsNone(guard.failed_task)  # no such task in this firmware
        guard.task("broken", healthy, 2000)
        self.assertEqual(guard.failed_task, 1)

    def test_the_last_event_is_remembered_through_a_reset(self):
        memory = Memory()
        guard, _ = made(memory)
        self.assertIsNone(guard.last_event)
        guard.event(5)
        guard.event(17)
        self.assertEqual(made(memory)[0].last_event, 17)

    def test_a_dead_memory_and_a_missing_watchdog_change_nothing(self):
        guard = supervisor.Supervisor(Record(None, 0, supervisor.SIZE), None, 1)
        guard.task("one", healthy, 2000)
        watchdog = Watchdog()
        flown(guard, watchdog, 5)
        guard.feed()
        self.assertEqual(guard.restarts, 0)

    def test_a_bench_is_told_what_failed(self):
        told = []
        supervisor.report = lambda name, error: told.append((name, type(error)))
        try:
            self._boot(Memory(), 2)
        finally:
            supervisor.report = None
        self.assertEqual(told[0], ("broken", OSError))
