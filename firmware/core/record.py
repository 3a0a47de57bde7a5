# A small record that survives a power cut at any byte (DESIGN, "Storage"): two copies, a sequence, a CRC-32.
#
#  byte  type  field            each copy
#   0    u8    0xD6             marks a record
#   1    u8    version          of the data's layout; another version is unreadable
#   2    u16   n                bytes of data
#   4    u32   sequence         30 bits, wraps; the newer copy is the one ahead
#   8    n     data
#   8+n  u32   CRC-32           IEEE 802.3 (binascii.crc32) over bytes 0 .. 8+n
#
# All big-endian. The second copy follows the first. A save writes the copy that is not the newest, so the last good
# one stays.
import struct
from binascii import crc32
from micropython import const

OVERHEAD = const(12)  # bytes of a copy beside its data

_MARK = const(0xD6)
_HEADER = ">BBHI"
_SEQUENCE = const(0x3FFFFFFF)  # 30 bits: never a heap integer on a 32-bit board
_HALF = const(0x20000000)
_TRIES = const(3)
_NO_COPY = const(-1)  # none is valid
_BROKEN = const(-1)
_BLANK = const(-2)    # nothing was ever written there
_UNKNOWN = const(-3)  # not looked at yet

# One block for what is filled and done with within a call: whoever fills it keeps nothing there while others run (an
# await, a call of theirs), and no interrupt uses it.
#   here                    a copy as it stands in the memory
#   core/ring.py            an entry as it stands in the memory, until the next access to a record or ring
#   core/update_machine.py  a page on its way to flash
#   core/commands.py        a reply on its way to the bus
#   sensor/receiver.py      what the UART received
SCRATCH = bytearray(512)  # as much as a copy of the largest record takes
_VIEW = memoryview(SCRATCH)


def space(size):
    """Bytes that a record of `size` bytes of data takes."""
    return 2 * (size + OVERHEAD)


class Record:
    """`size` bytes of data, kept twice at `address` of `memory` (read_into and write, or None when it is dead).

    data: memoryview to fill before save() and to read after load(). errors: saves and loads that failed.
    """

    def __init__(self, memory, address, size, version=1):
        length = size + OVERHEAD
        if length > len(SCRATCH):
            raise ValueError("record of %d bytes" % size)
        self._memory = memory
        self._address = address
        self._version = version
        self._frame = memoryview(bytearray(length))
        self.data = self._frame[8 : 8 + size]
        self.errors = 0
        self._newest = _UNKNOWN  # copy 0 or 1, or why there is none
        self._sequence = 0

    @property
    def answered(self):
        """The memory did when it was last looked at."""
        return self._newest != _UNKNOWN

    def load(self):
        """True when data holds the newest valid copy; False, and data untouched, when neither is readable.

        Memory that was never written is unreadable too, but no error.
        """
        if not self._scan() or self._newest < 0:
            if self._newest != _BLANK:
                self.errors += 1
            return False
        for _ in range(_TRIES):
            try:
                if self._read(self._newest) == self._sequence:
                    self._frame[:] = self._check()
                    return True
            except OSError:
                pass
        self.errors += 1
        self._newest = _UNKNOWN
        return False

    def _check(self):
        # The shared block, as long as a copy.
        return _VIEW[: len(self._frame)]

    def scrub(self):
        """Looks at both copies and mends one from the other: 1 when one was mended, -1 when neither is readable, or 0.

        What was loaded or saved last counts, even where its copy was spoiled since and an older one is readable.
        """
        sequence, newest = self._sequence, self._newest
        if not self._scan():
            return 0
        if newest >= 0 and (self._newest < 0 or self._sequence != sequence):
            if self._is_whole(sequence):
                self._newest, self._sequence = newest, sequence
                return 1 if self._write(newest) else 0
        if self._newest < 0:
            return 0 if self._newest == _BLANK else -1
        other = 1 - self._newest
        try:
            if self._read(other) != _BROKEN:
                return 0
            self._read(self._newest)
            self._memory.write(self._address + other * len(self._frame), self._check())
        except OSError:
            return 0
        return 1

    def save(self):
        """True when data were written and read back. Otherwise False, and the last good copy is as it was."""
        if self._newest == _UNKNOWN and not self._scan():
            self.errors += 1
            return False
        copy = 1 - self._newest if self._newest >= 0 else 0
        sequence = (self._sequence + 1) & _SEQUENCE
        frame = self._frame
        struct.pack_into(_HEADER, frame, 0, _MARK, self._version, len(self.data), sequence)
        struct.pack_into(">I", frame, len(frame) - 4, crc32(frame[:-4]))
        if not self._write(copy):
            return False
        self._newest = copy
        self._sequence = sequence
        return True

    def _write(self, copy):
        # The frame becomes a copy; True when it was read back.
        address = self._address + copy * len(self._frame)
        check = self._check()
        try:
            self._memory.write(address, self._frame)
            self._memory.read_into(address, check)
        except OSError:
            self.errors += 1
            return False
        if check != self._frame:  # write-protected, or worn out
            self.errors += 1
            return False
        return True

    def _is_whole(self, sequence):
        # True when the frame still is what was loaded or saved with this sequence.
        frame = self._frame
        if struct.unpack_from(_HEADER, frame, 0) != (_MARK, self._version, len(self.data), sequence):
            return False
        return struct.unpack_from(">I", frame, len(frame) - 4)[0] == crc32(frame[:-4])

    def _scan(self):
        # Looks at both copies; False when the memory does not answer.
        self._newest = _UNKNOWN
        if self._memory is None:
            return False
        for _ in range(_TRIES):
            try:
                first = self._read(0)
                second = self._read(1)
            except OSError:
                continue
            if first >= 0 and (second < 0 or (first - second) & _SEQUENCE < _HALF):
                self._newest = 0
                self._sequence = first
            elif second >= 0:
                self._newest = 1
                self._sequence = second
            else:
                self._newest = _BLANK if first == second == _BLANK else _NO_COPY
                self._sequence = 0
            return True
        return False

    def _read(self, copy):
        # The copy's sequence; _BROKEN when it is not a whole record of this layout, _BLANK when it never was one.
        check = self._check()
        end = len(check) - 4
        self._memory.read_into(self._address + copy * len(check), check)
        mark, version, size, sequence = struct.unpack_from(_HEADER, check, 0)
        if mark != _MARK or version != self._version or size != len(self.data) or sequence > _SEQUENCE:
            empty = check[0]
            if empty in (0, 0xFF) and all(byte == empty for byte in check):
                return _BLANK
            return _BROKEN
        if struct.unpack_from(">I", check, end)[0] != crc32(check[:end]):
            return _BROKEN
        return sequence
