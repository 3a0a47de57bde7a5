# Controllers with the documented machine.CAN interface on one wire, for tests of the bus: a Wire carries one frame
# at a time, lowest identifier first, and may lose, repeat or delay what it carries.
import time


class Irq:
    def __init__(self, can):
        self._can = can

    def flags(self):
        return self._can.events.pop(0) if self._can.events else 0


class FakeCan:
    MODE_NORMAL = 0
    STATE_STOPPED, STATE_ACTIVE, STATE_WARNING, STATE_PASSIVE, STATE_BUS_OFF = 0, 1, 2, 3, 4
    FLAG_RTR, FLAG_EXT_ID, FLAG_UNORDERED = 1, 2, 16
    RECV_ERR_FULL, RECV_ERR_OVERRUN = 1, 2
    IRQ_TX, IRQ_RX, IRQ_TX_FAILED, IRQ_STATE = 1, 2, 4, 8
    IRQ_TX_IDX_SHIFT, IRQ_TX_IDX_MASK = 16, 0xFF
    TX_QUEUE_LEN = 3
    FILTERS_MAX = 14

    def __init__(self, wire, depth=64, filters_max=14):
        self.wire = wire
        wire.cans.append(self)
        self.events = []
        self.waiting = [None] * self.TX_QUEUE_LEN
        self.most_waiting = 0
        self.received = []
        self.filters = ()
        self.filters_max = filters_max
        self.depth = depth
        self.lost = False
        self.cancels = 0
        self.restarts = 0
        self.handler = None
        self.meanwhile = None  # what happens once while send() looks for a free buffer
        self._state = self.STATE_ACTIVE
        self._irq = Irq(self)

    def set_filters(self, filters):
        if filters is not None and len(filters) > self.filters_max:
            raise ValueError("too many filters")
        self.filters = filters

    def accepts(self, identifier, flags):
        if self.filters is None:
            return True
        for wanted, mask, wanted_flags in self.filters:
            if (identifier ^ wanted) & mask == 0 and not (flags ^ wanted_flags) & self.FLAG_EXT_ID:
                return True
        return False

    def send(self, id, data, flags=0):
        if self._state in (self.STATE_STOPPED, self.STATE_BUS_OFF):
            raise OSError(5)
        if len(data) > 8 or not 0 <= id < 1 << 29:
            raise ValueError("frame")
        if self.meanwhile is not None:
            self.meanwhile()
            self.meanwhile = None
        for slot in range(self.TX_QUEUE_LEN):
            if self.waiting[slot] is None:
                self.waiting[slot] = (id, bytes(data), flags)
                self.most_waiting = max(self.most_waiting, len([f for f in self.waiting if f]))
                return slot
        return None

    def cancel_send(self, index):
        if self.waiting[index] is None:
            return False
        self.cancels += 1
        self.finish(index, False)
        return True

    def finish(self, slot, sent):
        self.waiting[slot] = None
        self.event(self.IRQ_TX | (0 if sent else self.IRQ_TX_FAILED) | slot << self.IRQ_TX_IDX_SHIFT)

    def event(self, flags):
        self.events.append(flags)
        self.wire.interrupts.append(self)

    def take(self, identifier, data, flags=2):
        """A frame from the wire, or from a test."""
        if self._state == self.STATE_BUS_OFF or not self.accepts(identifier, flags):
            return
        if len(self.received) >= self.depth:
            self.lost = True
            return
        self.received.append((identifier, bytes(data), flags))
        self.event(self.IRQ_RX)

    def recv(self, arg=None):
        if not self.received:
            return None
        identifier, data, flags = self.received.pop(0)
        if arg is None:
            arg = [0, None, 0, 0]
        arg[0], arg[1], arg[2] = identifier, memoryview(data), flags
        arg[3] = self.RECV_ERR_OVERRUN if self.lost else 0
        self.lost = False
        return arg

    def irq(self, handler=None, trigger=0, hard=False):
        if handler is not None:
            self.handler = handler
        return self._irq

    def state(self):
        return self._state

    def go_bus_off(self):
        self._state = self.STATE_BUS_OFF
        for slot in range(self.TX_QUEUE_LEN):
            if self.waiting[slot]:
                self.finish(slot, False)
        self.event(self.IRQ_STATE)
        self.wire.serve()

    def restart(self):
        self.waiting = [None] * self.TX_QUEUE_LEN
        self._state = self.STATE_ACTIVE
        self.restarts += 1


class Wire:
    """The bus. fault(identifier, data) -> frames to deliver in place of this one; None: as it is."""

    def __init__(self):
        self.cans = []
        self.log = []
        self.interrupts = []
        self.fault = None
        self.cut = False

    def serve(self):
        while self.interrupts:
            can = self.interrupts.pop(0)
            if can.handler is not None and (can.events or can.received):
                can.handler(can)
                time.ticks_us()  # what it scheduled runs

    def step(self):
        """Carry the most urgent frame; False if there is none."""
        self.serve()
        best = None
        for can in self.cans:
            for slot in range(can.TX_QUEUE_LEN):
                frame = can.waiting[slot]
                if frame is not None and (best is None or frame[0] < best[2][0]):
                    best = (can, slot, frame)
        if best is None or self.cut:
            return False
        sender, slot, frame = best
        sender.finish(slot, True)
        self.log.append((frame[0], frame[1]))
        frames = [(frame[0], frame[1])] if self.fault is None else self.fault(frame[0], frame[1])
        for identifier, data in frames:
            for can in self.cans:
                if can is not sender:
                    can.take(identifier, data, frame[2])
        self.serve()
        return True

    def run(self, *nodes):
        """Carry frames and let the nodes work until nothing moves any more."""
        while True:
            moved = False
            while self.step():
                moved = True
            for node in nodes:
                node.process()
            if not moved and not any(frame for can in self.cans for frame in can.waiting):
                return
            if not moved and self.cut:
                return
