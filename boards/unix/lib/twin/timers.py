# machine.Timer and WDT of the virtual board.
import struct

import twin
from dragonet.flatsat.devices import records

from .kernel import NEVER


class WDT:
    """machine.WDT: once started it cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        if not 1 <= timeout <= 8388:  # RP2040: 24 bits of half microseconds
            raise ValueError("timeout exceeds 8388" if timeout > 1 else "WDT timeout too short")
        self._board = twin.board
        self._timeout_us = timeout * 1000
        self._board.emit(records.WDT, struct.pack("<I", timeout))
        self.feed()

    def feed(self):
        self._board.kernel.watchdog(self._board.kernel.now + self._timeout_us)


class Timer:
    """machine.Timer, soft."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **settings):
        self._board = twin.board
        self._run = 0  # counts settings, so that an old deadline knows that it is old
        self._due = NEVER
        if settings:
            self.init(**settings)

    def init(self, *, mode=PERIODIC, freq=-1, period=-1, callback=None, hard=False):
        self._run += 1
        self._mode = mode
        self._period_us = int(1_000_000 / freq) if freq > 0 else period * 1000
        if self._period_us <= 0:
            raise ValueError("Timer: give freq or period")
        self._callback = callback
        self._due = self._board.kernel.now + self._period_us
        self._arm()

    def _arm(self):
        run = self._run
        self._board.kernel.at(self._due, lambda: self._fire(run))

    def _fire(self, run):
        if run != self._run:
            return
        if self._callback is not None:
            self._board.kernel.interrupt(self._callback, self)
        if self._mode == self.PERIODIC:
            self._due += self._period_us
            self._arm()

    def deinit(self):
        self._run += 1
