# Time of the satellite, counted from a microsecond counter that wraps (time.ticks_us: 17.9 minutes on the boards).
#
# Epoch: 2000-01-01 00:00:00 UTC. Leap rule: POSIX's, a day has 86,400 s; Unix time = seconds + UNIX. A leap second is
# one second that the ground takes back and that every board slews over 34 minutes.
# Seconds and microseconds stay apart: small integers on 32-bit boards until 2034-01-09, then heap integers.
#
# Two times: `shown`, which apps read and which never goes back, and the `target`, which synchronisation corrects.
# What lies between them is slewed away, 1/2048 of the time that passes (488 ppm). The counter is taken in units of
# 1,024 us and the remainder of the rate is carried, so nothing is lost to rounding.
import time
from micropython import const

UNIX = const(946_684_800)    # 2000-01-01 in seconds since 1970
RATE_PPM = const(67)         # units of rate in one ppm: a unit is 2**-26
RATE_MAX = const(10_050)     # 150 ppm: two crystals of 50, and age
SLEW_MAX_S = const(60)       # 34 hours of slewing

_SLEW = const(15)            # shift of a half microsecond in units of 2**-16 us
_SECOND = const(1_000_000)


class Timescale:
    """s, us: what was read last. rate: what the own oscillator lacks, in 2**-26; it is |rate| <= RATE_MAX.

    steps: how often the target was moved by more than a correction, modulo 256.
    """

    def __init__(self, seconds=0, rate=0):
        self.s = seconds
        self.us = 0
        self.rate = rate
        self.steps = 0
        self._ticks = time.ticks_us()
        self._s = seconds
        self._us = 0
        self._fraction = 0  # of a microsecond, 2**-16
        self._slew = 0      # half microseconds by which shown is ahead of the target

    @property
    def ahead_us(self):
        """Microseconds by which the time shown is ahead of the target."""
        return self._slew >> 1

    def read(self):
        """Sets s and us to the time shown; at least every 8 minutes update() must have been called."""
        self._at(time.ticks_us(), 0)

    def target(self, ticks):
        """Sets s and us to the target at these ticks, us."""
        self._at(ticks, self._slew >> 1)

    def _at(self, ticks, less_us):
        passed = time.ticks_diff(ticks, self._ticks)
        units = passed >> 10
        slew = self._slew
        gain = units * self.rate + self._fraction
        slewed = 0
        if slew > 0:
            slewed = units if units < slew else slew
        elif slew:
            slewed = -units if units < -slew else slew
        us = self._us + passed + (gain - (slewed << _SLEW) >> 16)
        if less_us:
            us -= less_us - (slewed >> 1)
        s = self._s
        if us >= _SECOND or us < 0:
            s += us // _SECOND
            us %= _SECOND
        self.s = s
        self.us = us

    def update(self):
        """Call every second: moves the base on before the ticks wrap."""
        passed = time.ticks_diff(time.ticks_us(), self._ticks)
        if passed < 1024:
            return
        units = passed >> 10
        slew = self._slew
        gain = units * self.rate + self._fraction
        if slew > 0:
            slewed = units if units < slew else slew
            gain -= slewed << _SLEW
            self._slew = slew - slewed
        elif slew:
            slewed = units if units < -slew else -slew
            gain += slewed << _SLEW
            self._slew = slew + slewed
        self._fraction = gain & 0xFFFF
        us = self._us + (units << 10) + (gain >> 16)
        if us >= _SECOND:
            self._s += us // _SECOND
            us %= _SECOND
        self._us = us
        self._ticks = time.ticks_add(self._ticks, units << 10)

    def slew(self, us):
        """Corrects the target by so many microseconds; the time shown follows slowly. ValueError: beyond SLEW_MAX_S."""
        self.update()
        slew = self._slew - 2 * us
        if abs(slew) > 2 * (SLEW_MAX_S + 2) * _SECOND:
            raise ValueError("slew of %d us" % us)
        self._slew = slew

    def step(self, seconds, us):
        """Corrects the target by seconds + us, and shows it at once. ValueError: that would go back."""
        self.update()
        us -= self._slew >> 1
        seconds += us // _SECOND
        us %= _SECOND
        if seconds < 0:
            raise ValueError("step of %d s" % seconds)
        self._slew = 0
        us += self._us
        self._s += seconds + us // _SECOND
        self._us = us % _SECOND
        self.steps = self.steps + 1 & 0xFF

    def correct_rate(self, change):
        """Adds to the rate, as far as RATE_MAX."""
        self.update()
        self.rate = min(max(self.rate + change, -RATE_MAX), RATE_MAX)
