# The ships heard: one entry per MMSI, the one whose newest report is the oldest gives way when the table is full.
#
# 22 bytes an entry in arrays made once; each value is a small integer on a 32-bit board:
#   mmsi                                          4
#   lon 28 bits, signed | class 2                 4
#   lat                                           4
#   unsent 1 | speed 10 | heading 9 | sent 10     4
#     sent: minutes + 1, modulo 1,023; 0 = never
#   seen: seconds after a time that moves on      2
#   course 12 | status 4                          2
#   static: check of name part | of other part    2
# Units and "not available" are those of sensor/ais.py's position().
from array import array
from binascii import crc32

import micropython
from micropython import const

from sensor import ais, records

_SIZE = const(512)       # ships
RESEND_S = const(120)    # a ship heard again is told again this long after the last time, unless it is set
STATIC_QUEUE = const(16)  # static records waiting to be sent
_PLACES = const(17)      # for them, and for the one that comes
_NONE = const(-1)
_UNSENT = const(1 << 29)
_SPEED = const(19)       # first bits of the state
_HEADING = const(10)
_SENT = const(1023)      # its bits
_MINUTES = const(1023)   # much more than the hour of the longest resend_s
_MMSI_MAX = const(999999999)
_SEEN_MOST = const(0xFFFF)  # seconds, 18 hours; what was heard longer ago than half of it counts as equally old


