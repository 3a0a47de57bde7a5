# The flash behind the firmware, in which the slots lie: NOR flash of the RP2040's granularity. A program takes whole
# pages and clears bits only; what goes wrong otherwise raises here, where silicon would just be wrong.
#
# An image that runs is read where it lies. A process has no such flash, so it is read into a buffer, which is made
# before the firmware starts (reserve) and is no part of the board's heap: the heap is larger by it.
from .flash import BLOCK, Flash

PAGE = 256

_buffer = None


class NorFlash(Flash):
    """vfs block device: a part of the memory `name`, from byte `start` on."""

    def __init__(self, board, name, start, blocks, whole):
        super().__init__(board, name, whole)
        self._first = start // BLOCK
        self._blocks = blocks
        self.bytes = blocks * BLOCK

    def readblocks(self, block, buffer, offset=0):
        self._check(block, offset, len(buffer))
        super().readblocks(self._first + block, buffer, offset)

    def writeblocks(self, block, buffer, offset=None):
        size = len(buffer)
        self._check(block, offset or 0, size)
        if offset is None:
            super().writeblocks(self._first + block, buffer)
            return
        if offset % PAGE or size % PAGE:
            raise ValueError("program of %d bytes at %d: pages of %d" % (size, offset, PAGE))
        before = self._memory.read((self._first + block) * BLOCK + offset, size)
        super().writeblocks(self._first + block, bytes([old & new for old, new in zip(before, buffer)]), offset)

    def ioctl(self, operation, argument):
        if operation == 6:
            self._check(argument, 0, BLOCK)
            argument += self._first
        return super().ioctl(operation, argument)

    def _check(self, block, offset, size):
        if block < 0 or offset < 0 or block * BLOCK + offset + size > self.bytes:
            raise ValueError("%d bytes at %d of block %d: outside the slot" % (size, offset, block))


def part(board, start, length):
    """The slot of `length` bytes at `start` of the flash; both slots are kept in one file."""
    return NorFlash(board, "slots", start, length // BLOCK, 2 * length // BLOCK)


def reserve(length):
    """Make the buffer of images that run."""
    global _buffer
    _buffer = bytearray(length)


def image(slot):
    """memoryview of what the slot holds."""
    if _buffer is None or len(_buffer) < slot.bytes:
        reserve(slot.bytes)
    view = memoryview(_buffer)[: slot.bytes]
    slot._memory.readinto(slot._first * BLOCK, view)
    return view
