# The ships heard: one entry per MMSI, the one whose newest report is the oldest gives way when the table is full.
#
# 26 bytes an entry in arrays made once; each value is a small integer on a 32-bit board:
#   mmsi                                          4
#   lon 28 bits, signed | class 2                 4
#   lat                                           4
#   seen (s)                                      4
#   unsent 1 | heading 9 | sent 10 | next 10      4
#     sent: minutes + 1, modulo 1,023; 0 = never. next: of its hash chain
#   speed 10 bits | count 6 (up to 63)            2
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
_NONE = const(1023)
_CHAINS = const(256)
_UNSENT = const(1 << 29)
_HEADING = const(20)     # first bits of the state
_SENT = const(10)
_MINUTES = const(1023)   # much more than the hour of the longest resend_s
_MMSI_MAX = const(999999999)
_LATEST = const(0x3FFFFFFF)  # seconds


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
        self._seen = array("I", (0 for _ in range(size)))
        self._state = array("I", (0 for _ in range(size)))
        self._speed = array("H", (0 for _ in range(size)))
        self._course = array("H", (0 for _ in range(size)))
        self._static = array("H", (0 for _ in range(size)))
        self._chains = array("H", (_NONE for _ in range(_CHAINS)))
        self._cursor = 0
        self.resend_s = RESEND_S  # a ship heard again is told again this long after the last time, in whole minutes
        self._queue = bytearray(STATIC_QUEUE * records.STATIC_SIZE)
        self._queue_view = memoryview(self._queue)
        self._scratch = bytearray(records.STATIC_SIZE)
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
        ship = self._enter(mmsi, ship_class, now_s)
        if ship == _NONE:
            return
        if lon == ais.NO_LON or lat == ais.NO_LAT:
            if self._lon[ship] >> 2 != ais.NO_LON and self._lat[ship] != ais.NO_LAT:
                return  # an older position beats none
        count = self._speed[ship] & 63
        if count < 63:
            count += 1
        self._seen[ship] = now_s
        self._lon[ship] = lon << 2 | ship_class
        self._lat[ship] = lat
        self._speed[ship] = speed << 6 | count
        self._course[ship] = course << 4 | status
        state = self._state[ship]
        if not state & _UNSENT:
            self.unsent += 1
        self._state[ship] = _UNSENT | heading << _HEADING | state & (1 << _HEADING) - 1

    def static(self, sixes, bits, now_s):
        """A message of type 5, 19 or 24: queued to be told unless it was told before. ValueError: too short."""
        scratch = self._scratch
        records.pack_static(scratch, 0, sixes, bits)
        kind = sixes[0]
        ship = self._enter(ais.unsigned(sixes, 8, 30), ais.CLASS_A if kind == 5 else ais.CLASS_B, now_s)
        if ship == _NONE:
            return
        check = crc32(scratch) % 255 + 1
        shift = 0 if scratch[4] & records.NAME else 8  # type 24 tells the rest in its part B
        if self._static[ship] >> shift & 255 == check:
            return
        if self.static_waiting == STATIC_QUEUE:
            self.static_dropped += 1  # its check is not kept: it is told when heard again
            return
        at = (self._queue_from + self.static_waiting) % STATIC_QUEUE * records.STATIC_SIZE
        self._queue_view[at : at + records.STATIC_SIZE] = scratch
        self.static_waiting += 1
        self._static[ship] = self._static[ship] & (0xFF00 >> shift) | check << shift

    def take_positions(self, buffer, at, most, now_s):
        """Up to `most` position records that are due, into buffer[at:]. Returns how many."""
        taken = 0
        ship = self._cursor
        for _ in range(self.count):
            if taken == most or not self.unsent:
                break
            if ship >= self.count:
                ship = 0
            state = self._state[ship]
            if state & _UNSENT and self._due(state >> _SENT & 1023, now_s):
                lon, course = self._lon[ship], self._course[ship]
                records.pack_position(
                    buffer, at, self._mmsi[ship], lon & 3, lon >> 2, self._lat[ship], self._speed[ship] >> 6,
                    course >> 4, state >> _HEADING & 511, course & 15, now_s - self._seen[ship],
                )
                at += records.POSITION_SIZE
                taken += 1
                minute = now_s // 60 % _MINUTES + 1
                self._state[ship] = state & (511 << _HEADING | 1023) | minute << _SENT
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
            self._queue_from = (self._queue_from + 1) % STATIC_QUEUE
            self.static_waiting -= 1
            at += size
            taken += 1
        return taken

    def get(self, mmsi):
        """A dict of one ship in ais.position()'s units, or None. For checks; it allocates."""
        ship = self._find(mmsi)
        if ship == _NONE:
            return None
        lon, course = self._lon[ship], self._course[ship]
        return {
            "mmsi": mmsi, "lon": lon >> 2, "lat": self._lat[ship], "speed": self._speed[ship] >> 6,
            "course": course >> 4, "heading": self._state[ship] >> _HEADING & 511, "status": course & 15,
            "class": lon & 3, "seen": self._seen[ship], "count": self._speed[ship] & 63,
        }

    def _due(self, sent, now_s):
        return not sent or (now_s // 60 - sent + 1) % _MINUTES * 60 >= self.resend_s

    def _find(self, mmsi):
        ship = self._chains[_chain(mmsi)]
        while ship != _NONE and self._mmsi[ship] != mmsi:
            ship = self._state[ship] & _NONE
        return ship

    def _enter(self, mmsi, ship_class, now_s):
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
            chain = _chain(mmsi)
            self._mmsi[ship] = mmsi
            self._lon[ship] = ais.NO_LON << 2 | ship_class
            self._lat[ship] = ais.NO_LAT
            self._seen[ship] = now_s
            self._state[ship] = ais.NO_HEADING << _HEADING | self._chains[chain]
            self._speed[ship] = ais.NO_SPEED << 6
            self._course[ship] = ais.NO_COURSE << 4 | ais.NO_STATUS
            self._static[ship] = 0
            self._chains[chain] = ship
        return ship

    def _evict(self):
        ship = oldest(self._seen, _LATEST, self.count)
        state = self._state[ship]
        chain = _chain(self._mmsi[ship])
        at = self._chains[chain]
        if at == ship:
            self._chains[chain] = state & _NONE
        else:
            while self._state[at] & _NONE != ship:
                at = self._state[at] & _NONE
            self._state[at] = self._state[at] & ~_NONE | state & _NONE
        self.evicted += 1
        if state & _UNSENT:
            self.evicted_unsent += 1
            self.unsent -= 1
        return ship


@micropython.viper
def oldest(seen, least: int, count: int) -> int:
    """Index of the least of the first `count`, as list.index(min()). least: as much as any may be.

    `least` is changed since viper keeps arguments in registers. An index must not be one: for ARMv6-M MicroPython
    1.26 shifts the index of ptr16 and ptr32 in the register in which it finds it.
    """
    at = ptr32(seen)
    found = 0
    k = 0
    while k < count:
        if at[k] < least:
            least = at[k]
            found = k
        k += 1
    return found


def _chain(mmsi):
    return (mmsi ^ mmsi >> 8 ^ mmsi >> 17) & _CHAINS - 1
