# INA226 power monitor, TI SBOS547B: bus voltage and current of one rail over I2C.
from drivers.registers import Words
from micropython import const

_CONFIG = const(0x00)        # 7.1.1  averaging, conversion times, mode
_BUS = const(0x02)           # 7.1.3  1.25 mV per bit, always positive
_CURRENT = const(0x04)       # 7.1.5  signed, one current LSB per bit; 0 while the calibration is 0
_CALIBRATION = const(0x05)   # 7.1.6  0 after a reset
_MANUFACTURER = const(0xFE)  # 7.1.9  reads 0x5449, "TI"
_DIE = const(0xFF)           # 7.1.10 reads 0x2260

_AGAIN = const(11)           # errno.EAGAIN

# Configurations: shunt and bus in turn, continuously. A reset leaves 0x4127: no averaging.
QUICK = const(0x4527)   # 16 samples of 1.1 + 1.1 ms: an over-current shows soon
STEADY = const(0x4B2F)  # 256 samples of 2.116 + 1.1 ms: most of each second, so that pulses are counted
QUICK_MS = const(40)    # until the first reading after a configuration: 35 ms, and 10 % slow (5.5)
STEADY_MS = const(910)  # 823 ms, and 10 % slow


class INA226(Words):
    """One rail. Integers in milli-units: a float would allocate on every read.

    i2c: machine.I2C. shunt_uohm: shunt resistance in microohm. lsb_ua: microamps per bit. config: QUICK or STEADY.
    No bus traffic until the first reading, so a dead part does not keep its board from starting.
    Every method raises OSError when nothing answers and ValueError when another part does. OSError EAGAIN means that
    the part had lost its configuration (power-up, brown-out): it has it again and answers after QUICK_MS or STEADY_MS.
    """

    def __init__(self, i2c, address=0x40, *, shunt_uohm, lsb_ua, config=QUICK):
        super().__init__(i2c, address)
        # 6.5.1: CAL = 0.00512 / (current LSB in A * shunt in ohm), 15 bits
        self._calibration = 5_120_000_000 // (lsb_ua * shunt_uohm)
        if not 0 < self._calibration < 0x8000:
            raise ValueError("INA226: no calibration for %d uohm and %d uA" % (shunt_uohm, lsb_ua))
        self._lsb_ua = lsb_ua
        self._config = config
        self._configured = False

    def check(self):
        """Read the configuration back; where it is lost, write it again and return False: not measured yet."""
        if (
            self._configured
            and self._read(_CONFIG) == self._config
            and self._read(_CALIBRATION) == self._calibration
        ):
            return True
        self._configured = False
        if self._read(_MANUFACTURER) != 0x5449 or self._read(_DIE) != 0x2260:
            raise ValueError("no INA226 at 0x%02x" % self._address)
        self._write(_CALIBRATION, self._calibration)
        self._write(_CONFIG, self._config)  # starts the conversions anew
        self._configured = True
        return False

    def millivolts(self):
        if not self._configured:
            self.check()
            raise OSError(_AGAIN)
        return (self._read(_BUS) * 5 + 2) >> 2

    def milliamps(self):
        """Rounded to the nearest. Exactly zero is also what a part reset since shows, so it is checked."""
        raw = self._read(_CURRENT) if self._configured else 0
        if not raw:
            if not self.check():
                raise OSError(_AGAIN)
            return 0
        return ((raw - 0x10000 if raw & 0x8000 else raw) * self._lsb_ua + 500) // 1000
