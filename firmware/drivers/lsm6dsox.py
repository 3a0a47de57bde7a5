# LSM6DSOX gyroscope, ST DS12814: rates about three axes over I2C. Its accelerometer stays off: orbit is free fall.
# Registers by section 9, sensitivity by table 3.
from drivers.registers import Sampler
from micropython import const

_WHO_AM_I = const(0x0F)  # reads 0x6C
_CTRL2_G = const(0x11)   # output data rate 7..4, full scale 3..1; 0 = off after a reset
_CTRL3_C = const(0x12)   # block data update 6, address increment 2
_STATUS = const(0x1E)    # bit 1 GDA: a new rate since the last reading
_OUTX_L_G = const(0x22)  # X, Y, Z, 16 bits each, least significant first

_26_HZ_125_DPS = const(0x22)
_BDU_INC = const(0x44)   # never the two halves of different samples; read them in one transfer
_GDA = const(0x02)
_AGAIN = const(11)       # errno.EAGAIN

SETTLE_MS = const(100)   # after power-up of the gyroscope (70 ms, table 17) until rates are good


class LSM6DSOX(Sampler):
    """One gyroscope. Integers in millidegrees a second, up to 125,000, which it also shows beyond.

    i2c: machine.I2C. No bus traffic until the first reading, so a dead part does not keep its board from starting.
    OSError: nothing answers. ValueError: another part does. OSError EAGAIN: no new rate since the last reading, or the
    part had lost its settings; it has them again and answers after SETTLE_MS.
    """

    def __init__(self, i2c, address=0x6A):
        super().__init__(i2c, address, 6)

    def read(self, rates):
        """Puts mdps about X, Y, Z into the list `rates`."""
        six = self._new_sample(_STATUS, _GDA, _OUTX_L_G)
        for axis in range(3):
            raw = six[2 * axis] | six[2 * axis + 1] << 8
            if raw & 0x8000:
                raw -= 0x10000
            rates[axis] = raw * 35 + 4 >> 3  # 4.375 mdps a count

    def _check(self):
        """Settings as they should be, or EAGAIN after they were written again."""
        if self._get(_CTRL2_G) != _26_HZ_125_DPS or self._get(_CTRL3_C) != _BDU_INC:
            if self._get(_WHO_AM_I) != 0x6C:
                raise ValueError("no LSM6DSOX at 0x%02x" % self._address)
            self._put(_CTRL3_C, _BDU_INC)
            self._put(_CTRL2_G, _26_HZ_125_DPS)
            raise OSError(_AGAIN)
