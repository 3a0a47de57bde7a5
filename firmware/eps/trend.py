# The trend of days: each orbit's least charge, what its loss foretells, and so low power before any threshold is met.
#
# A 3U that draws half a watt too much loses 17 % a day and shows it by no voltage until it is too late. The least
# charge of an orbit stands at the end of its eclipse, so it compares like with like from orbit to orbit.
import struct
from micropython import const

_DAY_S = const(86_400)

#  byte   type  field            record "trend"; n = TREND_ORBITS
#   0     u8    falling          0, or 1 + orbits since it was found
#   1     u8    orbits kept
#   2     u16   seconds of this orbit so far
#   4     u16   least charge of this orbit so far, 0.01 %
#   6     u16   goal             least charge of an orbit that ends the falling
#   8     u16   least charge of each orbit kept, n + 1 of them, the newest first


class Trend:
    """falling: low power is called for. least: of the last whole orbit, 0.01 %. per_day: 0.1 %. None when not known."""

    def __init__(self, parts):
        self._orbit_s = parts.ORBIT_S
        self._span = parts.TREND_ORBITS
        self._loss = parts.TREND_LOSS_PERCENT * 100
        self._rest = parts.TREND_REST_ORBITS
        self._horizon_s = parts.TREND_HORIZON_DAYS * _DAY_S
        self._safe = parts.LEVELS[1][2] * 100
        self._orbits = [0] * (self._span + 1)
        self._kept = 0
        self._ms = 0
        self._seconds = 0
        self._lowest = 10_000
        self._goal = 0
        self._since = 0
        self.falling = False

    @property
    def least(self):
        return self._orbits[0] if self._kept else None

    @property
    def per_day(self):
        if self._kept < 2:
            return None
        return (self._orbits[0] - self._orbits[self._kept - 1]) * _DAY_S // ((self._kept - 1) * self._orbit_s) // 10

    def update(self, soc, passed_ms):
        """Charge in 0.01 %, None when not known; ms since the last."""
        self._ms += passed_ms
        self._seconds += self._ms // 1000
        self._ms %= 1000
        if soc is not None and soc < self._lowest:
            self._lowest = soc
        if self._seconds >= self._orbit_s:
            self._seconds = 0
            if soc is not None:
                self._keep(self._lowest)
                self._lowest = soc

    def _keep(self, least):
        orbits = self._orbits
        for k in range(self._span, 0, -1):
            orbits[k] = orbits[k - 1]
        orbits[0] = least
        self._kept = min(self._kept + 1, self._span + 1)
        full = self._kept > self._span
        loss = orbits[self._span] - least
        if self.falling:
            self._since = min(self._since + 1, 250)
            # the loss made good, or a day in which it did not go on: what the shed loads won is theirs again
            if least >= self._goal or (full and loss <= 0 and self._since >= self._rest):
                self.falling = False
                self._kept = 1
        elif full and loss >= self._loss:
            # loss in _span orbits; at this pace the safe level comes in (least - safe) / loss of them
            left_s = max(least - self._safe, 0) * self._span // loss * self._orbit_s
            if left_s < self._horizon_s:
                self.falling = True
                self._since = 0
                self._goal = orbits[self._span]
                self._kept = 1  # judge the pace without those loads by orbits without them

    def size(self):
        return 8 + 2 * len(self._orbits)

    def pack_into(self, buffer, offset):
        falling = 1 + self._since if self.falling else 0
        struct.pack_into(">BBHHH", buffer, offset, falling, self._kept, self._seconds, self._lowest, self._goal)
        for k, least in enumerate(self._orbits):
            struct.pack_into(">H", buffer, offset + 8 + 2 * k, least)

    def unpack_from(self, buffer, offset):
        falling, kept, seconds, lowest, goal = struct.unpack_from(">BBHHH", buffer, offset)
        if kept > len(self._orbits) or lowest > 10_000 or goal > 10_000:
            return
        self.falling = falling > 0
        self._since = max(falling - 1, 0)
        self._goal = goal
        self._kept = kept
        self._seconds = seconds
        self._lowest = lowest
        for k in range(len(self._orbits)):
            self._orbits[k] = struct.unpack_from(">H", buffer, offset + 8 + 2 * k)[0]
