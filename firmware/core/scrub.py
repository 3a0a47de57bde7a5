# The daily scrub (DESIGN, "Storage"): what is kept twice is compared and mended from its copy, what has a CRC is
# verified, a little each second.
#
# Records (core/record.py) are mended. Entries of rings and logs have no copy: a broken one is counted and never
# believed. Slots of images add themselves: core/update.py.
import struct
from core import event_codes
from micropython import const

FIRST_S = const(1_800)     # after boot: a board that boots often is verified all the same
PERIOD_S = const(86_400)

_SLICE = const(4)          # entries of a ring in one second


class Scrub:
    """board.scrub. rounds: finished since boot. mended, broken: found by them, each time anew."""

    def __init__(self, board):
        self._board = board
        self._steps = []
        self._work = None
        self._due_s = FIRST_S
        self.rounds = 0
        self.mended = 0
        self.broken = 0
        board.commands.add(self)
        board.on_second(self.second)

    def do_scrub_status(self, values, request):
        going = self._work is not None
        return struct.pack(">HHHB", self.rounds, min(self.mended, 0xFFFF), min(self.broken, 0xFFFF), going)

    def add(self, step):
        """step() is called once a second until it returns None: 0 go on, 1 one was mended, -1 one is broken."""
        self._steps.append(step)

    def start(self):
        """Begins a round now, unless one is going on."""
        if self._work is None:
            self._work = self._round()
            self._mended = self._broken = 0

    def do_scrub_start(self, values, request):
        self.start()

    def second(self):
        """Each second: the next piece of work, if there is one."""
        if self._work is None:
            if self._board.uptime_s < self._due_s:
                return
            self._due_s = self._board.uptime_s + PERIOD_S
            self.start()
        try:
            found = next(self._work)  # pyright: ignore[reportArgumentType]
        except StopIteration:
            self._work = None
            self.rounds += 1
            self._board.event(event_codes.SCRUBBED, self._mended, self._broken)
            return
        except Exception:
            self._work = None
            raise
        if found > 0:
            self.mended += found
            self._mended += found
        else:
            self.broken -= found
            self._broken -= found

    def _round(self):
        # Generator of what each second found: mended ones, or minus the broken ones.
        board = self._board
        for record in board.records():
            yield record.scrub()
        events = getattr(board, "events", None)
        store = getattr(board, "store", None)
        if events is not None:
            yield from _ring(events.ring, 0)
        if store is not None:
            yield from _ring(store.ring, store.log.last + 1)
            yield from store.log.verify()
        for step in self._steps:
            while True:
                found = step()
                if found is None:
                    break
                yield found


def _ring(ring, first):
    # What each slice of a ring's entries from `first` on has that is broken.
    broken = 0
    for sequence in range(max(first, ring.oldest), ring.next):
        broken -= not ring.read(sequence)
        if sequence % _SLICE == 0:
            yield broken
            broken = 0
    yield broken
