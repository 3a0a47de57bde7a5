# What CFP1 and CFP2 share on receive: the partial packets of one interface, put together by position.
#
# Fragment 0 is BEGIN. A partial packet knows the first fragment it misses (`next`) and which of the three after
# that are there already (`ahead`), so fragments may come twice and up to three places late. A fragment that lies
# further on proves a loss: the packet is given up at once. What makes no progress expires by time.
from micropython import const
import time

from csp.block import copy, equal

PARTIALS = const(6)  # packets being put together at a time, per interface
EXPIRY_MS = const(1000)  # libcsp's time limit of a partial packet
_EARLY = 3  # fragments that may overtake their packet's BEGIN
_RECENT = const(3)  # completed packets remembered, to know late duplicates of their frames
_LOST = const(-2)  # in place of the size of a first frame: that packet was given up
_RECENT_MS = const(5)  # a duplicate is no further away than three frames: 4 ms at 125 kbit/s


class Partial:
    """One packet being put together."""

    def __init__(self):
        self.key = -1  # -1: unused
        self.packet = None
        self.next = 0  # first fragment missing
        self.ahead = 0  # bit k: fragment next + 1 + k is there
        self.end = -1  # index of the last fragment, -1 while unknown
        self.size = 0  # bytes of data and trailers, once known
        self.stamp = 0  # ticks of the last progress, ms
        self.early = 0  # CFP1: fragments that came before BEGIN


