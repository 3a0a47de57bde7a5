# The burn wire: when it is heated, for how long and how often, through resets and whatever its switch and memory say.
import asyncio
import time
import unittest

from core import burn_wire
from core.event_table import ANTENNA_BURN, ANTENNA_RELEASED
from core.hold import DEPLOY_S
from core.record import Record


class Memory:
    """FRAM: keeps what was written, unless it is dead."""

    def __init__(self):
        self.cells = bytearray(64)
        self.dead = False

    def read_into(self, address, buffer):
        if self.dead:
            raise OSError(5)
        buffer[:] = self.cells[address : address + len(buffer)]

    def write(self, address, data):
        if self.dead:
            raise OSError(5)
        self.cells[address : address + len(data)] = data

    def attempts(self):
        """(since the board was made, since separation), as the newest copy has it."""
        record = Record(self, 0, burn_wire.SIZE)
        return tuple(record.data) if record.load() else None


class Parts:
    BURN_MS = 8_000
    BURN_PAUSE_S = 60
    BURN_ATTEMPTS = 4
    BURN_FLIGHT_ATTEMPTS = 10
    BURN_AFTER_HOLD_S = 0
    BURN_WAIT_S = 1_800
    BURN_BLIND = True


class Board:
    """What a burn wire asks of core.board.Board; boots now, so many seconds after separation."""

    def __init__(self, mission_s, parts):
        self.parts = parts
        self.inserted = False  # the remove-before-flight pin
        self.events = []
        self._mission_s = mission_s
        self._start = time.ticks_ms()
        self._seconds = 0

    def event(self, number, a=0, b=0):
        self.events.append((number, a, b))

    @property
    def uptime_s(self):
        passed = time.ticks_diff(time.ticks_ms(), self._start) // 1000
        self._start = time.ticks_add(self._start, passed * 1000)
        self._seconds += passed
        return self._seconds

    @property
    def mission_s(self):
        return 0 if self.inserted else self._mission_s + self.uptime_s

    @property
    def deploy_allowed(self):
        return not self.inserted and self.mission_s >= DEPLOY_S


class Output:
    def __init__(self, wire):
        self._wire = wire
        self.level = 0

    def value(self, level):
        if self.level != level:
            self.level = level
            self._wire.changed(self)


class Wire:
    """The wire behind both switches: keeps each heat, and what the memory said when it began."""

    def __init__(self, memory):
        self._memory = memory
        self._begin = 0
        self._armed = 0
        self.arm = Output(self)
        self.fire = Output(self)
        self.uptime_s = lambda: 0  # of the board that heats
        self.heats = []    # (uptime s at which it began, ms)
        self.saved = []    # the memory's attempts as each began
        self.arming = []   # ms from ARM to FIRE
        self.wrong = 0     # FIRE while ARM was off

    def changed(self, output):
        if output is self.arm and output.level:
            self._armed = time.ticks_ms()
        if self.fire.level and not self.arm.level:
            self.wrong += 1
        if output is self.fire and output.level:
            self._begin = time.ticks_ms()
            self.arming.append(time.ticks_diff(self._begin, self._armed))
            self.saved.append(self._memory.attempts())
            self.heats.append([self.uptime_s(), None])
        elif output is self.fire:
            self.heats[-1][1] = time.ticks_diff(time.ticks_ms(), self._begin)

    @property
    def hot(self):
        return self.arm.level and self.fire.level


class Switch:
    """level: 1 = deployed. readings: what it says before that."""

    def __init__(self):
        self.level = 0
        self.readings = []

    def value(self):
        return self.readings.pop(0) if self.readings else self.level


class Base(unittest.TestCase):
    def setUp(self):
        self.parts = Parts()
        self.memory = Memory()
        self.wire = Wire(self.memory)
        self.switch = Switch()
        self.weak = False
        self.checked = time.ticks_ms()
        self.unchecked_ms = 0
        self.boot()

    def tearDown(self):
        self.assertFalse(self.wire.arm.level)
        self.assertFalse(self.wire.fire.level)
        self.assertEqual(self.wire.wrong, 0)

    def boot(self, mission_s=DEPLOY_S):
        """A new processor: its pins are low, its memory and its mission time stay."""
        self.wire.fire.value(0)
        self.wire.arm.value(0)
        self.board = Board(mission_s, self.parts)
        self.wire.uptime_s = lambda: self.board.uptime_s
        record = Record(self.memory, 0, burn_wire.SIZE)
        self.burn = burn_wire.BurnWire(
            self.board, self.wire.arm, self.wire.fire, self.switch, record, lambda: self.weak
        )

    def checkin(self):
        now = time.ticks_ms()
        self.unchecked_ms = max(self.unchecked_ms, time.ticks_diff(now, self.checked))
        self.checked = now

    def fly(self, seconds, also=None):
        """Runs the task for so long; also(): a coroutine function that does something meanwhile."""

        async def main():
            self.checked = time.ticks_ms()
            tasks = [asyncio.create_task(self.burn.run(self.checkin))]
            if also is not None:
                tasks.append(asyncio.create_task(also()))
            await asyncio.sleep_ms(int(seconds * 1000))
            for task in tasks:
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    pass

        asyncio.run(main())

    async def heat_begins(self):
        while not self.wire.hot:
            await asyncio.sleep_ms(50)