class Ships:
    """The table. Times are whole seconds that never go backwards (the board's uptime).

    count: ships in it. unsent: those whose newest report is not told yet. evicted: how many gave way, evicted_unsent:
    of them those with something untold. refused: messages of an impossible MMSI. static_dropped: static records
    without room in the queue.
    """

    def __init__(self, size=_SIZE):
        self.size = size
        self._mmsi = array("I", (0 for _ in range(size)))
        self._lon = array("i", (0 for _ in range(size)))
        self._lat = array("i", (0 for _ in range(size)))
        self._seen = array("H", (0 for _ in range(size)))
        self._since = 0  # what `seen` counts from
        self._state = array("I", (0 for _ in range(size)))
        self._course = array("H", (0 for _ in range(size)))
        self._static = array("H", (0 for _ in range(size)))
        self._cursor = 0
        self.resend_s = RESEND_S  # a ship heard again is told again this long after the last time, in whole minutes
        self._queue = memoryview(bytearray(_PLACES * records.STATIC_SIZE))
        self._queue_from = 0
        self.static_waiting = 0
        self.count = 0
        self.unsent = 0
        self.evicted = 0
        self.evicted_unsent = 0
        self.refused = 0
        self.static_dropped = 0

    def position(self, report, now_s):
        """A report as ais.position() fills it. Nothing is allocated."""
        mmsi, lon, lat, speed, course, heading, status, ship_class = report
        passed = self._passed(now_s)
        ship = self._enter(mmsi, ship_class, passed)
        if ship == _NONE:
            return
        if lon == ais.NO_LON or lat == ais.NO_LAT:
            if self._lon[ship] >> 2 != ais.NO_LON and self._lat[ship] != ais.NO_LAT:
                return  # an older position beats none
        self._seen[ship] = passed
        self._lon[ship] = lon << 2 | ship_class
        self._lat[ship] = lat
        self._course[ship] = course << 4 | status
        state = self._state[ship]
        if not state & _UNSENT:
            self.unsent += 1
        self._state[ship] = _UNSENT | speed << _SPEED | heading << _HEADING | state & _SENT

    def static(self, sixes, bits, now_s):
        """A message of type 5, 19 or 24: queued to be told unless it was told before. ValueError: too short."""
        at = (self._queue_from + self.static_waiting) % _PLACES * records.STATIC_SIZE
        record = self._queue[at : at + records.STATIC_SIZE]
        records.pack_static(record, 0, sixes, bits)
        kind = sixes[0]
        ship_class = ais.CLASS_A if kind == 5 else ais.CLASS_B
        ship = self._enter(ais.unsigned(sixes, 8, 30), ship_class, self._passed(now_s))
        if ship == _NONE:
            return
        check = crc32(record) % 255 + 1
        shift = 0 if record[4] & records.NAME else 8  # type 24 tells the rest in its part B
        if self._static[ship] >> shift & 255 == check:
            return
        if self.static_waiting == STATIC_QUEUE:
            self.static_dropped += 1  # its check is not kept: it is told when heard again
            return
        self.static_waiting += 1
        self._static[ship] = self._static[ship] & (0xFF00 >> shift) | check << shift

    def take_positions(self, buffer, at, most, now_s):
        """Up to `most` position records that are due, into buffer[at:]. Returns how many."""
        taken = 0
        passed = self._passed(now_s)
        ship = self._cursor
        for _ in range(self.count):
            if taken == most or not self.unsent:
                break
            if ship >= self.count:
                ship = 0
            state = self._state[ship]
            if state & _UNSENT and self._due(state & _SENT, now_s):
                lon, course = self._lon[ship], self._course[ship]
                records.pack_position(
                    buffer, at, self._mmsi[ship], lon & 3, lon >> 2, self._lat[ship], state >> _SPEED & 1023,
                    course >> 4, state >> _HEADING & 511, course & 15, passed - self._seen[ship],
                )
                at += records.POSITION_SIZE
                taken += 1
                self._state[ship] = state & ~(_UNSENT | _SENT) | now_s // 60 % _MINUTES + 1
                self.unsent -= 1
            ship += 1
        self._cursor = ship
        return taken

    def take_static(self, buffer, at, most):
        """Up to `most` static records into buffer[at:]. Returns how many."""
        taken = 0
        size = records.STATIC_SIZE
        while taken < most and self.static_waiting:
            first = self._queue_from * size
            for i in range(size):
                buffer[at + i] = self._queue[first + i]
            self._queue_from = (self._queue_from + 1) % _PLACES
            self.static_waiting -= 1
            at += size
            taken += 1
        return taken

    def get(self, mmsi):
        """A dict of one ship in ais.position()'s units, or None. For checks; it allocates."""
        ship = self._find(mmsi)
        if ship == _NONE:
            return None
        lon, course, state = self._lon[ship], self._course[ship], self._state[ship]
        return {
            "mmsi": mmsi, "lon": lon >> 2, "lat": self._lat[ship], "speed": state >> _SPEED & 1023,
            "course": course >> 4, "heading": state >> _HEADING & 511, "status": course & 15, "class": lon & 3,
            "seen": self._since + self._seen[ship],
        }

    def _due(self, sent, now_s):
        return not sent or (now_s // 60 - sent + 1) % _MINUTES * 60 >= self.resend_s

    def _find(self, mmsi):
        return place(self._mmsi, self.count, mmsi)

    def _passed(self, now_s):
        """Seconds after _since, as `seen` keeps them; _since moves on when they no longer fit."""
        passed = now_s - self._since
        if passed > _SEEN_MOST:
            by = passed - _SEEN_MOST // 2
            self._since += by
            for ship in range(self.count):
                self._seen[ship] = max(0, self._seen[ship] - by)
            passed -= by
        return passed

    def _enter(self, mmsi, ship_class, passed):
        """The ship's entry, made when it is new; _NONE when there is no such MMSI."""
        if not 0 < mmsi <= _MMSI_MAX:
            self.refused += 1
            return _NONE
        ship = self._find(mmsi)
        if ship == _NONE:
            if self.count < self.size:
                ship = self.count
                self.count += 1
            else:
                ship = self._evict()
            self._mmsi[ship] = mmsi
            self._lon[ship] = ais.NO_LON << 2 | ship_class
            self._lat[ship] = ais.NO_LAT
            self._seen[ship] = passed
            self._state[ship] = ais.NO_SPEED << _SPEED | ais.NO_HEADING << _HEADING
            self._course[ship] = ais.NO_COURSE << 4 | ais.NO_STATUS
            self._static[ship] = 0
        return ship

    def _evict(self):
        ship = oldest(self._seen, _SEEN_MOST + 1, self.count)
        self.evicted += 1
        if self._state[ship] & _UNSENT:
            self.evicted_unsent += 1
            self.unsent -= 1
        return ship


@micropython.viper
def place(values, count: int, wanted: int) -> int:
    """Index of the first of the first `count` that is `wanted`, -1: none. 512 take 60 us on an RP2040.

    No index is an argument: see oldest().
    """
    at = ptr32(values)
    k = 0
    while k < count:
        if at[k] == wanted:
            return k
        k += 1
    return -1


@micropython.viper
def oldest(seen, least: int, count: int) -> int:
    """Index of the least of the first `count`, as list.index(min()). least: more than any is.

    `least` is changed since viper keeps arguments in registers. An index must not be one: for ARMv6-M MicroPython
    1.26 shifts the index of ptr16 and ptr32 in the register in which it finds it.
    """
    at = ptr16(seen)
    found = 0
    k = 0
    while k < count:
        if at[k] < least:
            least = at[k]
            found = k
        k += 1
    return found
