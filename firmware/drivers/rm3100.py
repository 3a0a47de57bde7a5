# RM3100 magnetometer, PNI user manual r07: the field along three axes over I2C. Registers by table 5-1.
from drivers.registers import Sampler
from micropython import const

_CMM = const(0x01)       # continuous measurement: axes 6..4, what DRDY means 2, start 0
_CYCLES = const(0x04)    # cycle counts of X, Y, Z, two bytes each; 200 after a reset
_RATE = const(0x0B)      # TMRC: 0x92 = 600 Hz, each step halves it; 0x96 after a reset
_RESULT = const(0x24)    # X, Y, Z, three bytes each, two's complement, most significant first
_STATUS = const(0x34)    # bit 7 DRDY, cleared by reading a result
_REVISION = const(0x36)  # reads 0x22

_ALL_AXES = const(0x71)  # X, Y and Z, DRDY after all three, start
_RATE_9_HZ = const(0x98)
_DRDY = const(0x80)
_SETTINGS = bytes((0, 200, 0, 200, 0, 200))  # 200 cycles: 75 counts a microtesla (table 3-1), 15 nT of noise
_AGAIN = const(11)       # errno.EAGAIN

PERIOD_MS = const(110)   # a new field each


class RM3100(Sampler):
    """One magnetometer. Integers in nanotesla: a float would allocate on every read.

    i2c: machine.I2C. No bus traffic until the first reading, so a dead part does not keep its board from starting.
    OSError: nothing answers. ValueError: another part does. OSError EAGAIN: nothing was measured since the last
    reading, or the part had lost its settings; it has them again and answers after PERIOD_MS.
    """

    def __init__(self, i2c, address=0x20):
        super().__init__(i2c, address, 9)
        self._six = bytearray(6)

    def read(self, field):
        """Puts nT along X, Y, Z into the list `field`."""
        nine = self._new_sample(_STATUS, _DRDY, _RESULT)
        for axis in range(3):
            raw = nine[3 * axis] << 16 | nine[3 * axis + 1] << 8 | nine[3 * axis + 2]
            if raw & 0x800000:
                raw -= 0x1000000
            field[axis] = (raw * 40 + 1) // 3  # 1000 nT / 75 counts

    def _check(self):
        """Settings as they should be, or EAGAIN after they were written again."""
        self._i2c.readfrom_mem_into(self._address, _CYCLES, self._six)
        if self._get(_CMM) != _ALL_AXES or self._get(_RATE) != _RATE_9_HZ or self._six != _SETTINGS:
            if self._get(_REVISION) != 0x22:
                raise ValueError("no RM3100 at 0x%02x" % self._address)
            self._i2c.writeto_mem(self._address, _CYCLES, _SETTINGS)
            self._put(_RATE, _RATE_9_HZ)
            self._put(_CMM, _ALL_AXES)  # last: it starts the measurements
            raise OSError(_AGAIN)
