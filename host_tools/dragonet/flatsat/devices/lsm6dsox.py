# LSM6DSOX gyroscope at register level, ST DS12814. Runs in CPython and in the virtual board's MicroPython.
#
#  register         after reset
#  0x0F WHO_AM_I    0x6C
#  0x10 CTRL1_XL    0      accelerometer: off
#  0x11 CTRL2_G     0      output data rate 7..4 (1 = 12.5 Hz, each step doubles it), full scale 3..2 (250 500 1000
#                          2000 dps), 125 dps 1
#  0x12 CTRL3_C     0x04   block data update 6, address increment 2, software reset 0
#  0x1E STATUS      0      temperature 2, gyroscope 1, accelerometer 0: new since the last reading
#  0x20 OUT_TEMP    16 bits, 256 a degree, 0 = 25 degC
#  0x22..0x27 OUTX_G OUTY_G OUTZ_G   16 bits, two's complement, least significant first
#
# The other settings can be written and read back. Rates are worked out when somebody looks.

from .targets import Bytes

_FIRST_US = 70000          # gyroscope from power-down to its first good sample (table 17)
_PERIOD_US = 80000         # at 12.5 Hz
_SENSITIVITY = (8.75, 17.5, 35.0, 70.0)  # mdps a count by full scale (table 3); 4.375 at 125 dps
_NOISE_MDPS = 3.8          # per root hertz (table 3)
_GDA = 0x02


class LSM6DSOX(Bytes):
    """env: the virtual board. rates: channel positions of X, Y, Z in deg/s in env.world. celsius: position or None.

    bias_dps: rate shown at rest about each axis (table 3: 1 dps typical). gain_error: 1 % typical.
    dead: set to True and nothing answers.
    """

    def __init__(self, env, rates, celsius=None, bias_dps=(0.0, 0.0, 0.0), gain_error=0.0):
        super().__init__()
        self._env = env
        self._rates = rates
        self._celsius = celsius
        self._bias_dps = bias_dps
        self._gain_error = gain_error
        self.power_on()

    def power_on(self):
        self._registers = bytearray(128)
        self._registers[0x0F] = 0x6C
        self._registers[0x12] = 0x04
        self._pointer = 0
        self._due = None  # end of the sample under way

    # registers

    def _step(self):
        if self._registers[0x12] & 0x04:
            super()._step()

    def _load(self, register):
        if 0x22 <= register <= 0x27:
            self._registers[0x1E] &= ~_GDA & 0xFF
        return self._registers[register]

    def _store(self, register, value):
        self._update()
        if register == 0x12 and value & 1:
            self.power_on()
            return
        if not (0x01 <= register <= 0x19 and register != 0x0F or 0x56 <= register):
            return
        was_on = self._registers[0x11] >> 4
        self._registers[register] = value
        if register == 0x11:
            on = value >> 4
            if not on:
                self._due = None
            elif not was_on:
                self._due = self._env.now() + _FIRST_US
            else:
                self._due = self._env.now() + self.period_us()

    def period_us(self):
        """From one sample to the next."""
        rate = min(10, self._registers[0x11] >> 4)
        return _PERIOD_US >> rate - 1 if rate else 0

    def _update(self):
        """Bring the outputs up to the last sample that has ended by now."""
        now = self._env.now()
        if self._due is None or now < self._due:
            return
        period = self.period_us()
        self._due += ((now - self._due) // period + 1) * period
        full_scale = self._registers[0x11]
        mdps = 4.375 if full_scale & 0x02 else _SENSITIVITY[full_scale >> 2 & 3]
        noise = _NOISE_MDPS * (500000 / period) ** 0.5  # bandwidth: half the data rate
        for axis in range(3):
            rate = self._env.world[self._rates[axis]] * (1 + self._gain_error) + self._bias_dps[axis]
            raw = round((rate * 1000 + self._env.noise() * noise) / mdps)
            self._put(0x22 + 2 * axis, raw)
        if self._celsius is not None:
            self._put(0x20, round((self._env.world[self._celsius] - 25) * 256))
        self._registers[0x1E] |= _GDA

    def _put(self, at, raw):
        raw = max(-0x8000, min(0x7FFF, raw)) & 0xFFFF
        self._registers[at] = raw & 0xFF
        self._registers[at + 1] = raw >> 8