class Bounds(Base):
    def test_no_heat_before_the_hold_is_over_and_soon_after(self):
        self.boot(DEPLOY_S - 200)
        self.fly(199)
        self.assertEqual(self.wire.heats, [])
        self.fly(5)
        self.assertEqual(len(self.wire.heats), 1)

    def test_the_first_attempt_can_be_told_to_come_later_after_the_hold(self):
        self.parts.BURN_AFTER_HOLD_S = 90
        self.boot(DEPLOY_S - 200)
        self.fly(289)
        self.assertEqual(self.wire.heats, [])
        self.fly(5)
        self.assertEqual(len(self.wire.heats), 1)

    def test_heats_for_a_limited_time_with_pauses_a_limited_number_of_times_in_a_boot(self):
        self.fly(1000)
        heats = self.wire.heats
        self.assertEqual(len(heats), self.parts.BURN_ATTEMPTS)
        for _, length_ms in heats:
            self.assertAlmostEqual(length_ms, self.parts.BURN_MS, delta=250)
        for (first_s, length_ms), (second_s, _) in zip(heats, heats[1:]):
            self.assertGreaterEqual(second_s - first_s - length_ms // 1000, self.parts.BURN_PAUSE_S - 1)

    def test_arms_before_it_fires(self):
        self.fly(100)
        self.assertEqual(len(self.wire.arming), 1)
        self.assertAlmostEqual(self.wire.arming[0], 100, delta=10)

    def test_each_attempt_is_saved_before_its_heat(self):
        self.fly(1000)
        self.assertEqual(self.wire.saved, [(1, 1), (2, 2), (3, 3), (4, 4)])
        self.assertEqual(self.burn.attempts, 4)

    def test_checks_in_at_least_every_three_seconds(self):
        self.fly(1000)
        self.assertLess(self.unchecked_ms, 3_000)

    def test_the_pin_inserted_while_it_heats_ends_the_heat(self):
        async def insert():
            await self.heat_begins()
            await asyncio.sleep_ms(2_000)
            self.board.inserted = True

        self.fly(300, insert)
        self.assertEqual(len(self.wire.heats), 1)
        self.assertLess(self.wire.heats[0][1], 2_500)

    def test_a_task_that_is_cancelled_while_it_heats_leaves_the_wire_cold(self):
        self.fly(64)
        self.assertEqual(len(self.wire.heats), 1)
        self.assertLess(self.wire.heats[0][1], 4_000)
        self.assertFalse(self.wire.arm.level)
        self.fly(50)  # and the supervisor starts it again: the pause is kept
        self.assertEqual(len(self.wire.heats), 1)

    def test_a_checkin_that_raises_while_it_heats_leaves_the_wire_cold(self):
        def raises():
            if self.wire.hot:
                raise OSError(5)

        self.checkin = raises
        with self.assertRaises(OSError):
            asyncio.run(self.burn.run(self.checkin))
        self.assertFalse(self.wire.arm.level)
        self.assertFalse(self.wire.fire.level)


class Resets(Base):
    def test_no_heat_in_the_first_minute_of_a_boot(self):
        for _ in range(20):
            self.boot()
            self.fly(self.parts.BURN_PAUSE_S - 1)
        self.assertEqual(self.wire.heats, [])

    def test_a_boot_loop_stops_heating_after_the_flight_s_attempts(self):
        for _ in range(40):
            self.boot()
            self.fly(self.parts.BURN_PAUSE_S + 5)  # ends while the wire is hot
        self.assertEqual(len(self.wire.heats), self.parts.BURN_FLIGHT_ATTEMPTS)

    def test_after_the_flight_s_attempts_a_board_that_lives_heats_once_a_day(self):
        for _ in range(self.parts.BURN_FLIGHT_ATTEMPTS):
            self.boot()
            self.fly(self.parts.BURN_PAUSE_S + 5)
        del self.wire.heats[:]
        self.boot()
        self.fly(86_390)
        self.assertEqual(self.wire.heats, [])
        self.fly(86_400 + 60)
        self.assertEqual(len(self.wire.heats), 2)

    def test_a_record_that_says_more_attempts_than_any_does_not_end_the_chance(self):
        record = Record(self.memory, 0, burn_wire.SIZE)
        record.data[:] = b"\xff\xff"
        record.save()
        self.boot()
        self.fly(86_500)
        self.assertEqual(len(self.wire.heats), 1)
        self.assertEqual(self.burn.attempts, 254)  # 255 is "not available" in housekeeping

    def test_attempts_on_the_bench_are_not_taken_from_the_flight(self):
        self.fly(1000)
        self.board.inserted = True
        self.fly(10)
        self.assertEqual(self.memory.attempts(), (4, 0))
        self.boot()
        self.assertEqual(self.burn.attempts, 4)
        self.fly(100)
        self.assertEqual(self.memory.attempts(), (5, 1))

    def test_with_a_dead_memory_a_heat_that_resets_the_board_leaves_it_ten_minutes_each_time(self):
        self.memory.dead = True
        for _ in range(20):
            self.boot()
            self.fly(599)
        self.assertEqual(self.wire.heats, [])
        self.fly(5)
        self.assertEqual(len(self.wire.heats), 1)

    def test_with_a_dead_memory_each_boot_has_its_attempts(self):
        self.memory.dead = True
        for boot in range(1, 4):
            self.boot()
            self.fly(1000)
            self.assertEqual(len(self.wire.heats), boot * self.parts.BURN_ATTEMPTS)


class TheSwitch(Base):
    def test_each_heat_and_the_release_are_events(self):
        async def melt():
            await self.heat_begins()
            await asyncio.sleep_ms(3_000)
            self.switch.level = 1

        self.fly(70)
        self.fly(1000, melt)
        self.assertEqual(self.board.events, [(ANTENNA_BURN, 1, 0), (ANTENNA_BURN, 2, 0), (ANTENNA_RELEASED, 2, 0)])

    def test_a_switch_that_always_said_deployed_is_no_release(self):
        self.switch.level = 1
        self.fly(600)
        self.assertEqual(self.board.events, [(ANTENNA_BURN, 1, 1)])

    def test_stops_heating_when_it_says_deployed_three_times_in_a_row(self):
        async def melt():
            await self.heat_begins()
            await asyncio.sleep_ms(3_000)
            self.switch.readings = [1, 1, 0]
            self.switch.level = 0
            await asyncio.sleep_ms(2_000)
            self.switch.level = 1

        self.fly(1000, melt)
        self.assertEqual(len(self.wire.heats), 1)
        self.assertAlmostEqual(self.wire.heats[0][1], 5_750, delta=500)
        self.assertEqual(self.burn.deployed, 1)

    def test_one_that_always_said_deployed_gets_one_full_heat(self):
        self.switch.level = 1
        self.fly(600)
        self.assertEqual(len(self.wire.heats), 1)
        self.assertAlmostEqual(self.wire.heats[0][1], self.parts.BURN_MS, delta=250)
        self.boot()
        self.fly(600)
        self.assertEqual(len(self.wire.heats), 1)

    def test_one_that_always_said_deployed_is_believed_where_parts_say_so(self):
        self.parts.BURN_BLIND = False
        self.switch.level = 1
        self.fly(600)
        self.assertEqual(self.wire.heats, [])

    def test_an_antenna_that_is_out_after_a_heat_stays_cold(self):
        self.fly(70)
        self.switch.level = 1
        self.fly(1000)
        self.boot()
        self.fly(1000)
        self.assertEqual(len(self.wire.heats), 1)

    def test_one_that_bounces_does_not_keep_the_wire_cold(self):
        self.switch.readings = [1, 0] * 1000
        self.fly(600)
        self.assertEqual(len(self.wire.heats), self.parts.BURN_ATTEMPTS)

    def test_one_that_never_says_deployed_costs_the_attempts_and_no_more(self):
        self.fly(20_000)
        self.assertEqual(len(self.wire.heats), self.parts.BURN_ATTEMPTS)


class Power(Base):
    def test_waits_for_better_power_but_not_for_ever(self):
        self.weak = True
        self.fly(self.parts.BURN_PAUSE_S + self.parts.BURN_WAIT_S - 5)
        self.assertEqual(self.wire.heats, [])
        self.fly(15)
        self.assertEqual(len(self.wire.heats), 1)

    def test_waits_before_each_attempt(self):
        self.weak = True
        self.fly(self.parts.BURN_PAUSE_S + self.parts.BURN_WAIT_S + 1_000)
        self.assertEqual(len(self.wire.heats), 1)
        self.fly(1_000)
        self.assertEqual(len(self.wire.heats), 2)

    def test_heats_as_soon_as_power_is_back(self):
        async def charge():
            await asyncio.sleep_ms(500_000)
            self.weak = False

        self.weak = True
        self.fly(505, charge)
        self.assertEqual(len(self.wire.heats), 1)


if __name__ == "__main__":
    unittest.main()
