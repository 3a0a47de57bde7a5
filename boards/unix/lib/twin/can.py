# machine.CAN of the virtual board, after MicroPython's documentation and the bxCAN of STM32: three transmit
# mailboxes that leave by identifier, two receive FIFOs of three, fourteen filters. The hub is the bus.
import micropython
import struct

import twin
from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR, arbitration_key, frame_bits

_FIFO_DEPTH = 3
_LEAST_BITS = 47
_EXT_ID_LAST = 0x1FFFFFFF
_STD_ID_LAST = 0x7FF


class _Irq:
    def __init__(self, can):
        self._can = can

    def flags(self):
        return self._can._take_flags()

    def trigger(self):
        return self._can._trigger


class CAN:
    """machine.CAN"""

    MODE_NORMAL = 0
    MODE_SLEEP = 1
    MODE_LOOPBACK = 2
    MODE_SILENT = 3
    MODE_SILENT_LOOPBACK = 4
    STATE_STOPPED = 0
    STATE_ACTIVE = 1
    STATE_WARNING = 2
    STATE_PASSIVE = 3
    STATE_BUS_OFF = 4
    FLAG_RTR = FLAG_RTR
    FLAG_EXT_ID = FLAG_EXT_ID
    FLAG_UNORDERED = 16
    RECV_ERR_FULL = 1
    RECV_ERR_OVERRUN = 2
    IRQ_TX = 1
    IRQ_RX = 2
    IRQ_TX_FAILED = 4
    IRQ_STATE = 8
    IRQ_TX_IDX_SHIFT = 16
    IRQ_TX_IDX_MASK = 0xFF
    TX_QUEUE_LEN = 3
    FILTERS_MAX = 14

    def __init__(self, id, *args, **settings):
        self._board = twin.board
        self._id = id
        self._irq = _Irq(self)
        self._handler = None
        self._trigger = 0
        self._hard = False
        self._state = self.STATE_STOPPED
        if not self._board.cans:
            self._board.on_record(records.CAN_RECEIVED, _received)
            self._board.on_record(records.CAN_SENT, _sent)
            self._board.on_record(records.CAN_STATE, _state)
        self._board.cans[id] = self
        self.init(*args, **settings)

    def init(self, bitrate, mode=MODE_NORMAL, sample_point=75, sjw=1, tseg1=None, tseg2=None):
        if not 10_000 <= bitrate <= 1_000_000:
            raise ValueError("bitrate %d" % bitrate)
        if not 0 <= mode <= self.MODE_SILENT_LOOPBACK or not 1 <= sjw <= 4 or not 0 < sample_point < 100:
            raise ValueError("mode, sjw or sample_point out of range")
        if (tseg1 is None) != (tseg2 is None):
            raise ValueError("tseg1 and tseg2 go together")
        if tseg1 is None:
            tseg1, tseg2 = _segments(sample_point)
        if not 1 <= tseg1 <= 16 or not 1 <= tseg2 <= 8:
            raise ValueError("tseg1 or tseg2 out of range")
        self._bitrate, self._mode = bitrate, mode
        self._bit_ns = 1_000_000_000 // bitrate
        self._timings = (bitrate, sjw, tseg1, tseg2, None, None)
        self._mailboxes = [None] * self.TX_QUEUE_LEN  # (id, flags, data) that wait to be sent
        self._fifos = ([], [])
        self._lost = [0, 0]  # per FIFO, since the last recv from it
        self._filters = ()
        self._events = []  # flags() still to hand out
        self._tx_errors = self._rx_errors = 0
        self._entered = [0, 0, 0]  # warning, passive, bus off
        self._overruns = 0
        self._state = self.STATE_ACTIVE
        self._board.emit(records.CAN_MODE, struct.pack("<BBI", self._id, mode, bitrate))

    def deinit(self):
        self._state = self.STATE_STOPPED
        self._mailboxes = [None] * self.TX_QUEUE_LEN
        self._fifos = ([], [])
        self._events.clear()
        self._board.emit(records.CAN_MODE, struct.pack("<BBI", self._id, 255, 0))

    def restart(self):
        if self._state == self.STATE_STOPPED:
            raise OSError(22)
        self._mailboxes = [None] * self.TX_QUEUE_LEN
        self._entered = [0, 0, 0]
        self._tx_errors = self._rx_errors = 0
        self._state = self.STATE_ACTIVE
        self._board.emit(records.CAN_MODE, struct.pack("<BBI", self._id, self._mode, self._bitrate))

    # --- filters ---

    def set_filters(self, filters):
        if filters is not None:
            filters = tuple(filters)
            if len(filters) > self.FILTERS_MAX:
                raise ValueError("too many filters")
            for identifier, mask, flags in filters:
                last = _EXT_ID_LAST if flags & FLAG_EXT_ID else _STD_ID_LAST
                if not 0 <= identifier <= last or not 0 <= mask <= last:
                    raise ValueError("invalid id")
        self._filters = filters
        packed = b"" if filters is None else b"".join(struct.pack("<IIB", *item) for item in filters)
        self._board.emit(records.CAN_FILTERS, bytes((self._id, filters is None)) + packed)

    def _filter(self, identifier, flags):
        """Number of the filter that lets this frame in, or None."""
        if self._filters is None:
            return 0
        for position, (wanted, mask, filter_flags) in enumerate(self._filters):
            if (identifier ^ wanted) & mask == 0 and not (flags ^ filter_flags) & FLAG_EXT_ID:
                if filter_flags & FLAG_RTR and not flags & FLAG_RTR:
                    continue
                return position
        return None

    # --- send ---

    def send(self, id, data, flags=0):
        kernel = self._board.kernel
        if not kernel.locked:
            return self._send(id, data, flags)
        kernel.locked = False  # in a hard handler: what this model takes is not the firmware's
        micropython.heap_unlock()
        try:
            return self._send(id, data, flags)
        finally:
            micropython.heap_lock()
            kernel.locked = True

    def _send(self, id, data, flags):
        asleep = self._mode in (self.MODE_SLEEP, self.MODE_SILENT)  # neither can begin a frame
        if asleep or self._state in (self.STATE_BUS_OFF, self.STATE_STOPPED):
            raise OSError(5)
        if not 0 <= id <= (_EXT_ID_LAST if flags & FLAG_EXT_ID else _STD_ID_LAST):
            raise ValueError("invalid id")
        if len(data) > 8:
            raise ValueError("CAN data too long")
        kernel = self._board.kernel
        kernel.charge(self._board.costs["can_send"])
        free = -1
        for slot in range(self.TX_QUEUE_LEN - 1, -1, -1):
            waiting = self._mailboxes[slot]
            if waiting is None:
                free = slot
            elif waiting[0] == id and not flags & self.FLAG_UNORDERED and not (waiting[1] ^ flags) & FLAG_EXT_ID:
                return None
        if free < 0:
            return None
        flags &= FLAG_EXT_ID | FLAG_RTR
        frame = (id, flags, bytes(data))
        self._mailboxes[free] = frame
        if self._mode == self.MODE_SILENT_LOOPBACK:
            self._loop_back()
        else:
            self._board.emit(records.CAN_SEND, struct.pack("<BBIB", self._id, free, id, flags) + frame[2])
            # nothing comes of it before the frame has left: 47 bits and its data, when nobody stuffs any
            kernel.stop_at(kernel.now + (_LEAST_BITS + 8 * len(data)) * self._bit_ns // 1000)
        return free

    def _loop_back(self):
        """The frame stays inside: sent and received after its time on the wire, by priority."""
        slot = min(
            (s for s in range(self.TX_QUEUE_LEN) if self._mailboxes[s] is not None),
            key=lambda s: arbitration_key(self._mailboxes[s][0], self._mailboxes[s][1]),
        )
        frame = self._mailboxes[slot]
        kernel = self._board.kernel

        def done():
            if self._mailboxes[slot] is frame:
                let_in_by = self._filter(frame[0], frame[1])
                if let_in_by is not None:
                    self._took(frame[0], frame[1], frame[2], let_in_by)
                self._finished(slot, True)

        kernel.at(kernel.now + frame_bits(*frame) * 1_000_000 // self._bitrate, done)

    def cancel_send(self, index):
        if not 0 <= index < self.TX_QUEUE_LEN:
            raise ValueError("index %d" % index)
        if self._mailboxes[index] is None:
            return False
        self._board.emit(records.CAN_CANCEL, bytes((self._id, index)))
        if self._board.kernel.link is None or self._mode == self.MODE_SILENT_LOOPBACK:
            self._finished(index, False)
        return True

    def _finished(self, slot, sent):
        if self._mailboxes[slot] is None:
            return
        self._mailboxes[slot] = None
        if self._trigger & self.IRQ_TX:
            self._raise(self.IRQ_TX | (0 if sent else self.IRQ_TX_FAILED) | slot << self.IRQ_TX_IDX_SHIFT)

    # --- receive ---

    def _took(self, identifier, flags, data, let_in_by):
        fifo = let_in_by & 1  # filters take turns with the FIFOs
        queue = self._fifos[fifo]
        if len(queue) >= _FIFO_DEPTH:
            self._lost[fifo] += 1
            self._overruns += 1
            return
        queue.append((identifier, flags, bytes(len(data)) if flags & FLAG_RTR else data))
        if self._trigger & self.IRQ_RX:
            self._raise(self.IRQ_RX)

    def recv(self, arg=None):
        kernel = self._board.kernel
        if not kernel.locked:
            return self._recv(arg)
        kernel.locked = False  # in a hard handler: what this model takes is not the firmware's
        micropython.heap_unlock()
        try:
            return self._recv(arg)
        finally:
            micropython.heap_lock()
            kernel.locked = True

    def _recv(self, arg):
        self._board.kernel.charge(self._board.costs["can_receive"])
        fifo = 0 if self._fifos[0] else 1
        queue = self._fifos[fifo]
        if not queue:
            return None
        errors = self.RECV_ERR_FULL if len(queue) >= _FIFO_DEPTH else 0
        if self._lost[fifo]:
            errors |= self.RECV_ERR_OVERRUN
            self._lost[fifo] = 0
        identifier, flags, data = queue.pop(0)
        if arg is None:
            arg = [0, memoryview(bytearray(8)), 0, 0]
        size = len(data)
        room = _room(arg)
        room[:size] = data
        arg[0] = identifier
        arg[1] = room[:size]
        arg[2] = flags
        arg[3] = errors
        return arg

    # --- interrupts, state ---

    def irq(self, handler=None, trigger=0, hard=False):
        if handler is not None or trigger:
            self._handler = handler
            self._trigger = trigger
            self._hard = hard
        return self._irq

    def _raise(self, flags):
        if flags == self.IRQ_RX and self.IRQ_RX in self._events:
            return
        self._events.append(flags)
        if self._handler is not None and len(self._events) == 1:
            self._interrupt()

    def _interrupt(self):
        if not self._hard:
            self._board.kernel.interrupt(self._call, None)
            return
        self._board.kernel.hard(self._call_hard, None, self._forget)

    def _call_hard(self, _):
        while self._serve():
            self._board.kernel.now += self._board.costs["hard_interrupt"]

    def _forget(self):
        """The handler raised: it is called no more."""
        self._handler = None

    def _call(self, _):
        if self._serve():
            self._board.kernel.interrupt(self._call, None)

    def _serve(self):
        """The handler; True: again, for what it left. Not for what it did not look at."""
        before = len(self._events)
        if not before or self._handler is None:
            return False
        self._handler(self)
        if self.IRQ_RX in self._events and not self._fifos[0] and not self._fifos[1]:
            self._events.remove(self.IRQ_RX)
        return 0 < len(self._events) < before

    def _take_flags(self):
        return self._events.pop(0) if self._events else 0

    def _changed(self, state, tx_errors, rx_errors):
        self._tx_errors, self._rx_errors = tx_errors, rx_errors
        worse = state > self._state
        for level in range(self._state, state):
            if level >= self.STATE_ACTIVE:
                self._entered[level - self.STATE_ACTIVE] += 1
        self._state = state
        if state == self.STATE_BUS_OFF:
            for slot in range(self.TX_QUEUE_LEN):
                self._finished(slot, False)
        if worse and self._trigger & self.IRQ_STATE:
            self._raise(self.IRQ_STATE)

    def state(self):
        return self._state

    def get_counters(self, list=None):
        values = [self._tx_errors, self._rx_errors] + self._entered
        values.append(sum(1 for frame in self._mailboxes if frame is not None))
        values.append(len(self._fifos[0]) + len(self._fifos[1]))
        values.append(self._overruns)
        return _into(list, values)

    def get_timings(self, list=None):
        return _into(list, self._timings)


_ROOMS = 8
_rooms = []  # (list given to or made by recv, its whole 8-byte view), newest first: recv cuts the list's own view


def _room(arg):
    for k in range(len(_rooms)):
        if _rooms[k][0] is arg:
            if k:
                _rooms.insert(0, _rooms.pop(k))
            return _rooms[0][1]
    if len(_rooms) >= _ROOMS:
        _rooms.pop()
    _rooms.insert(0, (arg, arg[1]))
    return arg[1]


def _into(target, values):
    if target is None:
        return [value for value in values]
    target[:] = values
    return target


def _segments(sample_point):
    """tseg1, tseg2 of the 8 to 16 quanta that come nearest to the sample point in percent."""
    best = None
    for quanta in range(16, 7, -1):
        tseg1 = (quanta * sample_point + 50) // 100 - 1
        tseg2 = quanta - 1 - tseg1
        if 1 <= tseg1 <= 16 and 1 <= tseg2 <= 8:
            error = abs(100 * (1 + tseg1) - sample_point * quanta)
            if best is None or error < best[0]:
                best = (error, tseg1, tseg2)
    if best is None:
        raise ValueError("sample_point %d" % sample_point)
    return best[1], best[2]


def _received(time_us, data):
    bus, let_in_by, identifier, flags = struct.unpack_from("<BBIB", data)
    can = twin.board.cans.get(bus)
    if can is not None and can._state not in (CAN.STATE_STOPPED, CAN.STATE_BUS_OFF):
        can._took(identifier, flags, bytes(data[7:]), let_in_by)


def _sent(time_us, data):
    can = twin.board.cans.get(data[0])
    if can is not None:
        can._finished(data[1], data[2] != 0)


def _state(time_us, data):
    bus, state, tx_errors, rx_errors = struct.unpack("<BBHH", data)
    can = twin.board.cans.get(bus)
    if can is not None and can._state != CAN.STATE_STOPPED:
        can._changed(state, tx_errors, rx_errors)
