# State of charge of a Li-ion pack: coulombs counted, corrected by the voltage of a model (IR + RC) with constant gain.
#
# Why: coulombs alone drift by a quarter in a week with 1 % of gain and 5 mA of offset error; a satellite in low orbit
# never rests and rarely fills, so nothing resets them. The model's numbers are those of a 2.6 Ah cell at 25 degC.
# Integers only: charge in uAh, voltages in uV; products stay below 2^30, where a 32-bit board's small integers end.
from micropython import const

# Open-circuit voltage of a cell: (charge in 0.01 %, mV)
_OCV = (
    (0, 3000), (500, 3280), (1000, 3380), (2000, 3500), (3000, 3570), (4000, 3620), (5000, 3680),
    (6000, 3780), (7000, 3880), (8000, 3980), (9000, 4080), (9500, 4130), (10000, 4190),
)
_R0_UOHM = const(75_000)        # of a cell of _CELL_MAH
_R1_UOHM = const(40_000)        # with its capacitor 60 s
_TAU_S = const(60)
_CELL_MAH = const(2600)
_WARMTH = (386, 286, 212, 157, 116, 86, 64, 47, 35)  # % of the resistance from -20 to 60 degC: e^(0.03 (25 - T))
_LOSS = const(200)              # coulombic efficiency 0.995: one part in 200 of what is charged is lost

# Gain: an error of the voltage is made up for within 2 h where the pack rises by 1.7 V over its whole charge:
# mA of correction per V = capacity in mAh * 3600 s / (1.7 V * 7200 s) = capacity / 3.4.
_GAIN = const(3_400_000)        # uV, the rest is the capacity
_MOST_UV = const(500_000)       # an error beyond this is a fault of the sensor
_STEP_MS = const(2000)
_RESTART_BP = const(2500)       # a kept charge this far from what the voltage says is not this battery's any more
_UNKNOWN_MDEG = const(15_000)   # temperature to reckon with when none is measured


def open_circuit_uv(soc):
    """Of one cell at soc (0.01 %, 0..10000)."""
    k = 1
    while soc > _OCV[k][0] and k < len(_OCV) - 1:
        k += 1
    soc0, mv0 = _OCV[k - 1]
    soc1, mv1 = _OCV[k]
    return mv0 * 1000 + (mv1 - mv0) * 1000 * (soc - soc0) // (soc1 - soc0)


def charge_at(cell_mv):
    """soc (0.01 %) of a rested cell at this voltage."""
    if cell_mv <= _OCV[0][1]:
        return 0
    for k in range(1, len(_OCV)):
        soc0, mv0 = _OCV[k - 1]
        soc1, mv1 = _OCV[k]
        if cell_mv <= mv1:
            return soc0 + (soc1 - soc0) * (cell_mv - mv0) // (mv1 - mv0)
    return 10000