class Reassembler:
    """Base of the two receivers. pool: where packets come from; stats: the interface's.

    admit_no_crc: take packets of several frames that have no CRC (old peers).
    """

    def __init__(self, pool, stats, admit_no_crc=False):
        self._pool = pool
        self._stats = stats
        self._admit_no_crc = admit_no_crc
        self._partials = [Partial() for _ in range(PARTIALS)]
        self._recent = [-1] * _RECENT  # keys of the packets completed last
        self._recent_begin = [bytearray(8) for _ in range(_RECENT)]  # their first frames
        self._recent_size = [0] * _RECENT
        self._recent_stamp = [0] * _RECENT
        self._recent_at = 0

    def partials(self):
        """How many packets are being put together."""
        count = 0
        for partial in self._partials:
            if partial.key >= 0:
                count += 1
        return count

    def expire(self, now):
        """Give up partial packets without progress for EXPIRY_MS; now in ticks, ms."""
        for partial in self._partials:
            if partial.key >= 0 and time.ticks_diff(now, partial.stamp) > EXPIRY_MS:
                self._stats.expired += 1
                self._stats.rx_error += 1
                self._give_up(partial)

    def _find(self, key):
        for partial in self._partials:
            if partial.key == key:
                return partial
        return None

    def _open(self, key, now):
        """A fresh partial packet, or None: then there is no buffer or no place, and that is counted."""
        place = None
        for partial in self._partials:
            if partial.key < 0:
                place = partial
                break
            # without a free place, one goes that has no BEGIN yet: most likely it never comes
            if partial.next == 0 and (place is None or time.ticks_diff(place.stamp, partial.stamp) > 0):
                place = partial
        if place is None:
            self._stats.drop += 1
            self._stats.no_buffer += 1
            return None
        if place.key >= 0:
            self._lose(place)
        packet = self._take()
        if packet is None:
            return None
        place.packet = packet
        place.key = key
        self._restart(place, now)
        return place

    def _take(self):
        packet = self._pool.take_received()
        if packet is None:
            self._stats.drop += 1
            self._stats.no_buffer += 1
        return packet

    def _restart(self, partial, now):
        partial.next = partial.ahead = partial.early = 0
        partial.end = -1
        partial.stamp = now

    def _give_up(self, partial):
        """Let go of a partial packet; the caller counts why."""
        partial.key = -1
        self._pool.release(partial.packet)
        partial.packet = None
        return None

    def _lose(self, partial):
        """Give up a packet that misses a fragment; those still to come open no other."""
        self._stats.gap += 1
        self._stats.rx_error += 1
        at = self._recent_at
        self._recent[at] = partial.key
        self._recent_size[at] = _LOST
        self._recent_stamp[at] = partial.stamp
        self._recent_at = at + 1 if at < _RECENT - 1 else 0
        return self._give_up(partial)

    def _too_long(self, partial):
        self._stats.too_long += 1
        self._stats.drop += 1
        return self._give_up(partial)

    def _without_crc(self, packet):
        self._stats.no_crc += 1
        self._stats.rx_error += 1
        self._pool.release(packet)
        return None

    def _malformed(self, partial=None):
        """Count a frame that breaks the format, and give up the packet it belongs to."""
        self._stats.frame += 1
        self._stats.malformed += 1
        if partial is not None:
            self._give_up(partial)
        return None

    def _place(self, partial, index, at, data, start, size, now):
        """Store fragment `index`, size bytes of data from start, at `at` of the buffer; the packet if it is whole."""
        step = index - partial.next
        buffer = partial.packet.buffer
        if step == 0:
            copy(buffer, at, data, start, size)
            got = partial.ahead
            index += 1
            while got & 1:
                got >>= 1
                index += 1
            partial.next = index
            partial.ahead = got >> 1
            partial.stamp = now
            if partial.end < 0 or index <= partial.end:
                return None
            return self._complete(partial, now)
        if step < 0 or step <= _EARLY and partial.ahead >> step - 1 & 1:
            # there already: the same bytes are a duplicate, others are a fragment that the counter cannot tell apart
            if equal(buffer, at, data, start, size):
                self._stats.duplicate += 1
                return None
            return self._lose(partial)
        if step > _EARLY:
            return self._lose(partial)
        copy(buffer, at, data, start, size)
        partial.ahead |= 1 << step - 1
        partial.stamp = now
        return None

    def _complete(self, partial, now):
        packet = partial.packet
        packet.size = partial.size
        packet.frames = partial.end + 1
        packet.stamp = now
        self._remember(partial.key, packet, 8, now)
        partial.key = -1
        partial.packet = None
        return packet

    def _remember(self, key, packet, size, now):
        """Keep the first frame, of size bytes, of a packet that is whole."""
        at = self._recent_at
        self._recent[at] = key
        self._recent_size[at] = size if packet.frames == 1 else -1  # a frame that is all of a packet is no BEGIN
        self._recent_stamp[at] = now
        self._begin_of(packet, self._recent_begin[at])
        self._recent_at = at + 1 if at < _RECENT - 1 else 0

    def _is_recent(self, key, now):
        """Index of the packet completed a moment ago under this key, or -1."""
        for k in range(_RECENT):
            if self._recent[k] == key and time.ticks_diff(now, self._recent_stamp[k]) <= _RECENT_MS:
                return k
        return -1

    def _repeats(self, key, data, size, whole, now):
        """True if this BEGIN frame began a packet that was completed a moment ago. whole: it is all of a packet."""
        k = self._is_recent(key, now)
        if k < 0 or self._recent_size[k] != (size if whole else -1):
            return False
        if not equal(self._recent_begin[k], 0, data, 0, size):
            return False
        self._stats.duplicate += 1
        return True

    def _begun(self, partial, same, now):
        """A BEGIN came for a partial packet: start anew unless it is late, or a duplicate (same: its bytes are)."""
        if partial.next == 0:
            again = time.ticks_diff(now, partial.stamp) > _RECENT_MS  # those fragments were of an older packet
        else:
            again = partial.next > _EARLY + 1 or not same  # the packet counter came round
        if again:
            self._stats.gap += 1
            self._stats.rx_error += 1
            self._restart(partial, now)

    def _begin_of(self, packet, begin):
        """Write the BEGIN frame of a whole packet."""
        raise NotImplementedError

    def _stray(self, key, now):
        """Count a fragment whose packet is not here."""
        k = self._is_recent(key, now)
        if k >= 0 and self._recent_size[k] != _LOST:
            self._stats.duplicate += 1
        else:
            if k >= 0:
                self._recent_stamp[k] = now
            self._stats.frame += 1
            self._stats.stray += 1
        return None
