# A board as the update sees it, small enough to know all of it: FRAM, two slots of flash, a guard, an update machine.
# Shared by tests of the guard, of the update's states, and by their exploration (tests/host/test_update_states.py).
import hashlib
import sys

import guard
from core import layout, manifest, update_record
from core.slots import GOLDEN, Slot
from core.update_machine import Machine
from power_cuts import FRAM_BYTES, Fram, Power

ROLE = "beacon"
UID = b"\1\2\3\4\5\6\7\x08"
BLOCK = 256   # bytes erased at a time; the flight's 4,096 would only make the same states larger
BLOCKS = 2    # of a slot
MOUNTABLE = 0x52
GOLDEN_ID = b"golden\1\2"  # of the app that is frozen
OTHER_ID = b"golden\1\3"


def image(seed, length):
    """Bytes of an image; the first one says that it is a file system."""
    return bytes([MOUNTABLE]) + bytes([(seed * 7 + k * 13 + (k >> 8)) & 0xFF for k in range(1, length)])


def manifest_of(data, role=ROLE, target=sys.platform, mpy=None, uid=b"\0" * 8, trial_min=10, version="1",
                base=manifest.WHOLE):  # fmt: skip
    """Bytes of a manifest with an empty MAC."""
    made = bytearray(manifest.SIZE)
    if mpy is None:
        mpy = getattr(sys.implementation, "_mpy", 6) & 0xFFFF
    digest = hashlib.sha256(data).digest()
    manifest.pack_into(made, len(data), role, target, mpy, uid, trial_min, version, digest, base)
    return bytes(made)


class Nor:
    """Block device of one slot on a bytearray that both share; programs clear bits only."""

    def __init__(self, power, cells, start, block, blocks):
        self._power = power
        self._cells = cells
        self._start = start
        self._block = block
        self._blocks = blocks

    def readblocks(self, block, buffer, offset=0):
        self._power.read()
        at = self._start + block * self._block + offset
        buffer[:] = memoryview(self._cells)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        assert offset is not None and offset % 256 == 0 and len(buffer) % 256 == 0
        at = self._start + block * self._block + offset
        self._power.write(self._cells, at, bytes([old & new for old, new in zip(self._cells[at:], buffer)]))

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return self._block
        if operation == 6:
            self._power.write(self._cells, self._start + argument * self._block, b"\xff" * self._block)
            return 0


class WorldSlot(Slot):
    """mount() tells the world; what starts with MOUNTABLE is a file system."""

    def __init__(self, world, number):
        start = number * world.slot_bytes
        super().__init__(number, Nor(world.power, world.flash, start, world.block, world.blocks))
        self.world = world
        self.base = world.golden

    def mount(self, path):
        first = memoryview(bytearray(1))
        self.read_into(0, first)
        if first[0] != MOUNTABLE:
            raise OSError(19)
        assert path == guard.PATH
        self.world.mounted.append(self.number)


class World:
    """fram: 32 KiB. flash: both slots. boot() runs the guard and makes .machine; .running is what the guard chose."""

    def __init__(self, block=BLOCK, blocks=BLOCKS):
        self.block = block
        self.blocks = blocks
        self.slot_bytes = block * blocks
        self.golden = GOLDEN_ID
        self.power = Power()
        self.cells = bytearray(FRAM_BYTES)
        self.flash = bytearray(b"\xff" * (2 * self.slot_bytes))
        self.fram = Fram(self.power, self.cells)
        self.mounted = []
        self.running = GOLDEN
        self.trial = False
        self.machine = None

    def restore(self, cells, flash, power=None):
        """Memories as they were, on a new supply."""
        self.power = power or Power()
        self.cells[:] = cells
        self.flash[:] = flash
        self.fram = Fram(self.power, self.cells)

    def repower(self, power=None):
        """Power is back."""
        self.power = power or Power()
        self.fram = Fram(self.power, self.cells)

    def slot(self, number):
        return WorldSlot(self, number)

    def state(self):
        """update_record.State on this FRAM, as at power-on."""
        return update_record.State(update_record.make(self.fram))

    def boot(self):
        """As guard.run() and core.update do."""
        self.mounted = []
        self.running, self.trial = GOLDEN, False
        state = self.state()
        if state.load():
            self.running, self.trial = guard.choose(state, self.slot)
        self.make()
        return self.running

    def make(self):
        """The update machine of what runs."""
        self.machine = Machine(self.state(), self.slot, self.running, ROLE, UID)
        return self.machine

    def send(self, data, from_block=0, to_block=None):
        """Every block of an image, in order."""
        count = (len(data) + 127) // 128
        for k in range(from_block, count if to_block is None else to_block):
            self.machine.put(128 * k, data[128 * k : 128 * k + 128])

    def install(self, data, **fields):
        """From free slot to the first boot of its trial."""
        self.machine.begin(manifest_of(data, **fields))
        self.send(data)
        self.verify()
        self.machine.activate()
        return self.boot()

    def verify(self):
        machine = self.machine
        machine.may_verify()
        machine.judge(machine.slot().hash(machine.manifest().length))

    def content(self, number, length):
        """First bytes of a slot."""
        return bytes(self.flash[number * self.slot_bytes : number * self.slot_bytes + length])


def record_address():
    return layout.region("update")[0]


