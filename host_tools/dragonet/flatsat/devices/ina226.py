# INA226 power monitor at register level, TI SBOS547B. Runs in CPython and in the virtual board's MicroPython.
#
#  register            after reset
#  0x00 configuration  0x4127  RST | 100 | AVG 11..9 | VBUSCT 8..6 | VSHCT 5..3 | MODE 2..0
#  0x01 shunt voltage  0       signed, 2.5 uV
#  0x02 bus voltage    0       1.25 mV, bit 15 is 0
#  0x03 power          0       25 current LSB: |current| * bus / 20000
#  0x04 current        0       signed: shunt * calibration / 2048
#  0x05 calibration    0       15 bits
#  0x06 mask/enable    0       SOL SUL BOL BUL POL CNVR | AFF 4 CVRF 3 OVF 2 APOL 1 LEN 0
#  0x07 alert limit    0
#  0xFE manufacturer   0x5449
#  0xFF die            0x2260
#
# The world holds still between two updates, so conversions are worked out when somebody looks: at a read, or at the end
# of every conversion when the alert pin is wired (without it, flags know only the conversions looked at).
# Averaging is the world's value with the noise of the mean.

from .targets import Words

_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)             # table 7-3
_TIMES_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)    # tables 7-4, 7-5

_SOL, _SUL, _BOL, _BUL, _POL, _CNVR = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800, 0x0400
_AFF, _CVRF, _OVF, _APOL, _LEN = 0x10, 0x08, 0x04, 0x02, 0x01

# One sample of 1.1 ms; grows with the root of a shorter conversion time, falls with the root of the average (6.4.1).
_SHUNT_NOISE_V = 2.5e-6
_BUS_NOISE_V = 0.6e-3


def _clamp(value, low, high):
    return min(high, max(low, value))


