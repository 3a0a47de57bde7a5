# TMP117 thermometer, TI SNOSD82D: temperature of one place over I2C, 0.1 degC from -20 to +50.
from drivers.registers import Words
from micropython import const

_TEMPERATURE = const(0x00)  # 7.6  signed, 7.8125 m degC per bit; 0x8000 until the first conversion after a reset
_CONFIG = const(0x01)       # 7.6  alerts, data ready, mode, cycle, averaging
_IDENTITY = const(0x0F)     # 7.6  revision in the upper four bits, then 0x117

_CONTINUOUS_1S_AVERAGE_8 = const(0x0220)  # also what the factory left in its EEPROM
_SETTINGS = const(0x0FFC)                 # the bits of _CONFIG that we write: mode, cycle, averaging, alert pin
_DATA_READY = const(0x2000)
_NOT_CONVERTED = const(0x8000)
_AGAIN = const(11)                        # errno.EAGAIN

CYCLE_MS = const(1000)  # a new temperature each; the first after a power-up in 130 ms


class TMP117(Words):
    """One thermometer. Integers in milli-degrees Celsius: a float would allocate on every read.

    i2c: machine.I2C. No bus traffic until the first reading, so a dead part does not keep its board from starting.
    Every method raises OSError when nothing answers and ValueError when another part does. OSError EAGAIN means that
    there is no temperature yet: the part was reset or had stopped, is configured again, and has one after CYCLE_MS.
    """

    def __init__(self, i2c, address=0x48):
        super().__init__(i2c, address)
        self._known = False

    def ready(self):
        """A conversion has ended since the last look (reading temperature or configuration clears this)."""
        return bool(self._settings() & _DATA_READY)

    def millidegrees(self):
        """Of the last conversion, at most CYCLE_MS old: a part that no longer converts raises EAGAIN instead."""
        self._settings()
        raw = self._read(_TEMPERATURE)
        if raw == _NOT_CONVERTED:
            raise OSError(_AGAIN)
        return ((raw - 0x10000 if raw & 0x8000 else raw) * 125 + 8) >> 4

    def _settings(self):
        if not self._known:
            if self._read(_IDENTITY) & 0xFFF != 0x117:
                raise ValueError("no TMP117 at 0x%02x" % self._address)
            self._known = True
        config = self._read(_CONFIG)
        if config & _SETTINGS != _CONTINUOUS_1S_AVERAGE_8:
            self._known = False
            self._write(_CONFIG, _CONTINUOUS_1S_AVERAGE_8)
            raise OSError(_AGAIN)
        return config
