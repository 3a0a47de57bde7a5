# NMEA 0183 sentences that carry AIS (IEC 61162-1, encapsulation sentences), framed from UART bytes.
#
#  !AIVDM,<total>,<number>,<sequence>,<channel>,<payload>,<fill>*<checksum>\r\n
#    talker     two letters (AI AB AD AN AR AS AT AX BS SA ...), then VDM (heard) or VDO (own ship)
#    total      1..9 sentences of this message; number 1..total
#    sequence   0..9, the same for every sentence of one message; empty when total is 1
#    channel    A or B (also 1 or 2), may be empty
#    payload    6 bits a character: c - 48, minus 8 more if above 40 (ITU-R M.1371 Annex 8, IEC 61162-1 table)
#    fill       0..5 bits to drop at the end of the last character
#    checksum   two hex digits: XOR of everything between "!" and "*"
#
# A tag block (\...\ before the sentence) is skipped. All buffers are made once; no allocation per byte.
from array import array

import micropython
from micropython import const

from sensor.drops import ARMOUR, CHECKSUM, EXPIRED, FORMAT, GARBAGE, INCOMPLETE, ORPHAN, REASONS, TOO_LONG

LINE_MAX = const(128)     # characters; the standard says 82, receivers that do not split send up to 100
MESSAGE_MAX = const(200)  # characters of one message: five slots are 1,064 bits, 178 characters
JOIN_MS = const(4000)     # a receiver sends the sentences of a message back to back
_SLOTS = const(4)         # messages being joined at a time
_KEPT = const(72)         # characters of one that are kept: type 5 has 424 bits, longer types are only counted

# Six bits of each payload character; 255 = not a payload character. A constant, which stays in flash.
_SIX = b"\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\
\x20\x21\x22\x23\x24\x25\x26\x27\xff\xff\xff\xff\xff\xff\xff\xff\
\x28\x29\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\x34\x35\x36\x37\
\x38\x39\x3a\x3b\x3c\x3d\x3e\x3f\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
"


class _Slot:
    """A message of several sentences, being joined."""

    def __init__(self):
        self.total = 0  # sentences; 0 = free
        self.next = 0   # number of the sentence it waits for
        self.key = 0    # sequence and channel
        self.since = 0  # ms, when its last sentence came
        self.count = 0  # characters so far
        self.sixes = bytearray(_KEPT)


