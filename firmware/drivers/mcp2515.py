# machine.CAN by an MCP2515 on SPI, Microchip DS20001801J; the interface is that of MicroPython's documentation.
#
# Beyond it: MODE_LOOPBACK is refused, the chip's loopback is off the bus (MODE_SILENT_LOOPBACK). Changing filters
# clears TEC and REC (10.1). send() may refuse a frame because there is no place for it in the order of those that
# wait: one of them leaves first. What the chip forgot, or a chip that does not answer, shows as bus-off: restart().
#
# Interrupts: INT is low as long as a flag is set and enabled, but a pin's interrupt comes with its edge, and the chip
# has room for two frames, half a millisecond. So the pin's interrupt is a hard one, which runs while garbage is
# collected too: it takes the frames into a ring, clears what holds INT low (mcp2515_receive.py), and has the handler
# called, between two bytecodes. What comes while the chip is being talked to waits until that is done.
from machine import Pin
import micropython
from micropython import const

from drivers import mcp2515_chip, mcp2515_filters, mcp2515_timing
from drivers.can_ring import FILLED, LOST, TAKEN
from drivers.mcp2515_chip import talk
from drivers.mcp2515_receive import DEAD, ENABLED, MASK, SENT, TROUBLE, drain
from drivers.mcp2515_send import Sender
from drivers.mcp2515_state import REQOP

_TEC = const(0x1C)
_CANINTE = const(0x2B)
_CANINTF = const(0x2C)
_EFLG = const(0x2D)
_RX_BITS = const(0x03)        # CANINTF.RXnIF, 7.0
_ROUNDS = const(8)            # of the handler in one interrupt
_EIO = const(5)
_ENODEV = const(19)
_EINVAL = const(22)
_ETIMEDOUT = const(110)


class _Irq:
    def __init__(self, can):
        self._can = can

    def flags(self):
        return self._can.next_flags()

    def trigger(self):
        return self._can.triggers


