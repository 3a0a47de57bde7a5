# Numbered small things in FRAM, each in a cell with a CRC; a change goes to a free cell first (DESIGN, "Storage").
#
#  byte    type  field
#   0      u8    MARK             written last: until then the cell is free; 0 frees it
#   1      u8    number           1 to 255
#   2      u16   revision         wraps; of two cells with one number the newer counts
#   4      n     body
#   4 + n  u32   CRC-32           over bytes 0 .. 4 + n
#
# All big-endian. A power cut at any byte leaves the old body, or the new one.
import struct
from binascii import crc32
from micropython import const

OVERHEAD = const(8)  # bytes of a cell beside its body

_MARK = const(0xE5)
_BODY = const(4)
_TRIES = const(3)
_FREE = b"\0"


class Cells:
    """`count` cells with bodies of `size` bytes from `address` of `memory` (read_into and write, or None: dead).

    One cell stays free for changes: `count - 1` numbers can be kept. buffer: bytearray of a cell's size, may be shared
    with others. numbers: by cell, 0: free. broken: cells found unreadable at start; errors: accesses that failed.
    """

    def __init__(self, memory, address, count, size, buffer=None):
        self._memory = memory
        self._address = address
        self._length = size + OVERHEAD
        self._cell = memoryview(buffer or bytearray(self._length))[: self._length]
        self.numbers = bytearray(count)
        self.revision = 0  # of what was read last
        self.broken = self.errors = 0
        self.alive = memory is not None and self._scan()

    @property
    def body(self):
        """memoryview: what read() found, to be changed and given to write()."""
        return self._cell[_BODY : self._length - 4]

    @property
    def kept(self):
        """Numbers in use."""
        return sum(1 for number in self.numbers if number)

    def find(self, number):
        """The cell of a number, -1: there is none."""
        numbers = self.numbers
        for k in range(len(numbers)):
            if numbers[k] == number:
                return k
        return -1

    def read(self, number):
        """True when body and revision are those of what is kept under this number."""
        k = self.find(number)
        if k < 0:
            return False
        for _ in range(_TRIES):
            if self._load(k) == number:
                return True
        self.errors += 1
        return False

    def write(self, number, body=None):
        """Keeps body under this number, in place of what was there. False: no room, or the memory does not take it.

        body: bytes, filled up with zeros; None: as it is in self.body after read(number).
        """
        if not self.alive or not 0 < number < 256:
            return False
        old = self.find(number)
        if old < 0 and self.kept >= len(self.numbers) - 1:
            return False
        if body is not None:
            self.revision = 0
            if old >= 0:
                self.read(number)
            mine = self.body
            mine[: len(body)] = body
            for at in range(len(body), len(mine)):
                mine[at] = 0
        k = self.find(0)
        if k < 0:  # one that could not be freed at start
            return False
        cell = self._cell
        revision = self.revision + 1 & 0xFFFF
        struct.pack_into(">BBH", cell, 0, _MARK, number, revision)
        crc = crc32(cell[: self._length - 4])
        struct.pack_into(">I", cell, self._length - 4, crc)
        address = self._address + k * self._length
        try:
            self._memory.write(address + 1, cell[1:])
            self._memory.write(address, cell[:1])
            good = self._load(k) == number and self.revision == revision
            good = good and struct.unpack_from(">I", cell, self._length - 4)[0] == crc
        except OSError:
            good = False
        if not good:
            self.errors += 1
            self._free(k)
            return False
        self.numbers[k] = number
        if old >= 0:
            self._free(old)
            self.numbers[old] = 0  # stale in any case: at start the newer one counts
        return True

    def delete(self, number):
        """True when nothing is kept under this number any more."""
        k = self.find(number)
        return k < 0 or self._free(k)

    def _free(self, k):
        for _ in range(_TRIES):
            try:
                self._memory.write(self._address + k * self._length, _FREE)
                self.numbers[k] = 0
                return True
            except OSError:
                self.errors += 1
        return False

    def _load(self, k):
        # The number in cell k, and its revision; 0: free, -1: unreadable.
        cell = self._cell
        try:
            self._memory.read_into(self._address + k * self._length, cell)
        except OSError:
            return -1
        if cell[0] != _MARK:
            return 0
        number = cell[1]
        end = self._length - 4
        if number == 0 or struct.unpack_from(">I", cell, end)[0] != crc32(cell[:end]):
            return -1
        self.revision = struct.unpack_from(">H", cell, 2)[0]
        return number

    def _scan(self):
        # What is kept; False when the memory does not answer.
        heard = False
        for k in range(len(self.numbers)):
            number = -1
            for _ in range(_TRIES):
                number = self._load(k)
                if number >= 0:
                    break
            if number < 0:
                self.broken += 1
                continue
            heard = True
            if number == 0:
                continue
            old = self.find(number)
            self.numbers[k] = number
            if old >= 0:  # power was cut before the old one was freed
                revision = self.revision
                self._load(old)
                self._free(old if revision - self.revision & 0xFFFF < 0x8000 else k)
        return heard
