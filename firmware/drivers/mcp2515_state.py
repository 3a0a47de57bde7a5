# What is known of an MCP2515 (drivers/mcp2515.py), Microchip DS20001801J: its flags and errors, and whether it still is
# what it was made. A chip that forgot its settings or does not answer is off the bus until restart().
import micropython
from micropython import const

from drivers import mcp2515_chip, mcp2515_filters
from drivers.mcp2515_chip import talk

_CNF3 = const(0x28)
_CANINTE = const(0x2B)
_CANINTF = const(0x2C)
_EFLG = const(0x2D)
_RX_BITS = const(0x03)        # CANINTF.RXnIF, 7.0
_SLOT_BITS = const(0x1C)      # CANINTF.TXnIF
_ERROR_BIT = const(0x20)      # CANINTF.ERRIF
_OVERRUNS = const(0xC0)       # EFLG.RX1OVR, RX0OVR, 6.7
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
        self._ask = bytearray((0x03, _CANINTF, 0, 0))  # READ CANINTF, EFLG
        self._answer = bytearray(4)
        self._entered = [0, 0, 0]
        self._overruns = 0
        self._state = 0
        self._mode = 0
        self._timing = None
        self._enabled = 0
        self._layout = mcp2515_filters.lay_out(())
        self._forget()

    def _forget(self):
        """Nothing waits, nothing is known."""
        self._loaded = 0    # transmit buffers in use, as bits
        self._done = 0      # of these: finished, flags() has not told it yet
        self._failed = 0    # of these: not sent
        self._leaving = 0   # to be cancelled, but on the wire
        self._rx = 0        # receive buffers known to be full
        self._older1 = False  # RXB1's frame came before RXB0's
        self._looked = False
        self._overrun = False
        self._news = False  # the state got worse
        self._told = False
        self._told_rx = False
        self._eflg = 0
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
    def _look(self):
        """Read CANINTF and EFLG, take note of receive buffers and errors."""
        answer = self._answer
        self._select(0)
        self._spi.write_readinto(self._ask, answer)
        self._select(1)
        flags = answer[2]
        errors = answer[3]
        self._looked = True
        if flags & errors == 0xFF:
            answer[2] = 0
            self._rx = 0
            self._lost()
            return
        now = 0 if self._layout.deaf else flags & _RX_BITS
        if now == 3 and self._rx != 3:
            self._older1 = self._rx == 2
        self._rx = now
        if errors != self._eflg:
            self._take_errors(errors)

    def _take_errors(self, errors):
        if errors & _OVERRUNS:
            self._chip.modify(_EFLG, _OVERRUNS, 0)
            if not self._layout.deaf:
                self._overruns += 2 if errors & _OVERRUNS == _OVERRUNS else 1
                self._overrun = True
            self._moved = True
        errors &= 0x3F
        self._eflg = errors
        level = 4 if errors & 0x20 else 3 if errors & 0x18 else 2 if errors & 0x01 else 1
        if level > self._state:
            self._worse(level)
        self._state = level
        if level == 4:
            self._leave()

    def _quiet_errors(self):
        """ERRIF is served. Where the chip holds it as long as the errors last (7.7), it must not hold INT as well."""
        chip = self._chip
        chip.modify(_CANINTF, _ERROR_BIT, 0)
        self._moved = True
        if self._eflg and chip.read(_CANINTF)[2] & _ERROR_BIT:
            self._enabled &= ~_ERROR_BIT
            chip.modify(_CANINTE, _ERROR_BIT, 0)

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
        status = chip.read(_CNF3, 8)
        if not chip.keeps(self._timing, self._enabled, REQOP[self._mode], status):
            self._lost()
            return
        if status[7] != self._eflg:
            self._take_errors(status[7])
        enabled = self._wanted()
        if not self._eflg and enabled != self._enabled:  # calm again: see _quiet_errors
            self._enabled = enabled
            chip.write(_CANINTE, enabled)
