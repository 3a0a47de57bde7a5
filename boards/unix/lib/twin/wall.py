# The clock of a virtual board that flies in no flatsat: wall time in place of the hub, so that a person, or a host
# tool, can use its prompt. Nothing is on its bus.
import utime
from dragonet.flatsat.devices import records

_SLICE_US = 5_000  # the board runs so far by itself


class Wall:
    """Stands where twin/link.py does. on_reset(cause) ends the process. paced: False = no wait takes any time."""

    def __init__(self, on_reset, paced=True):
        self._on_reset = on_reset
        self._paced = paced
        self._start_ns = utime.time_ns()

    def put(self, time_us, kind, data):
        if kind == records.RESET:
            self._on_reset(data[0])
        return True

    def exchange(self, now_us, wake_us):
        """Wait until wake_us, or a slice: (now, horizon)."""
        wall_us = self._now_us()
        wait_us = min(wake_us, now_us + _SLICE_US) - wall_us
        if wait_us > 0 and self._paced:
            utime.sleep_us(wait_us)
            wall_us = self._now_us()
        now_us = max(now_us if self._paced else wake_us, wall_us)
        return now_us, now_us + _SLICE_US

    def deliver(self):
        pass

    def _now_us(self):
        return (utime.time_ns() - self._start_ns) // 1000
