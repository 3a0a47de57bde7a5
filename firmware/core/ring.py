# Append-only ring on memory that takes single bytes (FRAM): a CRC per entry (DESIGN, "Storage").
#
#  byte  type  field            each slot
#   0    u32   sequence         of the entry; it stands in slot sequence % slots, elsewhere it is no entry
#   4    n     data
#   4+n  u32   CRC-32           IEEE 802.3 (binascii.crc32) over bytes 0 .. 4+n, begun with the layout's version
#
# All big-endian. An append writes the slot of the oldest entry, so a cut at any byte of it leaves the newest
# slots - 1 entries as they were. The newest is found at boot by one look at each slot.
import struct
from binascii import crc32
from core.record import SCRATCH
from micropython import const

OVERHEAD = const(8)        # bytes of a slot beside its data
LAST = const(0x3FFFFFFF)   # sequence: 30 bits, a small integer on 32-bit boards; an entry a second fills it in 34 years

_AT_DATA = const(4)
_NONE = const(-1)
_TRIES = const(3)


def space(size, entries):
    """Bytes that a ring which keeps so many entries of `size` bytes of data takes."""
    return (size + OVERHEAD) * (entries + 1)


class Ring:
    """Entries of `size` bytes in `room` bytes at `address` of `memory` (read_into and write, or None when it is dead).

    data: memoryview to fill before append(). entry: sequence and data of the last append, as in the table.
    found: sequence and data of the last read, until the next access to any record or ring. next: sequence of the next
    append. errors: accesses that failed.
    """

    def __init__(self, memory, address, room, size, version=1):
        self._memory = memory
        self._address = address
        length = size + OVERHEAD
        self._version = version
        self.slots = room // length
        if self.slots < 2:
            raise ValueError("ring of %d bytes for entries of %d" % (room, size))
        body = size + _AT_DATA
        self._frame = memoryview(bytearray(length))
        self._check = memoryview(SCRATCH)[:length]
        self.entry = self._frame[:body]
        self.found = self._check[:body]
        self.data = self._frame[_AT_DATA:body]
        self.next = 0
        self.errors = 0
        self._known = False  # the slots were looked at

    @property
    def oldest(self):
        """The least sequence that the ring still promises."""
        return max(0, self.next - self.slots + 1)

    def open(self):
        """Looks at every slot; False when the memory does not answer."""
        if self._memory is None:
            return False
        newest = _NONE
        try:
            for slot in range(self.slots):
                newest = max(newest, self._look(slot))
        except OSError:
            self.errors += 1
            return False
        self.next = max(self.next, newest + 1)
        self._known = True
        return True

    def append(self):
        """True when data were written and read back. Otherwise False; the sequence goes on, older entries stay."""
        good = self._known or self.open()
        sequence = self.next
        if sequence > LAST:
            self.errors += 1
            return False
        struct.pack_into(">I", self._frame, 0, sequence)
        self.next = sequence + 1
        if not good:
            return False
        struct.pack_into(">I", self._frame, len(self._frame) - 4, crc32(self.entry, self._version))
        address = self._address + sequence % self.slots * len(self._frame)
        try:
            self._memory.write(address, self._frame)
            self._memory.read_into(address, self._check)
        except OSError:
            self.errors += 1
            return False
        if self._check != self._frame:
            self.errors += 1
            return False
        return True

    def read(self, sequence):
        """True when found holds this entry; False when it is gone, was never written, or is not whole."""
        if not (self._known or self.open()) or not 0 <= sequence < self.next:
            return False
        try:
            return self._look(sequence % self.slots) == sequence
        except OSError:
            self.errors += 1
            return False

    def _look(self, slot):
        # Sequence of the whole entry that stands in a slot, _NONE when there is none. OSError: no answer.
        address = self._address + slot * len(self._check)
        for k in range(_TRIES):
            try:
                self._memory.read_into(address, self._check)
                break
            except OSError:
                if k == _TRIES - 1:
                    raise
        sequence = struct.unpack_from(">I", self._check, 0)[0]
        if sequence > LAST or sequence % self.slots != slot:
            return _NONE
        if struct.unpack_from(">I", self._check, len(self._check) - 4)[0] != crc32(self.found, self._version):
            return _NONE
        return sequence
