# RM3100 magnetometer at register level, PNI user manual r07. Runs in CPython and in the virtual board's MicroPython.
#
#  register        after reset
#  0x00 POLL       0      one measurement of the axes in bits 6 Z, 5 Y, 4 X
#  0x01 CMM        0      continuous: axes 6 Z, 5 Y, 4 X; DRDY after 2: any axis (else all); 0 start
#  0x04..0x09 CCX CCY CCZ 200   cycle counts, most significant first
#  0x0B TMRC       0x96   0x92 = 600 Hz, each step halves it
#  0x24..0x2C MX MY MZ    24 bits, two's complement, most significant first
#  0x33 BIST       0
#  0x34 STATUS     0      bit 7 DRDY; reading a result clears it
#  0x35 HSHAKE     0x1B
#  0x36 REVID      0x22
#
# The register pointer steps on within a transfer. Measurements are worked out when somebody looks.

from .targets import Bytes

_AXIS_US_PER_CYCLE = 11.35  # one axis of 200 cycles in 2.27 ms: 440 Hz (table 3-1)
_MIN_TMRC = 0x92
_MAX_TMRC = 0x9F
_PERIOD_US = 1667           # at TMRC 0x92
_DRDY = 0x80


class RM3100(Bytes):
    """env: the virtual board. field: channel positions of X, Y, Z in uT in env.world.

    noise_nt: sigma at 200 cycles (table 3-1: 15). bias_ut: what the board adds along each axis (0.1 to 2 uT on a
    CubeSat). gain_error: of all axes. dead: set to True and nothing answers.
    """

    def __init__(self, env, field, noise_nt=15, bias_ut=(0.0, 0.0, 0.0), gain_error=0.0):
        super().__init__()
        self._env = env
        self._field = field
        self._noise_nt = noise_nt
        self._bias_ut = bias_ut
        self._gain_error = gain_error
        self.power_on()

    def power_on(self):
        self._registers = bytearray(64)
        for i in (0x05, 0x07, 0x09):
            self._registers[i] = 200
        self._registers[0x0B] = 0x96
        self._registers[0x35] = 0x1B
        self._registers[0x36] = 0x22
        self._pointer = 0
        self._due = None      # end of the measurement under way
        self._axes = 0
        self._continuous = False

    # registers

    def _load(self, register):
        if register >= 64:
            return 0
        if 0x24 <= register <= 0x2C:
            self._registers[0x34] &= ~_DRDY & 0xFF
        return self._registers[register]

    def _store(self, register, value):
        self._update()
        if register == 0x00:
            if not self._continuous and value & 0x70:
                self._start(value & 0x70, self._env.now())
        elif register == 0x01:
            self._registers[register] = value & 0x75
            self._continuous = bool(value & 1) and bool(value & 0x70)
            self._due = None
            if self._continuous:
                self._start(value & 0x70, self._env.now())
        elif 0x04 <= register <= 0x09 or register in (0x0B, 0x33, 0x35):
            self._registers[register] = value
        # all else can only be read

    def _cycles(self, axis):
        return self._registers[4 + 2 * axis] << 8 | self._registers[5 + 2 * axis]

    def _start(self, axes, at):
        self._axes = axes
        self._registers[0x34] &= ~_DRDY & 0xFF
        self._due = at + self._took()

    def _took(self):
        """Microseconds of one measurement of the axes."""
        us = 0
        for axis in range(3):
            if self._axes & 0x10 << axis:
                us += int(self._cycles(axis) * _AXIS_US_PER_CYCLE)
        return us

    def period_us(self):
        """From one result to the next in continuous mode."""
        rate = min(_MAX_TMRC, max(_MIN_TMRC, self._registers[0x0B]))
        return max(_PERIOD_US << rate - _MIN_TMRC, self._took())

    def _update(self):
        """Bring the results up to the last measurement that has ended by now."""
        now = self._env.now()
        if self._due is None or now < self._due:
            return
        if self._continuous:
            period = self.period_us()
            self._due += ((now - self._due) // period + 1) * period
        else:
            self._due = None
        for axis in range(3):
            if self._axes & 0x10 << axis:
                self._result(axis)
        self._registers[0x34] |= _DRDY

    def _result(self, axis):
        cycles = max(1, self._cycles(axis))
        gain = 0.3671 * cycles + 1.5  # counts a microtesla, a line through table 3-1
        field = self._env.world[self._field[axis]] + self._bias_ut[axis]
        field += self._env.noise() * self._noise_nt / 1000 * (200 / cycles) ** 0.5
        raw = round(field * gain * (1 + self._gain_error))
        raw = max(-0x800000, min(0x7FFFFF, raw)) & 0xFFFFFF
        at = 0x24 + 3 * axis
        self._registers[at] = raw >> 16
        self._registers[at + 1] = raw >> 8 & 0xFF
        self._registers[at + 2] = raw & 0xFF
