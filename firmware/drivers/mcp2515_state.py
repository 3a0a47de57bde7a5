# What is known of an MCP2515 (drivers/mcp2515.py), Microchip DS20001801J: its flags and errors, and whether it still is
# what it was made. A chip that forgot its settings or does not answer is off the bus until restart().
import micropython
from micropython import const
from array import array

from drivers import can_ring, mcp2515_chip, mcp2515_filters
from drivers.mcp2515_chip import talk
from drivers.mcp2515_receive import BUFFERS, DEAD, EFLG, ENABLED, SENT, TROUBLE, WORDS, drain

_CNF3 = const(0x28)
_CANINTE = const(0x2B)
_RX_BITS = const(0x03)        # CANINTF.RXnIF, 7.0
_SLOT_BITS = const(0x1C)      # CANINTF.TXnIF
_ERROR_BIT = const(0x20)      # CANINTF.ERRIF
_BUS_OFF = const(4)

REQOP = (0x00, 0x20, None, 0x60, 0x40)  # CANCTRL.REQOP by MODE_*, 10.0


class Watched:
    """The chip, and all that its halves for sending and receiving share."""

    def __init__(self, spi, select, interrupt):
        self._spi = spi
        self._select = select
        self._pin = interrupt
        self._chip = mcp2515_chip.Chip(spi, select)
        self._handler = None
        self.triggers = 0
        self._inside = False  # the handler runs
        self._moved = False   # something was done since it was called
        self.late = False     # it is to be called when nobody talks to a chip
        self.behind = None
        self.losses = 0       # times that the chip had lost its settings or did not answer
        self.knocked = False  # INT fell while somebody talked to a chip; by the hard interrupt
        self._unfinished = False  # it still was low when `drain` had done enough
        self.ring = can_ring.Ring()  # frames that the interrupt took out of the chip
        self.notes = array("i", (0,) * WORDS)
        self._hot = (select, spi.write_readinto, spi.write, interrupt.value) + BUFFERS
        self._hot += (self.ring.frames, self.ring.state, self.notes)
        self._entered = [0, 0, 0]
        self._state = 0
        self._mode = 0
        self._timing = None
        self._layout = mcp2515_filters.lay_out(())
        self._forget()

    def _forget(self):
        """Nothing waits, nothing is known."""
        self._loaded = 0    # transmit buffers in use, as bits
        self._done = 0      # of these: finished, flags() has not told it yet
        self._failed = 0    # of these: not sent
        self._leaving = 0   # to be cancelled, but on the wire
        self._news = False  # the state got worse
        self._told = False
        self._told_rx = False
        self._eflg = 0
        notes = self.notes
        for word in range(WORDS):
            notes[word] = 0
        for level in range(3):
            self._entered[level] = 0

    def _wanted(self):
        """CANINTE. Without a handler INT tells recv() that there is something."""
        enabled = 0 if self._layout.deaf or self._handler is not None and not self.triggers & 2 else _RX_BITS
        if self._handler is not None:
            enabled |= _SLOT_BITS if self.triggers & 1 else 0
            enabled |= _ERROR_BIT if self.triggers & 8 else 0
        return enabled

    @micropython.native
    def pull(self):
        """What the hard interrupt would have done; from Talk.done()."""
        self._unfinished = drain(self._hot) != 0
        if self._handler is not None and not self._inside and not self.late:
            self.late = True
            self.behind = talk.late
            talk.late = self

    def _look(self):
        """Read the chip empty, take note of errors; while talk.busy."""
        self._unfinished = drain(self._hot) != 0
        notes = self.notes
        if notes[DEAD]:
            notes[DEAD] = 0
            self._lost()
        elif notes[TROUBLE]:
            notes[TROUBLE] = 0
            self._moved = True
            if notes[EFLG] != self._eflg:
                self._take_errors(notes[EFLG])

    def _take_errors(self, errors):
        self._eflg = errors
        level = 4 if errors & 0x20 else 3 if errors & 0x18 else 2 if errors & 0x01 else 1
        if level > self._state:
            self._worse(level)
        self._state = level
        if level == 4:
            self._leave()

    def _worse(self, level):
        for k in range(max(self._state, 1), level):
            self._entered[k - 1] += 1
        self._state = level
        self._news = True
        self._moved = True

    def _lost(self):
        """The chip is not what it was: off the bus, until restart()."""
        self.losses += 1
        if self._state < 4:
            self._news = True
        self._state = _BUS_OFF
        self._leave()

    def _leave(self):
        """Bus-off until restart(); the chip by itself would come back after 128 x 11 recessive bits (6.6)."""
        chip = self._chip
        self.notes[ENABLED] = self.notes[SENT] = 0
        chip.write(_CANINTE, 0)
        chip.configuration()
        waiting = self._loaded & ~self._done
        self._failed |= waiting
        if self.triggers & 1:
            self._done |= waiting
        else:
            self._loaded = self._failed = 0

    def state(self):
        if 0 < self._state < 4:
            talk.busy = True
            try:
                self._check()
            finally:
                talk.done()
        return self._state

    def _check(self):
        chip = self._chip
        notes = self.notes
        status = chip.read(_CNF3, 8)
        if not chip.keeps(self._timing, notes[ENABLED], REQOP[self._mode], status):
            self._lost()
            return
        if status[7] != self._eflg:
            self._look()
        enabled = self._wanted()
        if not self._eflg and enabled != notes[ENABLED] and 0 < self._state < 4:  # calm again: `drain` had muted them
            notes[ENABLED] = enabled
            chip.write(_CANINTE, enabled)
