# What CFP1 and CFP2 share on receive: the partial packets of one interface, put together by position.
#
# Fragment 0 is BEGIN. A partial packet knows the first fragment it misses (NEXT) and which of the three after that
# are there already (AHEAD), so fragments may come twice and up to three places late. A fragment that lies further on
# proves a loss: the packet is given up at once. What makes no progress expires by time.
#
# The state is a table of integers, so that what comes as it should is taken by a viper loop (reassembly_viper.py);
# every other frame goes the general way, cfp1.py and cfp2.py. A row:
#
#  word  0 KEY    of the packet on this interface, UNUSED if the row is free      4 SIZE   bytes of data and trailers
#        1 NEXT   first fragment missing                                          5 STAMP  ticks of the last progress
#        2 AHEAD  bit k: fragment NEXT + 1 + k is there                           6 EARLY  CFP1: came before BEGIN
#        3 END    index of the last fragment, UNKNOWN until it is known           7 START  of its buffer in the slab
#
# Behind the rows: the three packets completed or lost last, to know the frames that come late (RECENT: keys, then
# sizes of their first frames, then ticks; RECENT_AT: the next to be forgotten), and what the loop must know.
from micropython import const
from array import array
import time

from csp.block import copy, equal, offset
from csp.packet import DATA, FLAG_CRC32
from drivers.can_ring import FILLED, LOST, TAKEN, TOLD

PARTIALS = const(6)  # packets being put together at a time, per interface
ROW = const(8)
KEY, NEXT, AHEAD, END = const(0), const(1), const(2), const(3)
SIZE, STAMP, EARLY, START = const(4), const(5), const(6), const(7)
RECENT = const(48)  # ROW * PARTIALS
RECENT_SIZE = const(51)
RECENT_STAMP = const(54)
RECENT_AT = const(57)
LIMIT = const(58)  # bytes of a buffer
ADMIT = const(59)  # 1: packets of several frames need no CRC
VERSION = const(60)
_WORDS = const(61)
UNUSED = const(0x3FFFFFFF)
UNKNOWN = const(0xFFFF)
GENERAL, EMPTY = const(-1), const(-2)  # what `follow` returns, or the row of a packet that is whole

EXPIRY_MS = const(1000)  # libcsp's time limit of a partial packet
_STALE_MS = const(20)  # a packet that makes no progress for so long goes when its row is needed
_FLAGS = const(7)  # where the header's flags lie in the buffer
_EARLY = const(3)  # fragments that may overtake another
_RECENT = const(3)  # packets completed or lost last, to know the frames that come late
_BEGUN = const(-1)  # in place of the size of a first frame: it was not all of its packet
_LOST = const(-2)  # in its place too: that packet was given up
_RECENT_MS = const(5)  # a late frame is no further away than three frames: 4 ms at 125 kbit/s


def follow_general(row, identifier, at, fast, now):
    """In place of the viper loop: every frame goes the general way."""
    state = fast[1]
    return EMPTY if state[FILLED] == state[TAKEN] and state[LOST] == state[TOLD] else GENERAL


