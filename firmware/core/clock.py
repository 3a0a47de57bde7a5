# Time from ticks that wrap: whole seconds that never do, and periods that do not drift.
import time
from micropython import const

_HALF_MS = const(500)


class Clock:
    """Seconds since this was made. update() at least once a day: ticks wrap after 12 days."""

    def __init__(self):
        self._last = time.ticks_ms()
        self._ms = 0
        self.seconds = 0

    def begin(self):
        """The seconds count from here. Who calls update() each second never meets their edge: it lies half-way."""
        self._ms = _HALF_MS - time.ticks_diff(time.ticks_ms(), self._last)

    def update(self):
        """Milliseconds since the last call."""
        now = time.ticks_ms()
        passed = time.ticks_diff(now, self._last)
        self._last = now
        if passed < 0:
            return 0
        self._ms += passed
        if self._ms >= 1000:
            self.seconds += self._ms // 1000
            self._ms %= 1000
        return passed


class Every:
    """A period of `period_ms`: `await asyncio.sleep_ms(every.ms())` ends at the next due time.

    missed: due times that had passed already; they are skipped.
    """

    def __init__(self, period_ms):
        self._period = period_ms
        self._due = time.ticks_ms()
        self.missed = 0

    def ms(self):
        """Milliseconds until the next due time, at least 1."""
        now = time.ticks_ms()
        self._due = time.ticks_add(self._due, self._period)
        left = time.ticks_diff(self._due, now)
        if left <= 0:
            self.missed += 1
            self._due = time.ticks_add(now, self._period)
            return self._period
        return left
