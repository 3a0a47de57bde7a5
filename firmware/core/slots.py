# A slot: a part of raw flash that holds an image of read-only files (ROMFS), executed where it lies (DESIGN, "Update").
#
# The module slot_flash of the target (boards/<target>/) gives the flash: device(number) with readblocks, writeblocks
# and ioctl as MicroPython's block devices have them, and memory(device), the buffer that VfsRom reads.
import hashlib
from binascii import crc32
from core.manifest import WHOLE
from micropython import const

try:
    from golden import ID  # of what is frozen beside the guard
except ImportError:
    ID = WHOLE  # firmware that does not tell: it takes whole images only

NAMES = ("a", "b")
GOLDEN = const(255)  # the number of the app that is frozen into the firmware
PAGE = const(256)    # bytes programmed at a time

_BLOCK_SIZE = const(5)  # vfs.AbstractBlockDev.ioctl
_BLOCK_COUNT = const(4)
_ERASE = const(6)


class Slot:
    """Slot `number` on a block device. base: 8 bytes, the golden app that an overlay in it must stand on.

    OSError: the flash does not do as it is told.
    """

    base = ID

    def __init__(self, number, device):
        self.number = number
        self._device = device
        self.block = device.ioctl(_BLOCK_SIZE, 0)  # bytes erased at a time
        self.size = self.block * device.ioctl(_BLOCK_COUNT, 0)
        self._page = memoryview(bytearray(PAGE))
        self.digest = None

    def read_into(self, offset, buffer):
        """len(buffer) bytes from offset; they lie in one erase block."""
        self._device.readblocks(offset // self.block, buffer, offset % self.block)

    def erase(self, offset):
        """The erase block that begins at offset."""
        self._device.ioctl(_ERASE, offset // self.block)

    def program(self, offset, page):
        """PAGE bytes at a page's start; bits go from 1 to 0 only, so 0xFF leaves what was there."""
        self._device.writeblocks(offset // self.block, page, offset % self.block)

    def hashing(self, length):
        """A generator that reads the first `length` bytes, an erase block at a time; .digest is their SHA-256 then."""
        self.digest = None
        digest = hashlib.sha256()
        page = self._page
        for at in range(0, length, PAGE):
            if at and at % self.block == 0:
                yield None
            size = min(PAGE, length - at)
            part = page if size == PAGE else page[:size]
            self.read_into(at, part)
            digest.update(part)
        self.digest = digest.digest()

    def hash(self, length):
        """SHA-256 of the first `length` bytes. OSError: the flash does not read."""
        for _ in self.hashing(length):
            pass
        return self.digest

    def crc(self, offset, length):
        """CRC-32 of `length` bytes of one erase block."""
        value = 0
        page = self._page
        for at in range(offset, offset + length, PAGE):
            size = min(PAGE, offset + length - at)
            part = page if size == PAGE else page[:size]
            self.read_into(at, part)
            value = crc32(part, value)
        return value & 0xFFFFFFFF

    def carries(self, manifest):
        """True when what the image leaves out is in this board's golden app."""
        return manifest.base == WHOLE or manifest.base == self.base

    def mount(self, path):
        """Makes its files readable under path. OSError: there is no file system in it."""
        import slot_flash
        import vfs

        vfs.mount(vfs.VfsRom(slot_flash.memory(self._device)), path)


def open_slot(number):
    """The Slot of this board. ImportError: this target has none."""
    import slot_flash

    return Slot(number, slot_flash.device(number))
