# machine.CAN by an MCP2515 on SPI, Microchip DS20001801J; the interface is that of MicroPython's documentation.
#
# Beyond it: MODE_LOOPBACK is refused, the chip's loopback is off the bus (MODE_SILENT_LOOPBACK). Changing filters
# clears TEC and REC (10.1). send() may refuse a frame because there is no place for it in the order of those that
# wait: one of them leaves first. What the chip forgot, or a chip that does not answer, shows as bus-off: restart().
#
# Interrupts: INT is low as long as a flag is set and enabled, but a pin's interrupt comes with its edge. So the
# handler runs again while INT is low, and what comes while the chip is being talked to waits until that is done.
from machine import Pin
from micropython import const

from drivers import mcp2515_chip, mcp2515_filters, mcp2515_timing

_CANINTE = const(0x2B)
_CANINTF = const(0x2C)
_EFLG = const(0x2D)
_CNF3 = const(0x28)
_TEC = const(0x1C)
_TXB0CTRL = const(0x30)       # TXBnCTRL is 0x10 further each, 3.0
_TXREQ = const(0x08)
_LOAD_TX = const(0x40)        # 12.6  from TXBnSIDH; 2 further each
_READ_RX = const(0x90)        # 12.4  from RXBnSIDH; 4 further; clears RXnIF
_SLOT_BITS = const(0x1C)      # CANINTF.TXnIF, 7.0
_RX_BITS = const(0x03)
_ERROR_BIT = const(0x20)
_OVERRUNS = const(0xC0)       # EFLG.RX1OVR, RX0OVR, 6.7
_ROUNDS = const(8)            # of the handler in one interrupt
_FRAMES = const(4)            # lists given to recv() whose memory is known
_MIDDLE = (6, 7, 8)           # place of the first frame that waits, by its buffer
_REQOP = (0x00, 0x20, None, 0x60, 0x40)  # CANCTRL.REQOP by MODE_*, 10.0
_EIO = const(5)
_ENODEV = const(19)
_EINVAL = const(22)
_ETIMEDOUT = const(110)


class _Talk:
    """While one MCP2515 is talked to, no handler of another may use their bus; it is called afterwards."""

    def __init__(self):
        self.busy = False
        self.inside = 0   # handlers that run
        self.late = None  # the first chip whose handler waits; each knows the next

    def done(self):
        self.busy = False
        while self.late is not None and not self.inside:
            chip = self.late
            self.late, chip.behind, chip.late = chip.behind, None, False
            chip.serve(None)


_talk = _Talk()


class _Irq:
    def __init__(self, can):
        self._can = can

    def flags(self):
        return self._can.next_flags()

    def trigger(self):
        return self._can.triggers


