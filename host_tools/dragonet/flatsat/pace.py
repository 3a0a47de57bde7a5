"""Real time: mission time held to the wall clock at a given speed, without a thread and without a busy wait.

Mission time follows the wall clock in slices and never runs ahead of it. Between two slices the flight waits in
`wait(seconds)`, which serves sockets or sleeps. A flight that falls behind runs slice upon slice
until it has caught up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dragonet.flatsat.hub import Hub

_LATE_S = 0.05  # wall time behind the clock that counts as late
_LONGEST_S = 0.05  # wall time worth of mission that one slice may pass: sockets are served in between
_US = 1_000_000


class Pace:
    """speed: seconds of mission per second of wall time. wait(s): returns after s seconds of wall time, or earlier.

    late: how often the flight fell behind by more than 50 ms; worst_lag_s: the farthest, in wall time.
    """

    def __init__(self, speed: float, wait: Callable[[float], None] = time.sleep, slice_s: float = 0.005) -> None:
        self.speed = speed
        self.late = 0
        self.lag_s = self.worst_lag_s = 0.0
        self._wait = wait
        self._slice_s = slice_s
        self._is_late = False
        self._begun: tuple[float, int] | None = None  # wall clock s and mission us of the start

    def step(self, hub: Hub, end_us: int) -> None:
        """One slice: wait until it is due, then pass what has become due."""
        if self._begun is None:
            self._begun = time.monotonic(), hub.now_us
        began_s, began_us = self._begun
        since_s = self._due_us(began_s, began_us, hub) / _US / self.speed
        self._wait(max(0.0, self._slice_s - since_s))
        ahead_us = self._due_us(began_s, began_us, hub)
        self._judge(max(0.0, ahead_us / _US / self.speed - self._slice_s))
        longest_us = max(1, round(_LONGEST_S * self.speed * _US))
        hub.run(min(end_us, hub.now_us + min(max(ahead_us, 0), longest_us)))

    def _due_us(self, began_s: float, began_us: int, hub: Hub) -> int:
        """Mission time between where the flight is and where it should be now."""
        return began_us + round((time.monotonic() - began_s) * self.speed * _US) - hub.now_us

    def _judge(self, lag_s: float) -> None:
        self.lag_s = lag_s
        self.worst_lag_s = max(self.worst_lag_s, lag_s)
        if lag_s > _LATE_S and not self._is_late:
            self.late += 1
        self._is_late = lag_s > (_LATE_S / 2 if self._is_late else _LATE_S)

    def report(self) -> dict[str, Any]:
        """For summary.json."""
        return {
            "speed": self.speed,
            "late": self.late,
            "worst_lag_s": round(self.worst_lag_s, 3),
            "lag_at_end_s": round(self.lag_s, 3),
        }
