# The receiving side of a machine.CAN inside the MCU, as drivers/mcp2515.py has it: its hard interrupt, which runs while
# garbage is collected too, takes frames into a ring and notes what was sent; the handler is called soon after, between
# two bytecodes. An STM32's controller has room for three frames, 0.8 ms at 500 kbit/s.
import micropython
from micropython import const
from array import array

from drivers.can_ring import Ring

_OVERRUN = const(2)  # RECV_ERR_OVERRUN
_FILLED = const(0)  # of can_ring.py: viper looks a global up, a constant not
_TAKEN = const(1)
_ENTRIES = const(2)
_LOST = const(3)
_MOST = const(5)

# words of the notes
_BUSY = const(0)  # the program asks the controller: the interrupt keeps out
_KNOCKED = const(1)  # it came meanwhile
_CALLED = const(2)  # the handler is scheduled
_MORE = const(3)  # the ring was full: frames wait in the controller
_NEXT = const(4)  # event that is told next
_NEWEST = const(5)  # place of the next event
_FIRST = const(6)
_EVENTS = const(16)  # flags() of what was sent, and of states; a power of two


class Inlet:
    """can: machine.CAN. irq(), flags() as its; ring: frames received."""

    def __init__(self, can):
        self.ring = ring = Ring()
        self._can = can
        self._handler = None
        self._notes = array("i", (0,) * (_FIRST + _EVENTS))
        received = [0, memoryview(bytearray(8)), 0, 0]
        self._hot = (can.recv, received, len, ring.frames, ring.state, self._notes, _none, 0)
        self._serve = self.serve  # bound once
        self._schedule = micropython.schedule

    def irq(self, handler, trigger, hard=False):
        can = self._can
        self._handler = handler
        irq = can.irq(self.knock, trigger=trigger, hard=True)
        self._hot = self._hot[:6] + (irq.flags, trigger & ~can.IRQ_RX)
        return self

    @micropython.native
    def flags(self):
        """Of an event that the interrupt noted, or 0. Received frames are none: they are in the ring."""
        notes = self._notes
        at = notes[_NEXT]
        if at == notes[_NEWEST]:
            return 0
        notes[_NEXT] = at + 1 & _EVENTS - 1
        return notes[_FIRST + at]

    @micropython.native
    def knock(self, can):
        """The hard interrupt, between any two bytecodes. Nothing here may allocate."""
        notes = self._notes
        if notes[_BUSY]:
            notes[_KNOCKED] = 1
            return
        notes[_MORE] = gather(self._hot)
        if not notes[_CALLED]:
            notes[_CALLED] = 1
            try:
                self._schedule(self._serve, can)
            except RuntimeError:  # no room: the next interrupt calls it, or the program asks
                notes[_CALLED] = 0

    def serve(self, can):
        """Scheduled by the hard interrupt."""
        self._notes[_CALLED] = 0
        self._handler(can)

    @micropython.native
    def poll(self, can):
        """Take what the interrupt left in the controller; can None: or missed, perhaps. True: there is more."""
        notes = self._notes
        if can is not None and not notes[_MORE]:
            return False
        notes[_KNOCKED] = 1
        while notes[_KNOCKED]:
            notes[_BUSY] = 1
            notes[_KNOCKED] = 0
            notes[_MORE] = gather(self._hot)
            notes[_BUSY] = 0
        return notes[_MORE] != 0


def _none():
    return 0


@micropython.viper
def gather(hot) -> int:
    """Note what a machine.CAN tells, take what it has; 1: the ring is full, the rest has to wait there."""
    recv, received, size_of, frames, state, notes, flags_of, told_ = hot
    note = ptr32(notes)
    told = int(told_)
    flags = int(flags_of())
    while flags:
        if flags & told:
            at = note[_NEWEST]
            following = at + 1 & _EVENTS - 1
            if following != note[_NEXT]:
                note[_FIRST + at] = flags
                note[_NEWEST] = following
        flags = int(flags_of())
    rows = ptr8(frames)
    ring = ptr32(state)
    while True:
        at = ring[_FILLED]
        following = at + 1
        if following == ring[_ENTRIES]:
            following = 0
        if following == ring[_TAKEN]:
            return 1
        if not recv(received):
            return 0
        identifier_, data_, kind, errors = received
        if errors and int(errors) & _OVERRUN:
            ring[_LOST] += 1
        identifier = int(identifier_)
        size = int(size_of(data_))
        data = ptr8(data_)
        at *= 16
        rows[at] = identifier & 0xFF
        rows[at + 1] = identifier >> 8 & 0xFF
        rows[at + 2] = identifier >> 16 & 0xFF
        rows[at + 3] = identifier >> 24
        rows[at + 4] = size
        rows[at + 5] = int(kind)
        at += 8
        if size == 8:
            rows[at] = data[0]
            rows[at + 1] = data[1]
            rows[at + 2] = data[2]
            rows[at + 3] = data[3]
            rows[at + 4] = data[4]
            rows[at + 5] = data[5]
            rows[at + 6] = data[6]
            rows[at + 7] = data[7]
        else:
            k = 0
            while k < size:
                rows[at + k] = data[k]
                k += 1
        ring[_FILLED] = following
        waiting = following - ring[_TAKEN]
        if waiting < 0:
            waiting += ring[_ENTRIES]
        if waiting > ring[_MOST]:
            ring[_MOST] = waiting