class INA226(Words):
    """env: the virtual board. volts, amps: channel positions in env.world (bus voltage; current through the shunt).

    shunt_uohm: nominal resistance. gain: its tolerance and the part's gain error together, 1 = none.
    shunt_offset_uv, bus_offset_mv: input offsets (typical 2.5 uV and 1.25 mV, 5.5). alert: a Wire, open drain.
    dead: set to True and nothing answers, as when the part or its bus segment has failed.
    """

    def __init__(self, env, volts, amps, shunt_uohm, gain=1.0, shunt_offset_uv=0.0, bus_offset_mv=0.0, alert=None):
        super().__init__()
        self._env = env
        self._volts = volts
        self._amps = amps
        self._ohm = shunt_uohm * 1e-6 * gain
        self._shunt_offset = shunt_offset_uv * 1e-6
        self._bus_offset = bus_offset_mv * 1e-3
        self._alert = alert
        self._generation = 0
        self.power_on()

    def power_on(self):
        """The state after power-up or RST: every register at its default, converting without averaging (6.5.4)."""
        self._pointer = 0
        self._config = 0x4127
        self._shunt = self._bus = self._power = self._current = 0
        self._calibration = 0
        self._mask = 0
        self._limit = 0
        self._start()

    # registers

    def _store(self, register, value):
        if register == 0x00:
            if value & 0x8000:
                self.power_on()
                return
            self._convert()
            self._config = value & 0x0FFF | 0x4000
            if value & 7 not in (0, 4):
                self._mask &= ~_CVRF  # 7.1.7: writing the configuration clears it, except for power-down
            self._start()
        elif register == 0x05:
            self._convert()
            self._calibration = value & 0x7FFF
        elif register == 0x06:
            self._convert()
            self._mask = value & 0xFC03 | self._mask & (_AFF | _CVRF | _OVF)
            self._watch()
        elif register == 0x07:
            self._convert()
            self._limit = value

    def _load(self, register):
        if register == 0x00:
            return self._config
        self._convert()
        if register == 0x01:
            return self._shunt & 0xFFFF
        if register == 0x02:
            return self._bus
        if register == 0x03:
            return self._power
        if register == 0x04:
            return self._current & 0xFFFF
        if register == 0x05:
            return self._calibration
        if register == 0x06:
            value = self._mask
            self._mask &= ~_CVRF
            if self._mask & _LEN:
                self._mask &= ~_AFF  # 7.1.7: in latch mode the read clears the flag
            self._pin()
            return value
        if register == 0x07:
            return self._limit
        if register == 0xFE:
            return 0x5449
        if register == 0xFF:
            return 0x2260
        return 0

    # conversions

    def period_us(self):
        """Of one averaged conversion of what the mode selects; 0 in power-down."""
        mode = self._config & 7
        time = 0
        if mode & 1:
            time += _TIMES_US[self._config >> 3 & 7]
        if mode & 2:
            time += _TIMES_US[self._config >> 6 & 7]
        return time * _AVERAGES[self._config >> 9 & 7]

    def _start(self):
        self._since = self._env.now()
        self._period = self.period_us()
        self._triggered = self._period > 0 and not self._config & 4
        self._watch()

    def _watch(self):
        self._generation += 1
        if self._alert is not None:
            self._pin()
            if self._period:
                self._later(self._generation)

    def _later(self, generation):
        def end():
            if generation == self._generation:
                self._convert()
                if self._period:
                    self._later(generation)

        self._env.at(self._since + self._period, end)

    def _convert(self):
        """Bring the results up to the last conversion that has ended by now."""
        if not self._period:
            return
        elapsed = self._env.now() - self._since
        if elapsed < self._period:
            return
        if self._triggered:
            self._period = 0  # one conversion, then power-down until the next write
        else:
            self._since += elapsed - elapsed % self._period
        self._measure()

    def _measure(self):
        world = self._env.world
        noise = self._env.noise
        config = self._config
        root = _AVERAGES[config >> 9 & 7] ** 0.5
        if config & 1:
            sigma = _SHUNT_NOISE_V * (1100 / _TIMES_US[config >> 3 & 7]) ** 0.5 / root
            volts = world[self._amps] * self._ohm + self._shunt_offset + noise() * sigma
            self._shunt = _clamp(round(volts / 2.5e-6), -0x8000, 0x7FFF)
        if config & 2:
            sigma = _BUS_NOISE_V * (1100 / _TIMES_US[config >> 6 & 7]) ** 0.5 / root
            volts = world[self._volts] + self._bus_offset + noise() * sigma
            self._bus = _clamp(round(volts / 1.25e-3), 0, 0x7FFF)
        self._mask &= ~_OVF
        if self._calibration:
            product = self._shunt * self._calibration
            current = product >> 11 if product >= 0 else -(-product >> 11)
            power = abs(current) * self._bus // 20000
            if not -0x8000 <= current <= 0x7FFF or power > 0xFFFF:
                self._mask |= _OVF  # 7.1.7: an arithmetic overflow: current and power are meaningless
            self._current = _clamp(current, -0x8000, 0x7FFF)
            self._power = min(power, 0xFFFF)
        else:
            self._current = self._power = 0
        self._mask |= _CVRF
        self._compare()
        self._pin()

    def _compare(self):
        """The alert function of the highest bit enabled (6.3.1.2)."""
        mask = self._mask
        limit = self._limit
        signed = limit - 0x10000 if limit & 0x8000 else limit
        if mask & _SOL:
            over = self._shunt > signed
        elif mask & _SUL:
            over = self._shunt < signed
        elif mask & _BOL:
            over = self._bus > limit
        elif mask & _BUL:
            over = self._bus < limit
        elif mask & _POL:
            over = self._power > limit
        else:
            over = False
        if over:
            self._mask |= _AFF
        elif not mask & _LEN:
            self._mask &= ~_AFF

    def _pin(self):
        if self._alert is None:
            return
        active = self._mask & _AFF or self._mask & _CNVR and self._mask & _CVRF
        level = 1 if bool(active) == bool(self._mask & _APOL) else 0
        if self._alert.level != level:
            self._alert.drive(level)