class MCP2515:
    """One controller. spi: machine.SPI, mode 0, at most 10 MHz. select: machine.Pin, output, high. interrupt: machine.Pin
    of INT, input. The rest is what machine.CAN takes. OSError: no MCP2515 answers. ValueError: see mcp2515_timing.find.
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
        self._spi = spi
        self._select = select
        self._pin = interrupt
        self._crystal_hz = crystal_hz
        self._chip = mcp2515_chip.Chip(spi, select)
        self._handler = None
        self.triggers = 0
        self._irq = _Irq(self)
        self._serve = self.serve
        self.late = False
        self.behind = None
        self._inside = False
        self._moved = False
        self.losses = 0  # times that the chip had lost its settings or did not answer
        self._state = 0
        # CAN frames on their way: command and header, 6 bytes; data go from and to the caller's buffers
        self._out = bytearray(6)
        self._in = bytearray(6)
        self._take = (bytearray((_READ_RX, 0, 0, 0, 0, 0)), bytearray((_READ_RX | 4, 0, 0, 0, 0, 0)))
        self._ask = bytearray((0x03, _CANINTF, 0, 0))
        self._answer = bytearray(4)
        self._lists = []  # (list, its memory cut to 0 .. 8 bytes)
        self._high = [0, 0, 0]  # arbitration field of what waits, by transmit buffer: see _urgency
        self._low = [0, 0, 0]
        self._place = [0, 0, 0]
        self._entered = [0, 0, 0]
        self._layout = mcp2515_filters.lay_out(())
        self.init(bitrate, **settings)

    # --- set up ---

    def init(self, bitrate, mode=MODE_NORMAL, sample_point=75, sjw=1, tseg1=None, tseg2=None):
        if not 0 <= mode <= 4 or _REQOP[mode] is None:
            raise ValueError("mode %d" % mode)
        timing = mcp2515_timing.find(self._crystal_hz, bitrate, sample_point, sjw, tseg1, tseg2)
        self._timing = timing
        self._mode = mode
        self._layout = mcp2515_filters.lay_out(())
        self._overruns = 0
        _talk.busy = True
        try:
            self._forget()
            self._state = self.STATE_STOPPED
            if not self._chip.reset():
                raise OSError(_ENODEV, "no MCP2515")
            if not self._join():
                raise OSError(_EIO, "the MCP2515 does not keep its settings")
        finally:
            _talk.done()
        self._watch()

    def deinit(self):
        self._state = self.STATE_STOPPED
        self._pin.irq(None)
        _talk.busy = True
        try:
            self._forget()
            self._chip.write(_CANINTE, 0)
            if not self._chip.configuration():
                self._chip.reset()
        finally:
            _talk.done()

    def restart(self):
        """On the bus again. state() stays STATE_BUS_OFF when the chip does not answer, or the bus is held dominant."""
        if self._state == self.STATE_STOPPED:
            raise OSError(_EINVAL)
        _talk.busy = True
        try:
            self._forget()
            self._state = self.STATE_BUS_OFF
            chip = self._chip
            if chip.configuration() or chip.reset():
                chip.write(_CANINTF, chip.read(_CANINTF)[2] & _RX_BITS)
                chip.write(_EFLG, 0)
                self._join()
        finally:
            _talk.done()
        self._look_again()

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
        _talk.busy = True
        try:
            chip = self._chip
            if not chip.enter(mcp2515_chip.CONFIGURATION) and self._mode != self.MODE_SLEEP:
                chip.enter(_REQOP[self._mode])
                raise OSError(_ETIMEDOUT)
            if self._mode == self.MODE_SLEEP:
                chip.reset()
            elif self._layout.deaf:
                chip.modify(_CANINTF, _RX_BITS, 0)
            self._layout = layout
            self._rx = 0
            if not self._join():
                self._lost()
        finally:
            _talk.done()
        self._look_again()

    def _join(self):
        """Settings into a chip in configuration mode, then onto the bus. False: it did not keep them."""
        chip = self._chip
        if not chip.configure(self._timing, self._layout):
            return False
        self._eflg = 0
        self._enabled = self._wanted()
        chip.write(_CANINTE, self._enabled)
        on_bus = chip.enter(_REQOP[self._mode])
        self._state = self.STATE_ACTIVE if on_bus else self.STATE_BUS_OFF
        return True

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
        enabled = 0 if self._layout.deaf or self._handler is not None and not self.triggers & self.IRQ_RX else _RX_BITS
        if self._handler is not None:
            enabled |= _SLOT_BITS if self.triggers & self.IRQ_TX else 0
            enabled |= _ERROR_BIT if self.triggers & self.IRQ_STATE else 0
        return enabled

    # --- send ---

    def send(self, id, data, flags=0):
        size = len(data)
        if not 0 <= id <= (0x1FFFFFFF if flags & 2 else 0x7FF):
            raise ValueError("invalid id")
        if size > 8:
            raise ValueError("CAN data too long")
        if not 0 < self._state < 4 or self._mode & 1:  # asleep and silent ones send nothing
            raise OSError(_EIO)
        _talk.busy = True
        try:
            if self._loaded and (self._leaving or not self.triggers & 1):
                self._look()
                self._collect()
            return self._load(id, data, size, flags) if self._loaded != 7 else None
        finally:
            _talk.done()

    def _load(self, identifier, data, size, flags):
        # The arbitration field in two parts: base identifier, RTR or SRR, IDE | extension, RTR. Lower is sooner.
        if flags & 2:
            high = identifier >> 18 << 2 | 3
            low = (identifier & 0x3FFFF) << 1 | flags & 1
        else:
            high = identifier << 2 | (flags & 1) << 1
            low = 0
        place = self._find_place(high, low, flags)
        if place < 0:
            return None
        slot = place % 3
        out = self._out
        out[0] = _LOAD_TX | slot << 1
        if flags & 2:
            out[1] = identifier >> 21
            out[2] = identifier >> 13 & 0xE0 | 0x08 | identifier >> 16 & 3
            out[3] = identifier >> 8 & 0xFF
            out[4] = identifier & 0xFF
        else:
            out[1] = identifier >> 3
            out[2] = identifier << 5 & 0xE0
            out[3] = out[4] = 0
        out[5] = size | (flags & 1) << 6
        self._select(0)
        self._spi.write(out)
        if size and not flags & 1:
            self._spi.write(data)
        self._select(1)
        self._chip.write(_TXB0CTRL + 16 * slot, _TXREQ | place // 3)
        self._high[slot] = high
        self._low[slot] = low
        self._place[slot] = place
        self._loaded |= 1 << slot
        return slot

    def _find_place(self, high, low, flags):
        """Where a frame belongs among those that wait: 3 * TXP + buffer, the highest leaves first (3.2). -1: nowhere.

        Among equals the newcomer goes last. What waits stays where it is (3.1), so a gap may be missing.
        """
        waiting = self._loaded & ~self._done
        below, above = -1, 12
        for slot in range(3):
            if waiting & 1 << slot:
                place = self._place[slot]
                other = self._high[slot] - high or self._low[slot] - low
                if other > 0:
                    below = max(below, place)
                elif other < 0 or not flags & 16:
                    above = min(above, place)
        middle = below + above
        best = -1
        least = 99
        for place in range(below + 1, above):
            if not self._loaded & 1 << place % 3:
                off = 0 if not waiting and place == _MIDDLE[place % 3] else abs(2 * place - middle) + 1
                if off < least:
                    best, least = place, off
        return best

    def cancel_send(self, index):
        if not 0 <= index < 3:
            raise ValueError("index %d" % index)
        bit = 1 << index
        if not self._loaded & ~self._done & bit:
            return False
        _talk.busy = True
        try:
            chip = self._chip
            chip.modify(_TXB0CTRL + 16 * index, _TXREQ, 0)  # 3.6
            if chip.read(_TXB0CTRL + 16 * index)[2] & _TXREQ:
                self._leaving |= bit  # on the wire: it leaves, or gives up when it is disturbed
                return False
            if chip.read(_CANINTF)[2] & 4 << index:
                return False
            self._give_up(index)
            return True
        finally:
            _talk.done()

    def _give_up(self, index):
        """A frame that will not be sent. Setting its flag makes the interrupt, 7.0."""
        bit = 1 << index
        self._leaving &= ~bit
        if self.triggers & self.IRQ_TX:
            self._failed |= bit
            self._chip.modify(_CANINTF, 4 << index, 0xFF)
        else:
            self._loaded &= ~bit

    def _collect(self):
        """Take note of what the transmit buffers have finished; after _look()."""
        chip = self._chip
        if self._leaving:
            for slot in range(3):
                if self._leaving & 1 << slot and not chip.read(_TXB0CTRL + 16 * slot)[2] & _TXREQ:
                    self._leaving &= ~(1 << slot)
                    if not chip.read(_CANINTF)[2] & 4 << slot:
                        self._failed |= 1 << slot
                        self._answer[2] |= 4 << slot
        finished = self._answer[2] & _SLOT_BITS
        if finished:
            chip.modify(_CANINTF, finished, 0)
            self._moved = True
            finished = finished >> 2 & self._loaded
            if self.triggers & self.IRQ_TX:
                self._done |= finished
            else:
                self._loaded &= ~finished
                self._failed &= ~finished

    # --- receive ---

    def recv(self, arg=None):
        if not self._state or self._layout.deaf:
            return None
        if arg is None:
            arg = [0, memoryview(bytearray(8)), 0, 0]
        _talk.busy = True
        try:
            return self._receive(arg)
        finally:
            _talk.done()

    def _receive(self, arg):
        rx = self._rx
        if not rx:
            if self._looked and self._enabled & _RX_BITS and self._pin.value():
                self._looked = False
                return None
            self._look()
            rx = self._rx
            if not rx:
                self._looked = False
                self._call_again()
                return None
        which = 1 if rx == 2 or rx == 3 and self._older1 else 0
        views = self._views(arg)
        head = self._in
        self._select(0)
        self._spi.write_readinto(self._take[which], head)
        low = head[2]
        size = head[5] & 15
        if size > 8:
            size = 8
        view = views[size]
        extended = low & 0x08
        remote = head[5] & 0x40 if extended else low & 0x10
        if size and not remote:
            self._spi.readinto(view)
        self._select(1)  # this clears RXnIF
        if remote:
            for at in range(size):
                view[at] = 0
        arg[0] = head[1] << 3 | low >> 5
        if extended:
            arg[0] = arg[0] << 18 | (low & 3) << 16 | head[3] << 8 | head[4]
        arg[1] = view
        arg[2] = (2 if extended else 0) | (1 if remote else 0)
        arg[3] = (1 if rx == 3 else 0) | (2 if self._overrun else 0)
        self._overrun = False
        self._moved = True
        self._rx = rx = rx & ~(1 << which)
        self._older1 = rx == 2
        if not rx and not (self._enabled & _RX_BITS and self._pin.value()):
            self._look()
            self._older1 = self._rx > 1 and not which  # it was there before RXB0 was free again
        self._looked = True
        self._call_again()
        return arg

    def _views(self, arg):
        """The memory of a list given to recv(), cut to each size: its own view was cut to the frame before."""
        for known in self._lists:
            if known[0] is arg:
                return known[1]
        room = arg[1]
        if len(room) < 8:
            room = memoryview(bytearray(8))
        views = [room[:size] for size in range(9)]
        if len(self._lists) >= _FRAMES:
            self._lists.pop(0)
        self._lists.append((arg, views))
        return views

    # --- interrupts and state ---

    def irq(self, handler=None, trigger=0, hard=False):
        if handler is None and not trigger:
            return self._irq
        if trigger & ~(self.IRQ_TX | self.IRQ_RX | self.IRQ_STATE):
            raise ValueError("trigger %d" % trigger)
        self._handler = handler
        self.triggers = trigger if handler is not None else 0
        self._hard = hard
        if self._state:
            _talk.busy = True
            try:
                self._enabled = self._wanted()
                self._chip.write(_CANINTE, self._enabled)
            finally:
                _talk.done()
        self._watch()
        return self._irq

    def _watch(self):
        if self._handler is None:
            self._pin.irq(None)
        else:
            self._pin.irq(self._serve, Pin.IRQ_FALLING, hard=self._hard)
            self._look_again()

    def serve(self, pin):
        """The interrupt of INT."""
        talk = _talk
        if talk.busy or self._inside or pin is None and talk.inside:
            if not self.late and not self._inside:
                self.late = True
                self.behind = talk.late
                talk.late = self
            return
        handler = self._handler
        if handler is None or self._pin.value() and not self._done and not self._news:
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
                if self._pin.value() and not self._done and not self._news:
                    break
                if not self._moved:
                    break  # it leaves its work for later
            else:
                rounds = -1
        finally:
            self._inside = False
            talk.inside -= 1
        if rounds < 0:  # let the program run: the edge calls again
            self._chip.write(_CANINTE, 0)
            self._chip.write(_CANINTE, self._enabled)
        if talk.late is not None and not talk.busy and not talk.inside:
            talk.done()

    def _call_again(self):
        """INT stays low without an edge: call the handler when this is done."""
        if self._handler is not None and not self._inside and not self.late and not self._pin.value():
            self.late = True
            self.behind = _talk.late
            _talk.late = self

    def _look_again(self):
        self._call_again()
        if not _talk.busy:
            _talk.done()

    def next_flags(self):
        """What irq().flags() returns."""
        if not self._told:
            self._told = True
            self._told_rx = False
            if 0 < self._state < 4:
                _talk.busy = True
                try:
                    self._look()
                    self._collect()
                    if self._answer[2] & _ERROR_BIT and self._state < 4:
                        self._quiet_errors()
                finally:
                    _talk.done()
        if self._news:
            self._news = False
            if self.triggers & self.IRQ_STATE:
                return self.IRQ_STATE
        done = self._done
        if done:
            slot = 0 if done & 1 else 1 if done & 2 else 2
            keep = ~(1 << slot)
            flags = self.IRQ_TX | slot << 16
            if self._failed & 1 << slot:
                flags |= self.IRQ_TX_FAILED
            self._done = done & keep
            self._failed &= keep
            self._leaving &= keep
            self._loaded &= keep
            return flags
        if self._rx and self.triggers & self.IRQ_RX and not self._told_rx:
            self._told_rx = True
            return self.IRQ_RX
        self._told = False
        return 0

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
        self._state = self.STATE_BUS_OFF
        self._leave()

    def _leave(self):
        """Bus-off until restart(); the chip by itself would come back after 128 x 11 recessive bits (6.6)."""
        chip = self._chip
        chip.write(_CANINTE, 0)
        chip.configuration()
        waiting = self._loaded & ~self._done
        self._failed |= waiting
        if self.triggers & self.IRQ_TX:
            self._done |= waiting
        else:
            self._loaded = self._failed = 0

    def state(self):
        if 0 < self._state < 4:
            _talk.busy = True
            try:
                self._check()
            finally:
                _talk.done()
        return self._state

    def _check(self):
        chip = self._chip
        status = chip.read(_CNF3, 8)
        if not chip.keeps(self._timing, self._enabled, _REQOP[self._mode], status):
            self._lost()
            return
        if status[7] != self._eflg:
            self._take_errors(status[7])
        enabled = self._wanted()
        if not self._eflg and enabled != self._enabled:  # calm again: see _quiet_errors
            self._enabled = enabled
            chip.write(_CANINTE, enabled)

    def get_counters(self, list=None):
        """TEC, REC, times in warning, passive, bus-off, frames waiting to be sent, frames received, overruns."""
        if list is None:
            list = [0] * 8
        _talk.busy = True
        try:
            list[0] = list[1] = 0
            if 0 < self._state < 4:
                answer = self._chip.read(_TEC, 2)
                list[0] = answer[2]
                list[1] = answer[3]
                self._look()
        finally:
            _talk.done()
        for k in range(3):
            list[2 + k] = self._entered[k]
        waiting = self._loaded & ~self._done & ~(self._answer[2] >> 2)
        list[5] = (waiting & 1) + (waiting >> 1 & 1) + (waiting >> 2)
        list[6] = (self._rx & 1) + (self._rx >> 1)
        list[7] = self._overruns
        return list

    def get_timings(self, list=None):
        """Bit rate as it is, SJW, tseg1, tseg2, None, None."""
        if list is None:
            list = [None] * 6
        timing = self._timing
        list[:] = (timing.bitrate, timing.sjw, timing.tseg1, timing.tseg2, None, None)
        return list