class Receiver:
    """Bytes in, AIS messages out.

    on_message(sixes, bits, channel, own): called for each whole message; sixes holds six bits a byte, the first 424
    bits at least, and is used again afterwards; channel is the character's code or 0; own is True for !..VDO.
    dropped: what was dropped, by reason. sentences, messages: how many were good.
    """

    def __init__(self, on_message):
        self._on_message = on_message
        self._line = bytearray(LINE_MAX)
        self._count = 0      # characters in the line
        self._xor = 0        # of all of them
        self._started = False  # the line began with "!"
        self._tag = False    # inside a tag block
        self._slots = tuple(_Slot() for _ in range(_SLOTS))
        self._joining = 0    # slots in use
        self.dropped = array("I", (0 for _ in REASONS))
        self.sentences = 0
        self.messages = 0
        self.own = 0         # messages of !..VDO

    def feed(self, data, count, now_ms):
        """The first `count` bytes of data, received at now_ms (ticks in milliseconds, modulo 2^30)."""
        line = self._line
        n = self._count
        xor = self._xor
        started = self._started
        for i in range(count):
            c = data[i]
            if c == 33:  # "!" begins a sentence wherever it stands
                if n and not (self._tag and not started and line[n - 1] == 92):
                    self.dropped[GARBAGE] += 1
                line[0] = c
                n = 1
                xor = 0
                started = True
            elif c == 10 or c == 13:
                if n:
                    if started:
                        self._sentence(n, xor, now_ms)
                    else:
                        self.dropped[GARBAGE] += 1
                    n = 0
                    started = False
                self._tag = False
            elif n < LINE_MAX:
                if n == 0:
                    self._tag = c == 92  # a backslash
                line[n] = c
                xor ^= c
                n += 1
            else:
                self.dropped[TOO_LONG if started else GARBAGE] += 1
                n = 0
                started = self._tag = False
        self._count = n
        self._xor = xor
        self._started = started

    def expire(self, now_ms):
        """Give up messages whose next sentence is late. Call it now and then, so that they are counted."""
        if self._joining:
            for slot in self._slots:
                if slot.total and (now_ms - slot.since) & 0x3FFFFFFF > JOIN_MS:
                    self._free(slot, EXPIRED)

    def _free(self, slot, reason):
        slot.total = 0
        self._joining -= 1
        self.dropped[reason] += 1

    def _sentence(self, n, xor, now_ms):
        """One line of n characters, whose XOR from the second on is known."""
        line = self._line
        dropped = self.dropped
        if n < 4 or line[n - 3] != 42:
            dropped[CHECKSUM] += 1
            return
        high = _hex(line[n - 2])
        low = _hex(line[n - 1])
        # the XOR of the line covers "*" and the two digits too
        if high < 0 or low < 0 or xor ^ 42 ^ line[n - 2] ^ line[n - 1] != high << 4 | low:
            dropped[CHECKSUM] += 1
            return
        # !AIVDM,1,1,,A,payload,0*hh
        # 0123456789
        if (
            n < 19
            or not (65 <= line[1] <= 90 and 65 <= line[2] <= 90)
            or line[3] != 86 or line[4] != 68 or not (line[5] == 77 or line[5] == 79)
            or line[6] != 44 or line[8] != 44 or line[10] != 44
            or line[n - 5] != 44
        ):
            dropped[FORMAT] += 1
            return
        total = line[7] - 48
        number = line[9] - 48
        fill = line[n - 4] - 48
        at = 11
        sequence = 10  # none given
        if line[at] != 44:
            sequence = line[at] - 48
            if not 0 <= sequence <= 9:
                dropped[FORMAT] += 1
                return
            at += 1
        channel = 0
        separated = line[at] == 44
        at += 1
        if line[at] != 44:
            channel = line[at]
            at += 1
        if not (separated and line[at] == 44 and 1 <= number <= total <= 9 and 0 <= fill <= 5):
            dropped[FORMAT] += 1
            return
        if channel == 49 or channel == 50:  # 1 and 2 are A and B
            channel += 16
        at += 1
        self.sentences += 1
        length = n - 5 - at
        if total == 1:
            own = line[5] == 79
            if not _unarmour(line, at, length, line, 0, LINE_MAX):  # in place: the line is done with
                dropped[ARMOUR] += 1
                return
            self._deliver(line, length * 6 - fill, channel, own)
            return
        self._join(at, length, total, number, sequence << 8 | channel, fill, now_ms)

    def _deliver(self, sixes, bits, channel, own):
        self.messages += 1
        if own:
            self.own += 1
        self._on_message(sixes, bits, channel, own)

    def _join(self, at, length, total, number, key, fill, now_ms):
        self.expire(now_ms)
        slot = None
        for s in self._slots:
            if s.total and s.key == key:
                slot = s
        if number == 1:
            if slot is not None:
                self._free(slot, INCOMPLETE)
            slot = self._take()
            slot.total = total
            slot.key = key
            slot.count = 0
            slot.next = 1
            self._joining += 1
        elif slot is None or slot.total != total or slot.next != number:
            self.dropped[ORPHAN] += 1
            return
        if slot.count + length > MESSAGE_MAX:
            self._free(slot, TOO_LONG)
            return
        if not _unarmour(self._line, at, length, slot.sixes, slot.count, _KEPT):
            self._free(slot, ARMOUR)
            return
        slot.count += length
        slot.since = now_ms
        slot.next += 1
        if number == total:
            slot.total = 0
            self._joining -= 1
            self._deliver(slot.sixes, slot.count * 6 - fill, key & 0xFF, self._line[5] == 79)

    def _take(self):
        """A free slot, or the one that waits longest."""
        oldest = self._slots[0]
        for s in self._slots:
            if not s.total:
                return s
            if (oldest.since - s.since) & 0x3FFFFFFF < 0x20000000:
                oldest = s
        self._free(oldest, INCOMPLETE)
        return oldest


@micropython.viper
def _unarmour(line, at: int, length: int, into, offset: int, room: int) -> bool:
    """Six bits a byte of `length` characters of the line into into[offset:room], as far as they fit, or into what lies
    before them in the line.

    False if one of them is no payload character, or there are none.
    """
    characters = ptr8(line)
    sixes = ptr8(into)
    six = ptr8(_SIX)
    for i in range(length):
        v = six[characters[at + i]]
        if v > 63:
            return False
        if offset + i < room:
            sixes[offset + i] = v
    return length > 0


def _hex(c):
    """Value of a hex digit's character code, -1 if it is none."""
    if 48 <= c <= 57:
        return c - 48
    if 65 <= c <= 70:
        return c - 55
    if 97 <= c <= 102:
        return c - 87
    return -1
