# Temperatures, field and rates into housekeeping. A part that does not answer is not available; the others go on.
import asyncio

from core.clock import Every
from drivers.lsm6dsox import LSM6DSOX
from drivers.rm3100 import RM3100
from drivers.tmp117 import TMP117
from micropython import const

from sensor import event_codes
from sensor.compact import HK

_PERIOD_MS = const(1000)
_TEMPERATURES_EVERY = const(5)
_AGAIN = const(11)  # errno.EAGAIN: no new value yet

_NO_OFFSET = (0, 0, 0)

_FIELD = HK.index("field_x")
_RATE = HK.index("rate_x")
_NOT_ANSWERING = HK.index("not_answering")
_READ_ERRORS = HK.index("read_errors")


class Sensors:
    """errors: readings that failed since boot. missing: bits of the parts without a value, as in sensor/hk.py."""

    def __init__(self, board):
        i2c = board.i2c
        self._board = board
        self._thermometers = ()
        self._magnetometer = self._gyroscope = None
        places = [HK.index(name + "_t") for name, _ in board.parts.THERMOMETERS]
        self._places = tuple(places)
        if i2c is not None:
            self._thermometers = tuple([TMP117(i2c, address) for _, address in board.parts.THERMOMETERS])
            self._magnetometer = RM3100(i2c, board.parts.MAGNETOMETER)
            self._gyroscope = LSM6DSOX(i2c, board.parts.GYROSCOPE)
        self._axes = [0, 0, 0]
        self._offset = board.parts.GYROSCOPE_OFFSET_MDPS
        self._tick = 0
        self.errors = 0
        self.missing = 0x3F
        self._told = self._seen = 0  # missing, when last told and when last looked at

    async def run(self, checkin):
        """The task: field and rates every second, temperatures every five."""
        every = Every(_PERIOD_MS)
        while True:
            checkin()
            self.measure()
            await asyncio.sleep_ms(every.ms())

    def measure(self):
        self._vector(self._magnetometer, _FIELD, 4, _NO_OFFSET)
        self._vector(self._gyroscope, _RATE, 5, self._offset)
        if self._tick % _TEMPERATURES_EVERY == 0:
            for k, thermometer in enumerate(self._thermometers):
                self._temperature(thermometer, self._places[k], k)
        self._tick += 1
        if self._tick % _TEMPERATURES_EVERY == 0:
            if self.missing == self._seen != self._told:  # for five seconds: one missed reading is no news
                self._board.event(event_codes.PARTS, self.missing, self._told)
                self._told = self.missing
            self._seen = self.missing
        self._board.hk[_NOT_ANSWERING] = self.missing
        self._board.hk[_READ_ERRORS] = min(self.errors, 0xFFFE)

    def _vector(self, part, place, bit, offset):
        hk = self._board.hk
        if part is not None:
            try:
                part.read(self._axes)
                for axis in range(3):
                    hk[place + axis] = self._axes[axis] - offset[axis]
                self.missing &= ~(1 << bit)
                return
            except (OSError, ValueError) as error:
                self._failed(error)
        for axis in range(3):
            hk[place + axis] = None
        self.missing |= 1 << bit

    def _temperature(self, thermometer, place, bit):
        try:
            self._board.hk[place] = (thermometer.millidegrees() + 5) // 10
            self.missing &= ~(1 << bit)
        except (OSError, ValueError) as error:
            self._failed(error)
            self._board.hk[place] = None
            self.missing |= 1 << bit

    def _failed(self, error):
        if not (isinstance(error, OSError) and error.args and error.args[0] == _AGAIN):
            self.errors += 1
