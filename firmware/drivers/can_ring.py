# Received CAN frames on their way from a hard interrupt to the program: a ring of bounded memory.
#
# One side writes, the interrupt, and one reads; each has its own place, so neither needs the other to stand still.
#
#  byte   of an entry, 16 in all               word   of the state
#   0-3   identifier, the processor's order     0 FILLED  entry that is written next; by the interrupt
#   4     bytes of data, 0 to 8                 1 TAKEN   entry that is read next, or FILLED; by the program
#   5     FLAG_RTR 1, FLAG_EXT_ID 2             2 ENTRIES one of them stays free
#   6-7   0                                     3 LOST    frames, here for want of room or in the controller
#   8-15  data                                  4 TOLD    of them the program knows
#                                               5 MOST    frames that ever waited here
import micropython
from micropython import const
from array import array

FILLED, TAKEN, ENTRIES, LOST, TOLD, MOST = const(0), const(1), const(2), const(3), const(4), const(5)
ENTRY = const(16)
FRAMES = const(32)  # 8.6 ms of a full bus at 500 kbit/s; a collection of garbage takes 20 ms of an RP2040
_LISTS = const(4)  # given to take(), whose memory is known
_FULL = const(1)  # RECV_ERR_FULL
_OVERRUN = const(2)  # RECV_ERR_OVERRUN


class Ring:
    def __init__(self, frames=FRAMES):
        self.frames = bytearray(ENTRY * (frames + 1))
        self.state = array("i", (0, 0, frames + 1, 0, 0, 0))
        self._lists = []  # (list, its memory cut to 0 .. 8 bytes)

    def waiting(self):
        """Frames in it."""
        state = self.state
        return (state[FILLED] - state[TAKEN]) % state[ENTRIES]

    def clear(self):
        """Forget all; the interrupt kept out."""
        state = self.state
        state[FILLED] = state[TAKEN] = state[LOST] = state[TOLD] = 0

    @micropython.native
    def take(self, arg):
        """The oldest frame into a list as machine.CAN.recv() does it, or None. Allocates for a list's first time."""
        state = self.state
        taken = state[TAKEN]
        if taken == state[FILLED]:
            return None
        views = self._views(arg)
        frames = self.frames
        at = ENTRY * taken
        size = frames[at + 4]
        view = views[size]
        for k in range(size):
            view[k] = frames[at + 8 + k]
        arg[0] = frames[at] | frames[at + 1] << 8 | frames[at + 2] << 16 | frames[at + 3] << 24
        arg[1] = view
        arg[2] = frames[at + 5]
        lost = state[LOST]
        room = (taken - state[FILLED]) % state[ENTRIES]
        arg[3] = (_FULL if room == 1 else 0) | (_OVERRUN if lost != state[TOLD] else 0)
        state[TOLD] = lost
        self.drop()
        return arg

    @micropython.native
    def drop(self):
        """The oldest frame's place is free."""
        state = self.state
        following = state[TAKEN] + 1
        state[TAKEN] = following if following < state[ENTRIES] else 0

    @micropython.native
    def _views(self, arg):
        """The memory of a list, cut to each size: its own view was cut to the frame before."""
        for known in self._lists:
            if known[0] is arg:
                return known[1]
        return self._cut(arg)

    def _cut(self, arg):
        room = arg[1]
        if len(room) < 8:
            room = memoryview(bytearray(8))
        views = [room[:size] for size in range(9)]
        if len(self._lists) >= _LISTS:
            self._lists.pop(0)
        self._lists.append((arg, views))
        return views
