# Readings of the board's monitors and thermometers: a part that fails costs its own values, never the loop.
from drivers.ina226 import QUICK, STEADY, INA226
from drivers.tmp117 import TMP117
from micropython import const

_DEAD = const(3)    # failures in a row: from then on it is asked less often, since a dead bus takes time at each try
_RESTS = const(9)   # turns it is left alone


class _Part:
    """answers: False while it does not. errors: readings that failed."""

    def __init__(self, driver):
        self._driver = driver
        self._failures = 0
        self._rest = 0
        self.answers = True
        self.errors = 0

    def _turn(self):
        # Whether to ask it now.
        if self._rest:
            self._rest -= 1
            return False
        return True

    def _good(self):
        self._failures = 0
        self.answers = True

    def _failed(self):
        self.errors += 1
        self._failures += 1
        self.answers = False
        if self._failures >= _DEAD:
            self._rest = _RESTS


class Monitor(_Part):
    """mv, ma: of the newest reading, None when it failed."""

    def __init__(self, i2c, entry):
        name, address, shunt_uohm, lsb_ua = entry
        config = STEADY if name == "battery" else QUICK  # charge is counted by it; the others guard loads
        _Part.__init__(self, INA226(i2c, address, shunt_uohm=shunt_uohm, lsb_ua=lsb_ua, config=config))
        self.mv = None
        self.ma = None

    def read(self):
        if not self._turn():
            return
        try:
            self.mv = self._driver.millivolts()
            self.ma = self._driver.milliamps()
            self._good()
        except (OSError, ValueError, AttributeError):  # AttributeError: the board has no I2C
            self.mv = None
            self.ma = None
            self._failed()

    def check(self):
        """Configure a part that lost its configuration; it reads again from the next turn on."""
        if not self._turn():
            return
        try:
            if not self._driver.check():
                self.mv = None
                self.ma = None
        except (OSError, ValueError, AttributeError):
            self.mv = None
            self.ma = None
            self._failed()


class Thermometer(_Part):
    """mdeg: milli-degrees of the newest reading, None when it failed."""

    def __init__(self, i2c, entry):
        _Part.__init__(self, TMP117(i2c, entry[1]))
        self.mdeg = None

    def read(self):
        if not self._turn():
            return
        try:
            self.mdeg = self._driver.millidegrees()
            self._good()
        except (OSError, ValueError, AttributeError):
            self.mdeg = None
            self._failed()
