# Power cut before, within and after each single program and erase of a scenario: what may the next boot find?
#
#     def scenario(fram, done):            # runs from a fresh board, or from what `before` left
#         record = Record(fram, 0, 5); record.load(); record.data[:] = b"new-1"
#         if record.save():
#             done.append(b"new-1")        # acknowledged: from here on it must not be lost
#
#     def check(fram, done):               # the next boot, on the same memories; asserts
#         ...
#
#     cuts = power_cuts.every_cut(scenario, check, before=None, root=None, blocks=64, slots=0, step=1)
#
# fram.power is what feeds the memories; fram.slots is a bytearray of raw flash, `slots` bytes, for update_world.Nor.
# With root="/flash" a littlefs of `blocks` erase blocks is mounted there for the scenario, and anew for the check (on
# MicroPython only: such scenarios are the scripts of tests/cuts). The scenario runs once to count its writes to FRAM
# and its programs and erases of flash; then three times for each of them, from the same start: cut before it, with half
# of it done (and a byte of garbage behind that), and right after it. The check runs after each cut.
# PowerCut is a BaseException: what survives `except Exception` in flight code does not survive it.
import builtins
import gc

FRAM_BYTES = 32768
BLOCK = 4096

BEFORE, HALF, AFTER = 0, 1, 2
PARTS = ("before", "half", "after")


class PowerCut(BaseException):
    """The board is off."""


class Power:
    """Counts operations of every memory it feeds; fails at operation `at` (from 0), in part BEFORE, HALF or AFTER."""

    def __init__(self, at=None, part=BEFORE):
        self.operations = 0
        self.at = at
        self.part = part
        self.off = False
        self.over = False  # the life has ended: a file that it left open is closed, and writes into the void

    def read(self):
        """Without power nothing answers: neither a handler of errors nor a file's close lives on. False: it is over."""
        if self.off and not self.over:
            raise PowerCut()
        return not self.over

    def write(self, cells, address, data):
        """One operation on cells (bytearray)."""
        if self.over:
            return
        self.read()
        now = self.operations
        self.operations += 1
        if now != self.at:
            cells[address : address + len(data)] = data
            return
        self.off = True
        if self.part == HALF:
            half = len(data) // 2
            cells[address : address + half] = data[:half]
            if half < len(data):
                cells[address + half] = now * 37 + 11 & 0xFF
        elif self.part == AFTER:
            cells[address : address + len(data)] = data
        raise PowerCut()


class Fram:
    """What drivers.fram.FRAM offers, on a bytearray."""

    def __init__(self, power, cells, slots=None):
        self.power = power
        self.cells = cells
        self.slots = slots

    def read_into(self, address, buffer):
        self.power.read()
        buffer[:] = self.cells[address : address + len(buffer)]

    def write(self, address, data):
        self.power.write(self.cells, address, data)


class Flash:
    """A vfs block device on a bytearray; `erases` counts by block."""

    def __init__(self, power, cells):
        self.power = power
        self.cells = cells
        self.blocks = len(cells) // BLOCK
        self.erases = [0] * self.blocks
        self._erased = bytes((0xFF,)) * BLOCK

    def readblocks(self, block, buffer, offset=0):
        if not self.power.read():
            return
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.cells)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            for k in range(len(buffer) // BLOCK):
                self.ioctl(6, block + k)
            offset = 0
        self.power.write(self.cells, block * BLOCK + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.erases[argument] += 1
            self.power.write(self.cells, argument * BLOCK, self._erased)
            return 0


class Opened:
    """What `open` is in a life: knows its files. One that a cut left open would be closed when it is collected, and say
    on the console that its flash is gone."""

    def __init__(self):
        self._open = builtins.open
        self._files = []
        builtins.open = self._opened

    def _opened(self, *values):
        file = self._open(*values)
        self._files.append(file)
        return file

    def close(self):
        builtins.open = self._open
        for file in self._files:
            try:
                file.close()
            except OSError:  # its flash is gone
                pass


class Memories:
    """FRAM, raw flash and, with root, a littlefs there; `image` holds them between lives."""

    def __init__(self, root=None, blocks=64, slots=0):
        self.root = root
        self.fram = bytearray(FRAM_BYTES)
        self.slots = bytearray(bytes((0xFF,)) * slots)
        self.flash = None
        if root is not None:
            import vfs

            self.flash = bytearray(bytes((0xFF,)) * (blocks * BLOCK))
            vfs.VfsLfs2.mkfs(Flash(Power(), self.flash))

    def image(self):
        return bytes(self.fram), None if self.flash is None else bytes(self.flash), bytes(self.slots)

    def restore(self, image):
        self.fram[:] = image[0]
        if image[1] is not None:
            self.flash[:] = image[1]
        self.slots[:] = image[2]

    def life(self, power, function, done):
        """Runs function(fram, done) powered by `power`: True when it came to its end, False when it was cut."""
        if self.flash is not None:
            import vfs

            vfs.mount(vfs.VfsLfs2(Flash(power, self.flash), mtime=False), self.root)
            opened = Opened()
        whole = True
        try:
            function(Fram(power, self.fram, self.slots), done)
        except PowerCut:
            whole = False
        power.over = True
        if self.flash is not None:
            import vfs

            opened.close()
            vfs.umount(self.root)
        return whole


def every_cut(scenario, check, before=None, root=None, blocks=64, slots=0, step=1):
    """Number of cuts made. before(fram, done): what the board did until then, never cut. step: each n-th operation."""
    memories = Memories(root, blocks, slots)
    had = []
    if before is not None:
        assert memories.life(Power(), before, had)
    start = memories.image()
    done = list(had)
    counted = Power()
    assert memories.life(counted, scenario, done), "the scenario was cut without a cut"
    assert counted.operations, "the scenario wrote nothing"
    _checked(memories, check, done, "without a cut")
    cuts = 0
    for at in range(0, counted.operations, step):
        for part in (BEFORE, HALF, AFTER):
            memories.restore(start)
            done = list(had)
            whole = memories.life(Power(at, part), scenario, done)
            assert not whole, "operation %d of %d did not come: the scenario is not the same each time" % (
                at, counted.operations)
            _checked(memories, check, done, "cut %s operation %d of %d" % (PARTS[part], at, counted.operations))
            cuts += 1
            gc.collect()
    return cuts


def _checked(memories, check, done, after):
    try:
        assert memories.life(Power(), check, done)
    except Exception as error:
        print("power_cuts: " + after)
        raise error
