# The flash under littlefs: a block device over a file that can lose power inside any program or erase.
import twin

BLOCK = 4096  # bytes: erase size of the RP2040's flash


class Flash:
    """vfs block device of `blocks` erase blocks. cut_after: power fails within so many programs and erases from now."""

    def __init__(self, board, name, blocks):
        self._board = board
        self._blocks = blocks
        self._memory = board.persist(name, blocks * BLOCK)
        self._erased = bytes((0xFF,)) * BLOCK
        self.operations = 0
        self.cut_after = None
        self.cut = None  # called when power fails; must not return

    def readblocks(self, block, buffer, offset=0):
        self._board.kernel.charge(self._board.costs["flash_read_256"] * (1 + len(buffer) // 256))
        self._memory.readinto(block * BLOCK + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            for start in range(0, len(buffer), BLOCK):
                self._erase(block + start // BLOCK)
            offset = 0
        self._operate(block * BLOCK + offset, buffer, self._board.costs["flash_program_256"] * (1 + len(buffer) // 256))

    def _erase(self, block):
        self._operate(block * BLOCK, self._erased, self._board.costs["flash_erase_4k"])

    def _operate(self, address, data, cost_us):
        self.operations += 1
        if self.cut_after is not None and self.operations > self.cut_after:
            half = len(data) // 2  # the cut leaves garbage behind what was done
            self._memory.write(address, data[:half])
            self._memory.write(address + half, bytes((int(self._board.uniform() * 256),)))
            self.cut()
        self._memory.write(address, data)
        self._board.kernel.now += cost_us  # interrupts are off
        self._board.kernel.charge(0)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self._erase(argument)
            return 0


def mount(name="flash", blocks=128):
    """Mount littlefs at /, as the board's own firmware does after it was provisioned: a blank flash is formatted."""
    import vfs

    flash = Flash(twin.board, name, blocks)
    try:
        filesystem = vfs.VfsLfs2(flash, mtime=False)
    except OSError:
        vfs.VfsLfs2.mkfs(flash)
        filesystem = vfs.VfsLfs2(flash, mtime=False)
    vfs.mount(filesystem, "/")
    return flash
