# What the exchanges of core/time_sync.py are worth: which reply is believed, and what the own oscillator lacks.
#
# The reply with the least round trip counts (RFC 5905): a frame that waited makes the way there and the way back
# unlike, and half of what it waited is the error of the offset. So a sample errs by half of its round trip above the
# least. One that is poor says nothing of the rate: 10 ms over a baseline of 10 s would be 1,000 ppm.
#
# The gain of the rate is that of least squares: a baseline of T seconds weighs T * T. At first the rate is known to
# 100 ppm and an offset to 0.3 ms, as if by a baseline of 3 s; a rate out of the record to 2 ppm, as if by 150 s.
from core.timescale import RATE_PPM
from micropython import const

ROUND_MAX_US = const(100_000)
LONGEST_S = const(120)       # between exchanges, once the rate is known
FIRST_S = const(4)           # between exchanges at first; doubled each time, as far as the rate is known

_POOR_US = const(1_000)      # above the least round trip: not believed while there is something better
_LONGER_US = const(20)       # by which one exchange may raise that least
_OLD_S = const(600)

_WEIGHT_UNKNOWN = const(9)
_WEIGHT_KNOWN = const(22_500)
_WEIGHT_MAX = const(43_200)  # 3 * LONGEST_S**2: what is new counts a quarter at least, for temperature
_BASELINE_MAX_S = const(4_000)
_LEARN_US = const(500_000)
_SURPRISE_US = const(1_000)  # more than two samples can err


class Filter:
    """round_us: of the best reply of this exchange, -1: none yet. s, us, flags: what that reply said; flags holds the
    corrections of its sender's time, modulo 256, and the flags proper * 256."""

    def __init__(self):
        self.round_us = -1
        self.s = self.us = self.flags = 0
        self._least_us = ROUND_MAX_US
        self._weight = _WEIGHT_UNKNOWN
        self._learned_s = None   # uptime of the newest offset that starts a baseline
        self._steps = 0          # theirs * 256 + ours, at that offset

    @property
    def rate_known(self):
        """To 2 ppm; True is also set, for a rate out of the record."""
        return self._weight >= _WEIGHT_KNOWN

    @rate_known.setter
    def rate_known(self, known):
        if known:
            self._weight = _WEIGHT_KNOWN

    def offer(self, round_us, s, us, flags):
        """A reply: kept when it is the best of this exchange. s, us: the correction, us may be any."""
        if not 0 <= self.round_us <= round_us:
            self.round_us = round_us
            self.s = s + us // 1_000_000
            self.us = us % 1_000_000
            self.flags = flags

    def believe(self, age_s):
        """At the end of an exchange. age_s: of what is known now."""
        round_us = self.round_us
        poor = round_us > self._least_us + _POOR_US and age_s < _OLD_S
        if round_us < self._least_us:
            if round_us < self._least_us - _POOR_US:
                self._learned_s = None  # the sample before was poor
            self._least_us = round_us
        else:
            self._least_us += min((round_us - self._least_us + 7) >> 3, _LONGER_US)  # the way may have become longer
        return not poor

    def learn(self, now, offset_us, scale):
        """The offset since the last correction is the rate's error, unless someone's time was stepped in between, or
        one of the two samples was poor."""
        since = self._learned_s
        steps = (self.flags & 0xFF) << 8 | scale.steps
        steady = steps == self._steps
        self._steps = steps
        self._learned_s = None
        if self.round_us > self._least_us + _POOR_US:
            return
        self._learned_s = now
        if since is None or not steady:
            return
        baseline = min(now - since, _BASELINE_MAX_S)
        if baseline <= 0 or not -_LEARN_US < offset_us < _LEARN_US:
            return
        square = baseline * baseline
        if not -_SURPRISE_US < offset_us < _SURPRISE_US and self._weight > square:
            self._weight = square  # the rate was not as well known as it seemed, or has changed
        change = offset_us * RATE_PPM // (now - since)
        scale.correct_rate(change * square // (self._weight + square))
        self._weight = min(self._weight + square, _WEIGHT_MAX)

    def stepped(self, scale):
        """Our own time was, by what the newest sample said."""
        self._steps = self._steps & 0xFF00 | scale.steps

    def longest_s(self, interval_s):
        """That interval, or what the rate is good for: 0.3 ms at most are gained or lost in the baselines of so far."""
        while interval_s > FIRST_S and interval_s * interval_s > 4 * self._weight:
            interval_s >>= 1
        return min(interval_s, LONGEST_S)