class MCP2515(Sender):
    """One controller. spi: machine.SPI, mode 0, at most 10 MHz. select: machine.Pin, output, high. interrupt:
    machine.Pin at INT, input. The rest is what machine.CAN takes. OSError: no MCP2515. ValueError: see
    mcp2515_timing.find.
    """

    MODE_NORMAL, MODE_SLEEP, MODE_LOOPBACK, MODE_SILENT, MODE_SILENT_LOOPBACK = 0, 1, 2, 3, 4
    STATE_STOPPED, STATE_ACTIVE, STATE_WARNING, STATE_PASSIVE, STATE_BUS_OFF = 0, 1, 2, 3, 4
    FLAG_RTR, FLAG_EXT_ID, FLAG_UNORDERED = 1, 2, 16
    RECV_ERR_FULL, RECV_ERR_OVERRUN = 1, 2
    IRQ_TX, IRQ_RX, IRQ_TX_FAILED, IRQ_STATE = 1, 2, 4, 8
    IRQ_TX_IDX_SHIFT, IRQ_TX_IDX_MASK = 16, 0xFF
    TX_QUEUE_LEN = 3
    FILTERS_MAX = mcp2515_filters.FILTERS_MAX

    def __init__(self, spi, select, interrupt, bitrate, crystal_hz=16_000_000, **settings):
        super().__init__(spi, select, interrupt)
        self._crystal_hz = crystal_hz
        self._hard = False
        self._irq = _Irq(self)
        self._serve = self.serve  # bound once
        self._knock = self.knock
        self._schedule = micropython.schedule
        self._called = False  # `serve` is scheduled
        self.init(bitrate, **settings)

    # --- set up ---

    def init(self, bitrate, mode=MODE_NORMAL, sample_point=75, sjw=1, tseg1=None, tseg2=None):
        if not 0 <= mode <= 4 or REQOP[mode] is None:
            raise ValueError("mode %d" % mode)
        timing = mcp2515_timing.find(self._crystal_hz, bitrate, sample_point, sjw, tseg1, tseg2)
        self._timing = timing
        self._mode = mode
        self._layout = mcp2515_filters.lay_out(())
        talk.busy = True
        try:
            self._forget()
            self.ring.clear()
            self._state = self.STATE_STOPPED
            if not self._chip.reset():
                raise OSError(_ENODEV, "no MCP2515")
            if not self._join():
                raise OSError(_EIO, "the MCP2515 does not keep its settings")
        finally:
            talk.done()
        self._watch()

    def deinit(self):
        self._state = self.STATE_STOPPED
        self._pin.irq(None)
        talk.busy = True
        try:
            self._forget()
            self.ring.clear()
            self._chip.write(_CANINTE, 0)
            if not self._chip.configuration():
                self._chip.reset()
        finally:
            talk.done()

    def restart(self):
        """On the bus again. state() stays STATE_BUS_OFF when the chip does not answer, or the bus is held dominant."""
        if self._state == self.STATE_STOPPED:
            raise OSError(_EINVAL)
        talk.busy = True
        try:
            self._forget()
            self._state = self.STATE_BUS_OFF
            chip = self._chip
            if chip.configuration() or chip.reset():
                chip.write(_CANINTF, chip.read(_CANINTF)[2] & _RX_BITS)
                chip.write(_EFLG, 0)
                self._join()
        finally:
            talk.done()
        self._watch()

    def set_filters(self, filters):
        """ValueError: what two masks and six filters cannot do (mcp2515_filters.lay_out). OSError: frames that wait to
        be sent do not get out, so that filters cannot be changed."""
        if filters is not None:
            filters = tuple(filters)
            if len(filters) > self.FILTERS_MAX:
                raise ValueError("too many filters")
        layout = mcp2515_filters.lay_out(filters)
        if self._state in (self.STATE_STOPPED, self.STATE_BUS_OFF):
            self._layout = layout
            return
        talk.busy = True
        try:
            chip = self._chip
            if not chip.enter(mcp2515_chip.CONFIGURATION) and self._mode != self.MODE_SLEEP:
                chip.enter(REQOP[self._mode])
                raise OSError(_ETIMEDOUT)
            if self._mode == self.MODE_SLEEP:
                chip.reset()
            elif self._layout.deaf:
                chip.modify(_CANINTF, _RX_BITS, 0)
            self._layout = layout
            if not self._join():
                self._lost()
        finally:
            talk.done()
        self._look_again()

    def _join(self):
        """Settings into a chip in configuration mode, then onto the bus. False: it did not keep them."""
        chip = self._chip
        if not chip.configure(self._timing, self._layout):
            return False
        self._eflg = 0
        notes = self.notes
        notes[MASK] = 0 if self._layout.deaf else _RX_BITS
        notes[ENABLED] = self._wanted()
        chip.write(_CANINTE, notes[ENABLED])
        on_bus = chip.enter(REQOP[self._mode])
        self._state = self.STATE_ACTIVE if on_bus else self.STATE_BUS_OFF
        return True

    # --- interrupts ---

    def irq(self, handler=None, trigger=0, hard=False):
        if handler is None and not trigger:
            return self._irq
        if trigger & ~(self.IRQ_TX | self.IRQ_RX | self.IRQ_STATE):
            raise ValueError("trigger %d" % trigger)
        self._handler = handler
        self.triggers = trigger if handler is not None else 0
        self._hard = hard
        if self._state:
            talk.busy = True
            try:
                self.notes[ENABLED] = self._wanted()
                self._chip.write(_CANINTE, self.notes[ENABLED])
            finally:
                talk.done()
        self._watch()
        return self._irq

    def _watch(self):
        if self._handler is None:
            self._pin.irq(None)
        else:
            talk.know(self)
            self._pin.irq(self._knock, Pin.IRQ_FALLING, hard=True)
            self._look_again()

    def _look_again(self):
        """INT may have fallen before anybody listened."""
        if 0 < self._state < 4:
            talk.busy = True
            try:
                self._look()
            finally:
                talk.done()
        self._call_again()

    @micropython.native
    def _waits(self):
        """There is something for the handler."""
        notes = self.notes
        triggers = self.triggers
        if triggers & 2:
            state = self.ring.state
            if state[FILLED] != state[TAKEN]:
                return True
        return self._done or self._news or notes[SENT] and triggers & 1 or notes[TROUBLE] or notes[DEAD]

    @micropython.native
    def _call_again(self):
        """Call the handler for what is left: the ring makes no edge."""
        if self._handler is not None and not self._inside and not self.late and self._waits():
            self.late = True
            self.behind = talk.late
            talk.late = self
        if talk.late is not None and not talk.busy:
            talk.done()

    @micropython.native
    def knock(self, pin):
        """The hard interrupt of INT, between any two bytecodes. Nothing here may allocate."""
        if talk.busy:
            self.knocked = True
            talk.knocked = True
            return
        if drain(self._hot):
            self._unfinished = True
        if self._hard:
            self.serve(pin)
        elif not self._called:
            self._call()

    @micropython.native
    def _call(self):
        """Have `serve` called soon."""
        self._called = True
        try:
            self._schedule(self._serve, self._pin)
        except RuntimeError:  # no room: the next interrupt calls it, or the program asks
            self._called = False

    @micropython.native
    def serve(self, pin):
        """Calls the handler; scheduled by the hard interrupt, or pin None: by Talk.done()."""
        if pin is not None:
            self._called = False
        if talk.busy or self._inside or pin is None and talk.inside:
            if not self.late and not self._inside:
                self.late = True
                self.behind = talk.late
                talk.late = self
            return
        if self._unfinished:
            talk.busy = True
            try:
                self._look()
            finally:
                talk.done()
        handler = self._handler
        if handler is None or not self._waits():
            return
        self._inside = True
        talk.inside += 1
        try:
            rounds = _ROUNDS
            while rounds:
                rounds -= 1
                self._moved = False
                self._told = False
                handler(self)
                if not self._waits():
                    break
                if not self._moved:
                    break  # it leaves its work for later
            else:
                rounds = -1
        finally:
            self._inside = False
            talk.inside -= 1
        if rounds < 0 and not self._called:  # let the program run
            self._call()
        if talk.late is not None and not talk.busy and not talk.inside:
            talk.done()

    @micropython.native
    def next_flags(self):
        """What irq().flags() returns."""
        if not self._told:
            self._told = True
            self._told_rx = False
            notes = self.notes
            state = self.ring.state
            news = notes[SENT] or notes[TROUBLE] or notes[DEAD]
            if not 0 < self._state < 4:
                notes[TROUBLE] = notes[DEAD] = 0
            elif news or self._leaving or state[FILLED] == state[TAKEN]:
                if self._handler is not None and not self._pin.value() and not self._unfinished:
                    self._pin.irq(self._knock, Pin.IRQ_FALLING, hard=True)  # an interrupt did not come: it was lost
                talk.busy = True
                try:
                    self._look()
                    self._collect()
                finally:
                    talk.done()
        if self._news:
            self._news = False
            if self.triggers & self.IRQ_STATE:
                return self.IRQ_STATE
        if self._done:
            return self._next_sent()
        if self.triggers & 2 and not self._told_rx:
            state = self.ring.state
            if state[FILLED] != state[TAKEN]:
                self._told_rx = True
                return 2
        self._told = False
        return 0

    # --- received frames ---

    def recv(self, arg=None):
        """From the ring, which the interrupt fills; without one, or where it does not, from the chip."""
        if not self._state or self._layout.deaf:
            return None
        if arg is None:
            arg = [0, memoryview(bytearray(8)), 0, 0]
        ring = self.ring
        got = ring.take(arg)
        if got is None and (not self.notes[ENABLED] & _RX_BITS or not self._pin.value()):
            talk.busy = True
            try:
                self._look()
            finally:
                talk.done()
            got = ring.take(arg)
        self._moved = True
        self._call_again()
        return got

    # --- counters ---

    def get_counters(self, list=None):
        """TEC, REC, times in warning, passive, bus-off, frames waiting to be sent, frames received, overruns."""
        if list is None:
            list = [0] * 8
        talk.busy = True
        try:
            list[0] = list[1] = 0
            if 0 < self._state < 4:
                answer = self._chip.read(_TEC, 2)
                list[0] = answer[2]
                list[1] = answer[3]
                self._look()
        finally:
            talk.done()
        for k in range(3):
            list[2 + k] = self._entered[k]
        waiting = self._loaded & ~self._done & ~(self.notes[SENT] >> 2)
        list[5] = (waiting & 1) + (waiting >> 1 & 1) + (waiting >> 2)
        list[6] = self.ring.waiting()
        list[7] = self.ring.state[LOST]
        return list

    def get_timings(self, list=None):
        """Bit rate as it is, SJW, tseg1, tseg2, None, None."""
        if list is None:
            list = [None] * 6
        timing = self._timing
        list[:] = (timing.bitrate, timing.sjw, timing.tseg1, timing.tseg2, None, None)
        return list