def warmth_percent(mdeg):
    """Resistance at this temperature, % of that at 25 degC."""
    above = min(max(mdeg + 20_000, 0), 80_000)
    k = min(above // 10_000, 7)
    return _WARMTH[k] - (_WARMTH[k] - _WARMTH[k + 1]) * (above - k * 10_000) // 10_000


class Battery:
    """cells in series, capacity_mah of the pack.

    soc: 0.01 %, None until a first voltage. charge_uah. error_mv: measured minus model, None without a voltage.
    """

    def __init__(self, cells, capacity_mah):
        self._cells = cells
        self._capacity_mah = capacity_mah
        self._full_uah = capacity_mah * 1000
        self._r0_uohm = _R0_UOHM * cells * _CELL_MAH // capacity_mah
        self._r1_uohm = _R1_UOHM * cells * _CELL_MAH // capacity_mah
        self._divisor = max(1, _GAIN // capacity_mah)
        self._relax_uv = 0
        self._rest = 0  # mA ms not yet in charge_uah
        self.charge_uah = None
        self.soc = None
        self.error_mv = None
        self.restored = False
        self._started = False

    def restore(self, charge_uah):
        """A charge kept through a reset; the first voltage may refuse it."""
        if 0 <= charge_uah <= self._full_uah:
            self._set(charge_uah)
            self.restored = True

    def update(self, mv, ma, mdeg, passed_ms):
        """mV, mA (positive charges), m degC of the pack, each None when not known; ms since the last."""
        self.error_mv = None
        if mdeg is None:
            mdeg = _UNKNOWN_MDEG
        if ma is None:
            ma = 0
        if not self._started:
            if mv is None:
                return
            self._started = True
            self._begin(mv, ma, mdeg)
            return
        while passed_ms > 0:
            self._step(mv, ma, mdeg, min(passed_ms, _STEP_MS))
            passed_ms -= _STEP_MS

    def _begin(self, mv, ma, mdeg):
        # At what the voltage says, or at what was restored when that is near. Whether the current has flowed for long,
        # and has its slow drop of voltage too, is not known: a restored charge may lie between the two answers.
        slow_uv = ma * self._resistance(self._r1_uohm, mdeg) // 10
        rested_mv = mv - ma * self._resistance(self._r0_uohm, mdeg) // 10_000
        soc = charge_at(rested_mv // self._cells)
        settled = charge_at((rested_mv - slow_uv // 1000) // self._cells)
        low, high = min(soc, settled), max(soc, settled)
        if self.soc is None or not low - _RESTART_BP <= self.soc <= high + _RESTART_BP:
            self._set(soc * self._capacity_mah // 10)
            self.restored = False
        else:
            self._relax_uv = slow_uv

    def _step(self, mv, ma, mdeg, ms):
        self._rest += ma * ms
        if ma > 0:
            self._rest -= ma * ms // _LOSS
        target_uv = ma * self._resistance(self._r1_uohm, mdeg) // 10
        self._relax_uv += (target_uv - self._relax_uv) // _TAU_S * ms // 1000
        if mv is not None:
            model_uv = open_circuit_uv(self.soc) * self._cells
            model_uv += ma * self._resistance(self._r0_uohm, mdeg) // 10 + self._relax_uv
            error_uv = mv * 1000 - model_uv
            self.error_mv = error_uv // 1000
            self._rest += min(max(error_uv, -_MOST_UV), _MOST_UV) * ms // self._divisor
        whole = self._rest // 3600
        self._rest -= whole * 3600
        self._set(min(max(self.charge_uah + whole, 0), self._full_uah))

    def _set(self, charge_uah):
        self.charge_uah = charge_uah
        self.soc = charge_uah * 10 // self._capacity_mah

    def _resistance(self, uohm, mdeg):
        # in 0.1 mohm, so that mA times it stays small; times mA, over 10, it is uV
        return uohm // 100 * warmth_percent(mdeg) // 100


class Charging:
    """What the cells allow. allowed: bool. limit_ma: largest charging current, 0 when not allowed."""

    def __init__(self, parts, capacity_mah):
        self._low, self._high = parts.CHARGE_MDEG
        self._cold = parts.CHARGE_COLD_MDEG
        self._full_mv = parts.CHARGE_FULL_MV
        self._capacity_mah = capacity_mah
        self.allowed = False
        self.limited = True
        self.limit_ma = 0

    def update(self, mv, mdeg):
        """mV and m degC or None. Unknown is taken as cold: a dead thermometer shall not starve the satellite."""
        if mdeg is None:
            warm = True
        elif self.allowed:
            warm = self._low <= mdeg <= self._high
        else:
            warm = self._low + 1000 <= mdeg <= self._high - 1000
        full = mv is not None and mv > (self._full_mv if self.allowed else self._full_mv - 100)
        self.allowed = warm and not full
        self.limited = mdeg is None or mdeg < self._cold
        self.limit_ma = 0 if not self.allowed else self._capacity_mah // (5 if self.limited else 2)
