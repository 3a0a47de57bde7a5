# The ships heard: one entry per MMSI, the longest unheard gives way when the table is full.
#
# 32 bytes an entry in arrays made once:
#   mmsi, lon, lat, seen (s)                      4 x 4
#   speed 10 bits | count 6 (up to 63)            2
#   course                                        2
#   heading 9 | status 4 | class 2 | unsent 1     2
#   static: check of name part | of other part    2
#   sent (minutes + 1, 0 = never, modulo 65,535)  2
#   newer, older, next of its hash chain          3 x 2
# Units and "not available" are those of sensor/ais.py's position().
from array import array
from binascii import crc32

from micropython import const

from sensor import ais, records

SIZE = const(512)        # ships
RESEND_S = const(120)    # a ship heard again is told again this long after the last time, unless it is set
STATIC_QUEUE = const(16)  # static records waiting to be sent
_NONE = const(0xFFFF)
_CHAINS = const(256)
_UNSENT = const(0x8000)
_MMSI_MAX = const(999999999)


class Ships:
    """The table. Times are whole seconds that never go backwards (the board's uptime).

    count: ships in it. unsent: those whose newest report is not told yet. evicted: how many gave way, evicted_unsent:
    of them those with something untold. refused: messages of an impossible MMSI. static_dropped: static records
    without room in the queue.
    """

    def __init__(self, size=SIZE):
        self.size = size
        self._mmsi = array("I", (0 for _ in range(size)))
        self._lon = array("i", (0 for _ in range(size)))
        self._lat = array("i", (0 for _ in range(size)))
        self._seen = array("I", (0 for _ in range(size)))
        self._speed = array("H", (0 for _ in range(size)))
        self._course = array("H", (0 for _ in range(size)))
        self._heading = array("H", (0 for _ in range(size)))
        self._static = array("H", (0 for _ in range(size)))
        self._sent = array("H", (0 for _ in range(size)))
        self._newer = array("H", (_NONE for _ in range(size)))
        self._older = array("H", (_NONE for _ in range(size)))
        self._next = array("H", (_NONE for _ in range(size)))
        self._chains = array("H", (_NONE for _ in range(_CHAINS)))
        self._newest = _NONE
        self._oldest = _NONE
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
        ship = self._enter(report[ais.MMSI], report[ais.CLASS], now_s)
        if ship == _NONE:
            return
        known = self._lon[ship] != ais.NO_LON and self._lat[ship] != ais.NO_LAT
        if known and (report[ais.LON] == ais.NO_LON or report[ais.LAT] == ais.NO_LAT):
            return  # an older position beats none
        count = self._speed[ship] & 63
        if count < 63:
            count += 1
        self._seen[ship] = now_s
        self._lon[ship] = report[ais.LON]
        self._lat[ship] = report[ais.LAT]
        self._speed[ship] = report[ais.SPEED] << 6 | count
        self._course[ship] = report[ais.COURSE]
        if not self._heading[ship] & _UNSENT:
            self.unsent += 1
        self._heading[ship] = _UNSENT | report[ais.HEADING] << 6 | report[ais.STATUS] << 2 | report[ais.CLASS]

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
            state = self._heading[ship]
            if state & _UNSENT and self._due(ship, now_s):
                records.pack_position(
                    buffer, at, self._mmsi[ship], state & 3, self._lon[ship], self._lat[ship], self._speed[ship] >> 6,
                    self._course[ship], state >> 6 & 511, state >> 2 & 15, now_s - self._seen[ship],
                )
                at += records.POSITION_SIZE
                taken += 1
                self._heading[ship] = state & 0x7FFF
                self._sent[ship] = now_s // 60 % 65535 + 1
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
        state = self._heading[ship]
        return {
            "mmsi": mmsi, "lon": self._lon[ship], "lat": self._lat[ship], "speed": self._speed[ship] >> 6,
            "course": self._course[ship], "heading": state >> 6 & 511, "status": state >> 2 & 15, "class": state & 3,
            "seen": self._seen[ship], "count": self._speed[ship] & 63,
        }

    def _due(self, ship, now_s):
        sent = self._sent[ship]
        return not sent or (now_s // 60 - sent + 1) % 65535 * 60 >= self.resend_s

    def _find(self, mmsi):
        ship = self._chains[_chain(mmsi)]
        while ship != _NONE and self._mmsi[ship] != mmsi:
            ship = self._next[ship]
        return ship

    def _enter(self, mmsi, ship_class, now_s):
        """The ship's entry, made when it is new, now the newest; _NONE when there is no such MMSI."""
        if not 0 < mmsi <= _MMSI_MAX:
            self.refused += 1
            return _NONE
        ship = self._find(mmsi)
        if ship == self._newest and ship != _NONE:
            return ship
        if ship != _NONE:
            self._unlink(ship)
        else:
            if self.count < self.size:
                ship = self.count
                self.count += 1
            else:
                ship = self._evict()
            self._mmsi[ship] = mmsi
            self._lon[ship] = ais.NO_LON
            self._lat[ship] = ais.NO_LAT
            self._seen[ship] = now_s
            self._speed[ship] = ais.NO_SPEED << 6
            self._course[ship] = ais.NO_COURSE
            self._heading[ship] = ais.NO_HEADING << 6 | ais.NO_STATUS << 2 | ship_class
            self._static[ship] = 0
            self._sent[ship] = 0
            chain = _chain(mmsi)
            self._next[ship] = self._chains[chain]
            self._chains[chain] = ship
        self._older[ship] = self._newest
        self._newer[ship] = _NONE
        if self._newest != _NONE:
            self._newer[self._newest] = ship
        else:
            self._oldest = ship
        self._newest = ship
        return ship

    def _unlink(self, ship):
        newer = self._newer[ship]
        older = self._older[ship]
        if newer != _NONE:
            self._older[newer] = older
        else:
            self._newest = older
        if older != _NONE:
            self._newer[older] = newer
        else:
            self._oldest = newer

    def _evict(self):
        ship = self._oldest
        self._unlink(ship)
        chain = _chain(self._mmsi[ship])
        at = self._chains[chain]
        if at == ship:
            self._chains[chain] = self._next[ship]
        else:
            while self._next[at] != ship:
                at = self._next[at]
            self._next[at] = self._next[ship]
        self.evicted += 1
        if self._heading[ship] & _UNSENT:
            self.evicted_unsent += 1
            self.unsent -= 1
        return ship


def _chain(mmsi):
    return (mmsi ^ mmsi >> 8 ^ mmsi >> 17) & _CHAINS - 1