class Reassembler:
    """Base of the two receivers. pool: where packets come from; stats: the interface's.

    admit_no_crc: take packets of several frames that have no CRC (old peers).
    """

    version = 0

    def __init__(self, pool, stats, admit_no_crc=False):
        self.pool = pool
        self._stats = stats
        self._admit_no_crc = admit_no_crc
        self.table = array("i", [UNUSED] * _WORDS)
        self.table[RECENT_AT] = 0
        self.table[LIMIT] = DATA + pool.capacity
        self.table[ADMIT] = 1 if admit_no_crc else 0
        self.table[VERSION] = self.version
        self.packets = [None] * PARTIALS
        self.recent_begin = bytearray(8 * _RECENT)  # first frames of the packets completed last

    def fast(self, ring, interface, node):
        """What the viper loop unpacks: looking it up costs more than the work that is done with it."""
        pool = self.pool
        slab, counts = pool.slab, self._stats.counts
        facts = node.facts
        clock = time.ticks_us
        mine = (ring.frames, ring.state, self.packets, self.table, pool.packets, pool.state, slab, self.recent_begin)
        return mine + (counts, interface, node.inbox, facts, clock, node.set_flag)

    def partials(self):
        """How many packets are being put together."""
        return PARTIALS - self.packets.count(None)

    def expire(self, now):
        """Give up partial packets without progress for EXPIRY_MS; now in ticks, ms."""
        for row in range(0, ROW * PARTIALS, ROW):
            if self.table[row] != UNUSED and time.ticks_diff(now, self.table[row + STAMP]) > EXPIRY_MS:
                self._stats.expired += 1
                self._stats.rx_error += 1
                self._give_up(row)

    def complete(self, k, now):
        """The packet in row number k is whole: take it out; None if it has no CRC and needs one."""
        row = ROW * k
        packet = self.packets[k]
        packet.size = self.table[row + SIZE]
        packet.stamp = now
        self._remember(self.table[row], packet, _BEGUN, now)
        self._clear(row)
        if not packet.buffer[_FLAGS] & FLAG_CRC32 and not self._admit_no_crc:
            # eight fragments lost in a row are not visible in CFP2: only a CRC tells
            self._stats.no_crc += 1
            self._stats.rx_error += 1
            self.pool.release(packet)
            return None
        return packet

    def _find(self, key):
        """The row of this packet, or -1."""
        table = self.table
        for row in range(0, ROW * PARTIALS, ROW):
            if table[row] == key:
                return row
        return -1

    def _open(self, key, now):
        """A fresh row, or -1: then there is no buffer or no place, and that is counted."""
        table = self.table
        place = oldest = -1
        age = _STALE_MS
        for row in range(0, ROW * PARTIALS, ROW):
            if table[row] == UNUSED:
                place = row
                break
            waited = time.ticks_diff(now, table[row + STAMP])
            if table[row + NEXT] == 0:
                waited += EXPIRY_MS  # without its BEGIN, which most likely never comes: that goes first
            if waited > age:
                oldest, age = row, waited
        if place < 0:
            place = oldest
        if place < 0:
            self._stats.drop += 1
            self._stats.no_buffer += 1
            return -1
        if table[place] != UNUSED:
            self._lose(place)
        packet = self._take()
        if packet is None:
            return -1
        self.packets[place // ROW] = packet
        table[place] = key
        table[place + START] = offset(packet.buffer, self.pool.slab)
        self._restart(place, now)
        return place

    def _take(self):
        packet = self.pool.take_received()
        if packet is None:
            self._stats.drop += 1
            self._stats.no_buffer += 1
        return packet

    def _restart(self, row, now):
        table = self.table
        table[row + NEXT] = table[row + AHEAD] = table[row + EARLY] = 0
        table[row + END] = UNKNOWN
        table[row + STAMP] = now

    def _clear(self, row):
        self.table[row] = UNUSED
        self.packets[row // ROW] = None

    def _give_up(self, row):
        """Let go of a partial packet; the caller counts why."""
        packet = self.packets[row // ROW]
        self._clear(row)
        self.pool.release(packet)
        return None

    def _lose(self, row):
        """Give up a packet that misses a fragment; those still to come open no other."""
        self._stats.gap += 1
        self._stats.rx_error += 1
        self._note(self.table[row], _LOST, self.table[row + STAMP])
        return self._give_up(row)

    def _too_long(self, row):
        self._stats.too_long += 1
        self._stats.drop += 1
        return self._give_up(row)

    def _malformed(self, row=-1):
        """Count a frame that breaks the format, and give up the packet it belongs to."""
        self._stats.frame += 1
        self._stats.malformed += 1
        if row >= 0:
            self._give_up(row)
        return None

    def _place(self, row, index, at, data, start, size, now):
        """Store fragment `index`, size bytes of data from start, at `at` of the buffer; the packet if it is whole."""
        table = self.table
        step = index - table[row + NEXT]
        buffer = self.packets[row // ROW].buffer
        if step == 0:
            copy(buffer, at, data, start, size)
            return self._advance(row, index + 1, now)
        ahead = table[row + AHEAD]
        if step < 0 or step <= _EARLY and ahead >> step - 1 & 1:
            # there already: the same bytes are a duplicate, others are a fragment that the counter cannot tell apart
            if equal(buffer, at, data, start, size):
                self._stats.duplicate += 1
                return None
            return self._lose(row)
        if step > _EARLY:
            return self._lose(row)
        copy(buffer, at, data, start, size)
        table[row + AHEAD] = ahead | 1 << step - 1
        table[row + STAMP] = now
        return None

    def _advance(self, row, following, now):
        """The fragments before `following` are there: so may be some behind it."""
        table = self.table
        got = table[row + AHEAD]
        while got & 1:
            got >>= 1
            following += 1
        table[row + NEXT] = following
        table[row + AHEAD] = got >> 1
        table[row + STAMP] = now
        if table[row + END] == UNKNOWN or following <= table[row + END]:
            return None
        return self.complete(row // ROW, now)

    def _remember(self, key, packet, size, now):
        """Keep the first frame of a packet that is whole; size: its size, or _BEGUN if it was not all."""
        self._begin_of(packet, self.recent_begin, 8 * self._note(key, size, now))

    def _note(self, key, size, stamp):
        """A packet completed or lost in place of the one noted first; returns its place."""
        table = self.table
        at = table[RECENT_AT]
        table[RECENT + at] = key
        table[RECENT_SIZE + at] = size
        table[RECENT_STAMP + at] = stamp
        table[RECENT_AT] = at + 1 if at < _RECENT - 1 else 0
        return at

    def _is_recent(self, key, now):
        """Index of the packet completed or lost a moment ago under this key, or -1."""
        table = self.table
        for k in range(_RECENT):
            if table[RECENT + k] == key and time.ticks_diff(now, table[RECENT_STAMP + k]) <= _RECENT_MS:
                return k
        return -1

    def _repeats(self, key, data, size, whole, now):
        """True if this BEGIN frame began a packet that was completed a moment ago. whole: it is all of a packet."""
        k = self._is_recent(key, now)
        if k < 0 or self.table[RECENT_SIZE + k] != (size if whole else _BEGUN):
            return False
        if not equal(self.recent_begin, 8 * k, data, 0, size):
            return False
        self._stats.duplicate += 1
        return True

    def _begun(self, row, same, now):
        """A BEGIN came for a partial packet: start anew unless it is late, or a duplicate (same: its bytes are)."""
        table = self.table
        if table[row + NEXT] == 0:
            again = time.ticks_diff(now, table[row + STAMP]) > _RECENT_MS  # those fragments were of an older packet
        else:
            again = table[row + NEXT] > _EARLY + 1 or not same  # the packet counter came round
        if again:
            self._stats.gap += 1
            self._stats.rx_error += 1
            self._restart(row, now)

    def _begin_of(self, packet, into, at):
        """Write the BEGIN frame of a whole packet."""
        raise NotImplementedError

    def _stray(self, key, now):
        """Count a fragment whose packet is not here."""
        k = self._is_recent(key, now)
        if k >= 0 and self.table[RECENT_SIZE + k] != _LOST:
            self._stats.duplicate += 1
        else:
            if k >= 0:
                self.table[RECENT_STAMP + k] = now
            self._stats.frame += 1
            self._stats.stray += 1
        return None
