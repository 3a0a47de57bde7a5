"""Battery: two Li-ion cells in series, open-circuit voltage, R0, one R1-C1; 2.6 Ah cells in parallel."""

from __future__ import annotations

import math

_OCV_SOC = (0.0, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95, 1.0)
_OCV_V = (3.00, 3.28, 3.38, 3.50, 3.57, 3.62, 3.68, 3.78, 3.88, 3.98, 4.08, 4.13, 4.19)
_STEPS = 200  # the curve in half percents, straight between
_R0_OHM, _R1_OHM, _TAU_S, _CELL_AH = 0.075, 0.040, 60.0, 2.6  # of one 2.6 Ah cell at 25 °C
_R_PER_K = 0.03
_COULOMBIC = 0.995
_CUT_V, _RETURN_V = 5.0, 6.4  # the pack's protection: opens, and closes again once charged
_CHARGE_C, _COLD_C = (0.0, 45.0), 10.0  # charging allowed; below 10 °C at most 0.2 C
_COLD_RATE = 0.2


def _curve() -> list[float]:
    made: list[float] = []
    k = 0
    for n in range(_STEPS + 1):
        soc = n / _STEPS
        while soc > _OCV_SOC[k + 1] and k < len(_OCV_SOC) - 2:
            k += 1
        part = (soc - _OCV_SOC[k]) / (_OCV_SOC[k + 1] - _OCV_SOC[k])
        made.append(_OCV_V[k] + part * (_OCV_V[k + 1] - _OCV_V[k]))
    return [*made, made[-1]]


_OCV = _curve()


class Battery:
    """The pack. `soc` 0..1, `volts` and `amps` (positive: charging) at its terminals, `connected` by its protection."""

    def __init__(self, capacity_ah: float, soc: float, limit_v: float) -> None:
        self.soc = soc
        self.amps = 0.0
        self.connected = True
        self.lost_w = 0.0
        self._capacity_as = capacity_ah * 3600.0
        self._scale = 2.0 * _CELL_AH / capacity_ah  # two in series, the rest in parallel
        self._limit_v = limit_v
        self._relax_v = 0.0
        self.volts = self.open_v

    @property
    def open_v(self) -> float:
        """Open-circuit voltage of the pack."""
        at = self.soc * _STEPS
        k = int(at)
        return 2.0 * (_OCV[k] + (at - k) * (_OCV[k + 1] - _OCV[k]))

    def charge_limit_w(self, temperature_c: float) -> float:
        """Most power it may take now: constant voltage at the limit, cold and hot as its maker allows."""
        if not _CHARGE_C[0] <= temperature_c <= _CHARGE_C[1]:
            return 0.0
        amps = (self._limit_v - self.open_v - self._relax_v) / (_R0_OHM * self._scale * _warmth(temperature_c))
        if temperature_c < _COLD_C:
            amps = min(amps, _COLD_RATE * self._capacity_as / 3600.0)
        return max(0.0, amps * self._limit_v)

    def step(self, watts: float, temperature_c: float, seconds: float) -> None:
        """Take (positive) or give `watts` at the terminals for `seconds`."""
        warmth = _warmth(temperature_c)
        r0 = _R0_OHM * self._scale * warmth
        inner = self.open_v + self._relax_v
        if not self.connected and watts < 0.0:
            watts = 0.0
        root = inner * inner + 4.0 * r0 * watts
        # more than it can give: the voltage collapses to where the protection opens
        amps = (math.sqrt(root) - inner) / (2.0 * r0) if root > 0.0 else -inner / (2.0 * r0)
        if self.soc <= 0.0 and amps < 0.0:
            amps = 0.0
            self.connected = False
        self.amps = amps
        self.volts = inner + amps * r0
        self.lost_w = amps * amps * r0 + (self._relax_v * self._relax_v) / (_R1_OHM * self._scale * warmth)
        part = math.exp(-seconds / _TAU_S)
        self._relax_v = part * self._relax_v + (1.0 - part) * amps * _R1_OHM * self._scale * warmth
        charge = amps * seconds * (_COULOMBIC if amps > 0.0 else 1.0)
        self.soc = min(1.0, max(0.0, self.soc + charge / self._capacity_as))
        if self.volts < _CUT_V:
            self.connected = False
            if watts < 0.0:  # the protection opened within this step
                self.amps, self.volts = 0.0, inner
        elif not self.connected and self.volts >= _RETURN_V and self.soc > 0.0:
            self.connected = True


def _warmth(temperature_c: float) -> float:
    return math.exp(_R_PER_K * (25.0 - min(60.0, max(-30.0, temperature_c))))
