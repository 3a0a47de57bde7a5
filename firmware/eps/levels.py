# Power level from pack voltage and charge: 0 normal, 1 low power, 2 safe, 3 critical, 4 below the floor (parts.LEVELS).
#
# Worse at once after the debounce, by as many levels as it takes; better one level at a time, each after the debounce.
# Entering asks for voltage or charge, leaving for both, with a gap between them.
from micropython import const

NORMAL = const(0)
LOW = const(1)
SAFE = const(2)
CRITICAL = const(3)
FLOOR = const(4)

_ENTER = const(1)  # positions in a level's line
_LEAVE = const(3)
_BLIND_MS = const(60_000)  # without any voltage for so long: low power, and the beacon stays on


class Level:
    """value: the level now."""

    def __init__(self, parts):
        self._table = [list(entry) for entry in parts.LEVELS]
        self._debounce_ms = parts.LEVEL_DEBOUNCE_MS
        self._below_ms = [0] * len(self._table)
        self._above_ms = 0
        self._blind_ms = 0
        self.value = NORMAL

    def set_voltages(self, level, enter_mv, leave_mv):
        """Enter level 1 to 3 below, and leave it above, these pack voltages, mV."""
        self._table[level - 1][_ENTER] = enter_mv
        self._table[level - 1][_LEAVE] = leave_mv

    def restore(self, value):
        if 0 <= value <= FLOOR:
            self.value = value

    def update(self, mv, soc, passed_ms):
        """Pack voltage mV, charge 0.01 %, each None when not known; ms since the last. Returns the level."""
        if mv is None:
            self._blind_ms = min(self._blind_ms + passed_ms, _BLIND_MS)
            if self._blind_ms >= _BLIND_MS:
                if self.value == FLOOR:
                    self.value = CRITICAL
                elif self.value == NORMAL:
                    self.value = LOW
        else:
            self._blind_ms = 0
        worst = self.value
        for k, (_, low_mv, low_soc, _, _) in enumerate(self._table):
            below = mv is not None and mv < low_mv or soc is not None and soc < low_soc * 100
            passed = min(self._below_ms[k] + passed_ms, self._debounce_ms) if below else 0
            self._below_ms[k] = passed
            if below and passed >= self._debounce_ms and k + 1 > worst:
                worst = k + 1
        if worst > self.value:
            self.value = worst
            self._above_ms = 0
        elif self.value and mv is not None and self._leaves(mv, soc):
            self._above_ms += passed_ms
            if self._above_ms >= self._debounce_ms:
                self._above_ms = 0
                self.value -= 1
        else:
            self._above_ms = 0
        return self.value

    def _leaves(self, mv, soc):
        _, _, _, high_mv, high_soc = self._table[self.value - 1]
        return mv > high_mv and (soc is None or soc >= high_soc * 100)
