"""Solar panels: triple-junction cells (3G30C class, 30.18 cm2) in series on each face, one tracking converter an axis.

I = Isc G (1 - exp((V - Voc) / a)), a proportional to temperature, Voc + a ln G: the maker's maximum within 0.02 %.
G is the irradiance over 1367 W/m2. Values at 28 °C and their change per kelvin are the data sheet's.
"""

from __future__ import annotations

import math

REFERENCE_W_M2 = 1367.0
CELL_M2 = 30.18e-4
CELLS = {"1U": (2, 2, 2), "3U": (7, 7, 2)}  # in series on each face of x, y, z

_ISC_A, _ISC_A_K = 0.5202, 0.36e-3
_VOC_V, _VOC_V_K = 2.700, -6.2e-3
_A_V = 0.0827
_HALVINGS = 14  # of the 0.3 V between maximum power and open circuit: 20 uV
_DARK = 0.002  # of the reference: below this the converter does not start


class Converter:
    """One axis: the panels of both faces in parallel through diodes, into one converter with hardware tracking.

    After `light`: `best_w`, the most it can draw. After `draw`: `volts` and `amps` at the panels.
    """

    def __init__(self, cells: int, tracking: float) -> None:
        self.cells = cells
        self.best_w = self.volts = self.amps = 0.0
        self._tracking = tracking
        self._vmp = 0.0
        self._bright = self._dim = (0.0, 0.0, 1.0)

    def light(self, plus: float, minus: float, plus_c: float, minus_c: float) -> None:
        """Irradiance over the reference on both faces, and their temperatures, °C."""
        if plus >= minus:
            bright, dim, bright_c, dim_c = plus, minus, plus_c, minus_c
        else:
            bright, dim, bright_c, dim_c = minus, plus, minus_c, plus_c
        if bright < _DARK:
            self.best_w = 0.0
            return
        isc, voc, a = cell(bright, bright_c)
        v = peak_v(voc, a)
        i = isc * (1.0 - math.exp((v - voc) / a))
        self._bright = (isc, voc, a)
        self._dim = (0.0, 0.0, a)
        if dim >= _DARK:
            self._dim = dim_isc, dim_voc, dim_a = cell(dim, dim_c)
            if v < dim_voc:  # else its diode blocks
                i += dim_isc * (1.0 - math.exp((v - dim_voc) / dim_a))
        self._vmp = v
        self.best_w = v * i * self.cells * self._tracking

    def draw(self, watts: float) -> None:
        """Take up to `best_w`; less moves the set-point up towards the open-circuit voltage."""
        if self.best_w == 0.0:
            self.volts = self.amps = 0.0
            return
        v = self._vmp
        if watts < 0.999 * self.best_w:
            (isc, voc, a), (dim_isc, dim_voc, dim_a) = self._bright, self._dim
            wanted, low, high = watts / (self.cells * self._tracking), v, voc
            for _ in range(_HALVINGS):
                v = (low + high) / 2
                amps = isc * (1.0 - math.exp((v - voc) / a))
                if v < dim_voc:
                    amps += dim_isc * (1.0 - math.exp((v - dim_voc) / dim_a))
                if v * amps > wanted:
                    low = v
                else:
                    high = v
        self.volts = v * self.cells
        self.amps = min(watts, self.best_w) / self.volts


def cell(irradiance: float, temperature_c: float) -> tuple[float, float, float]:
    """Short-circuit current A, open-circuit voltage V, and a in V, of one cell."""
    warm = temperature_c - 28.0
    a = _A_V * (temperature_c + 273.15) / 301.15
    return (_ISC_A + _ISC_A_K * warm) * irradiance, _VOC_V + _VOC_V_K * warm + a * math.log(irradiance), a


def peak_v(voc: float, a: float) -> float:
    """Voltage of maximum power: 1 = exp((V - Voc)/a) (1 + V/a), by Newton on w + ln w = 1 + Voc/a."""
    x = 1.0 + voc / a
    if x < 2.0:
        return 0.5 * voc
    w = x - math.log(x)
    w -= (w + math.log(w) - x) / (1.0 + 1.0 / w)
    return a * (w - 1.0)
