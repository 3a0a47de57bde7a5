# Spacecraft mode: the EPS owns it, since power decides (DESIGN, "Modes and holds").
#
#  SILENT      until deployables are allowed (30 min)       not in power's hands
#  DEPLOY      until RF is allowed (45 min)                 not in power's hands
#  DETUMBLE    until the body turns slowly, or a limit      replaced by the three below, and resumed after them
#  NOMINAL
#  LOW_POWER   power level 1, or the trend of days falls
#  SAFE        power level 2
#  CRITICAL    power level 3, 4
from core import hold, ports
from micropython import const

_SLOW_MS = const(60_000)  # below the rate for so long: one slow reading is no end of a tumble


class Modes:
    """mode: index into core.ports.MODES. detumbled: bool."""

    def __init__(self, parts):
        self._rate_mdeg_s = parts.DETUMBLED_MDEG_S
        self._limit_s = hold.RF_S + parts.DETUMBLE_LIMIT_S
        self._slow_ms = 0
        self.detumbled = False
        self.mode = ports.SILENT

    def update(self, holding, level, rate_mdeg_s, passed_ms):
        """holding: core.hold.Hold. level: power level. rate_mdeg_s: largest body rate, None when not known."""
        if not holding.rf_allowed:
            self._slow_ms = 0
            self.detumbled = False
            self.mode = ports.DEPLOY if holding.deploy_allowed else ports.SILENT
            return self.mode
        if not self.detumbled:
            slow = rate_mdeg_s is not None and rate_mdeg_s < self._rate_mdeg_s
            self._slow_ms = self._slow_ms + passed_ms if slow else 0
            self.detumbled = self._slow_ms >= _SLOW_MS or holding.elapsed_s >= self._limit_s
        if level:
            self.mode = min(ports.NOMINAL + level, ports.CRITICAL)
        else:
            self.mode = ports.NOMINAL if self.detumbled else ports.DETUMBLE
        return self.mode
