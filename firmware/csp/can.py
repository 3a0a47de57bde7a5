# CSP over a CAN controller with the machine.CAN interface (inside the MCU, or drivers/mcp2515.py).
#
# The controller's queue leaves by identifier, not by age, so at most one fragment of a packet waits in it, and at
# most one packet of each priority: fragments leave in order, packets of one priority too, and a packet of a higher
# priority passes between the fragments of a lower one. The interrupt of a sent fragment queues the next.
import micropython
from micropython import const
import time

from csp.block import copy
from csp.fragment import fill, identifier
from csp.interface import Interface
from csp.packet import ADDRESS_LAST, BROADCAST
from csp.stats import RX, RXBYTES, TX, TXBYTES
from drivers.can_ring import ENTRY, FILLED, LOST, TAKEN, TOLD

_PRIORITIES = const(4)
_DST_AT = (0, 19, 13)  # where the destination lies in the identifier, by version
_BACKOFF_FIRST_MS = const(50)  # from bus-off to the first restart
_BACKOFF_LAST_MS = const(6_400)
_CALM_MS = const(10_000)  # on the bus for so long: the back-off starts over
_LEFT = const(3)  # ticks that the interrupt of a frame may take whose leaving was found out before
_GENERAL = const(-1)  # of reassembly.py, here again: viper looks a global up, a constant not
_EMPTY = const(-2)
_INDEX = const(1)  # of fragment.py, likewise
_LAST = const(2)
_FREE = const(-1)  # a transmit buffer of the controller that holds no fragment of a lane


class CanInterface(Interface):
    """One CAN controller. name: as in if_stats, 10 characters at most. queue: packets that may wait to be sent.

    promiscuous: receive what is for others (a router must). time_limit_ms: for a packet, from send() to its last
    frame. admit_no_crc: take packets of several frames that have no CRC (old peers). netmask: bits of the address that
    name the subnet, 0 for none; packets to all its hosts are taken too.
    """

    def __init__(
        self, can, name="CAN", *, queue=8, promiscuous=False, time_limit_ms=1000, admit_no_crc=False, netmask=0
    ):
        super().__init__(name)
        self.address = 0
        self._netmask = netmask
        self._can = can
        self._promiscuous = promiscuous
        self._admit_no_crc = admit_no_crc
        self._time_limit_ms = time_limit_ms
        self._queue = queue
        self._queued = 0
        self.counter = 0  # packets sent, modulo 1024; the counter of CFP
        self._hot = ()  # all that the interrupt needs
        self._receiver = None
        self._counts = self.stats.counts
        # looked up here: a constant of a controller's class is found slowly
        self._bits = (can.IRQ_TX, can.IRQ_STATE, can.IRQ_TX_FAILED, can.IRQ_TX_IDX_SHIFT, can.IRQ_TX_IDX_MASK)
        self._send = can.send
        self._extended = can.FLAG_EXT_ID
        self._lanes = []
        self._slots = [_FREE] * can.TX_QUEUE_LEN  # the priority whose fragment each transmit buffer holds
        self._cancelled = bytearray(can.TX_QUEUE_LEN)  # ticks that its interrupt may still take
        self._cancels = False  # there is any
        self._news = False  # the controller's state has changed
        # its own: while a fragment is handed to a driver, before that takes it, another interface may be served
        frame = memoryview(bytearray(8))
        self._frames = [frame[:size] for size in range(9)]
        if hasattr(can, "ring"):  # the driver's hard interrupt fills it
            self._inlet = None
            self._ring = can.ring
        else:
            from drivers.can_inlet import Inlet  # boards whose drivers do it save its heap

            self._inlet = Inlet(can)
            self._ring = self._inlet.ring
        self._data = bytearray(8)  # of a frame that goes the general way
        self._backoff_ms = _BACKOFF_FIRST_MS
        self._since = 0  # ticks of bus-off or of the last restart, ms

    def attach(self, node):
        """Called by Node.add_interface: filters on, interrupts on."""
        if node.version == 2:  # the other one takes no heap
            from csp import cfp2 as cfp
        else:
            from csp import cfp1 as cfp
        self.node = node
        self.address = node.address
        self._receiver = cfp.Receiver(node.pool, self.stats, self._admit_no_crc)
        fast = self._receiver.fast(self._ring, self, node)
        self._lanes = [cfp.Sender(self.address, k, self._queue) for k in range(_PRIORITIES)]
        if self._netmask:
            self.all_hosts = self.address | ADDRESS_LAST[node.version] >> self._netmask
        can = self._can
        self._since = time.ticks_ms()
        inlet = self._inlet
        rest = (cfp.follow, fast, time.ticks_ms, None if inlet is None else inlet.poll)
        self._hot = (None, self._counts, node, _no_flags, 0) + rest
        irq = (inlet or can).irq(self._interrupt, trigger=can.IRQ_RX | can.IRQ_TX | can.IRQ_STATE, hard=False)
        told = can.IRQ_TX | can.IRQ_STATE
        self._hot = (None, self._counts, node, irq.flags, told) + rest
        self._set_filters()
        self.service()

    def _set_filters(self):
        can = self._can
        version = self.node.version
        at = _DST_AT[version]
        mask = ADDRESS_LAST[version] << at
        if self._promiscuous:
            can.set_filters(((0, 0, can.FLAG_EXT_ID),))
            return
        wanted = [self.address, BROADCAST[version]]
        if self._netmask:
            wanted.append(self.all_hosts)
        try:
            can.set_filters([(address << at, mask, can.FLAG_EXT_ID) for address in wanted])
        except ValueError:  # a controller with fewer filters or other masks: the node looks at each address anyway
            can.set_filters(None)

    # --- sending; callers hold the node's tables ---

    def send(self, packet, via=-1):
        """Queue a packet whose header and trailers are in its buffer; it is held until sent. False: no room."""
        if self._queued >= self._queue:
            self.stats.drop += 1
            self.stats.queue_full += 1
            return False
        lane = self._lanes[packet.pri]
        at = lane.first + lane.count
        if at >= self._queue:
            at -= self._queue
        lane.packets[at] = packet
        if packet.via != via:
            packet.via = via
        lane.count += 1
        self._queued += 1
        packet.holders += 1
        packet.stamp = time.ticks_ms()
        if lane.count == 1:
            self._start(lane)
        return True

    def pending(self):
        """Packets that wait to be sent or are being sent."""
        return self._queued

    def _start(self, lane):
        lane.start(lane.packets[lane.first], self.counter)
        self.counter = self.counter + 1 & 0x3FF
        self._push(lane)

    def _push(self, lane):
        _push(self, lane)

    def _push_waiting(self):
        """Offer the controller the fragments that it had no room for, highest priority first."""
        for lane in self._lanes:
            if lane.count and lane.slot < 0:
                self._push(lane)
                if lane.slot < 0:
                    return

    def _sent_last(self, lane, failed):
        """The last fragment of the lane's first packet has left, or failed: that packet is done with."""
        if failed and self._can.state() == self._can.STATE_BUS_OFF:
            self.node.wake(True)  # this fragment goes out again after the restart
            return
        if failed:
            self.stats.refused += 1
            self._abandon(lane)
        else:
            self._counts[TX] += 1
            self._counts[TXBYTES] += lane.packets[lane.first].size
            self._next(lane)
        self._push_waiting()

    def _overtaken(self, slot):
        """A fragment left its buffer while the next was handed over to it; the interrupt that tells so is to come."""
        _left(self, slot, 0)
        self._cancelled[slot] = _LEFT
        self._cancels = True

    def _abandon(self, lane):
        self.stats.tx_error += 1
        self._next(lane)

    def _next(self, lane):
        """Let go of the lane's first packet and start the one behind it."""
        first = lane.first
        packet = lane.packets[first]
        lane.packets[first] = None
        lane.first = first + 1 if first + 1 < self._queue else 0
        lane.count -= 1
        self._queued -= 1
        self.node.pool.release(packet)
        if lane.count:
            self._start(lane)

    def stuck_ms(self, now):
        """How long the packets at the head of the lanes wait, at most; now: ticks, ms."""
        longest = 0
        for lane in self._lanes:
            if lane.count:
                longest = max(longest, time.ticks_diff(now, lane.packets[lane.first].stamp))
        return longest

    def hand_over(self, other):
        """Give all that waits to another interface."""
        for lane in self._lanes:
            while lane.count:
                if not self._take_back(lane):  # its interrupt, which comes for sure, is none of what follows
                    self._slots[lane.slot] = _FREE
                    self._cancelled[lane.slot] = _LEFT
                    self._cancels = True
                    lane.slot = -1
                other.send(lane.packets[lane.first], lane.packets[lane.first].via)
                self._next(lane)

    def _take_back(self, lane):
        """Cancel the lane's fragment in the controller; False if it left just now."""
        slot = lane.slot
        if slot >= 0:
            if self.on_bus and not self._can.cancel_send(slot):
                return False
            self._slots[slot] = _FREE
            self._cancelled[slot] = 1
            self._cancels = True
            lane.slot = -1
        return True

    # --- interrupts ---

    @micropython.viper
    def _interrupt(self, can):
        """can: None from service()."""
        none, counts, node, flags_of, told_, follow, fast, ms, poll = self._hot  # pyright: ignore[reportAssignmentType]
        if can is not none:
            ptr32(counts)[4] += 1  # IRQ
            if node.held:
                self.deferred = True
                node.deferred = True
                return
        more = 1
        while more:
            more = int(poll(can)) if poll is not none else 0
            flags = int(flags_of())
            while flags:
                if flags & int(told_):
                    _told(self, flags, self._bits)
                flags = int(flags_of())
            now = ms()
            k = int(follow(0, 0, 0, fast, now))
            while k != _EMPTY:
                if k == _GENERAL:
                    self._take(now)
                else:
                    self._whole(self._receiver.complete(k, now))
                k = int(follow(0, 0, 0, fast, now))
            can = none

    def service(self):
        """Take what the controller has: frames, and news of what it sent. In the interrupt, or with tables held."""
        self._interrupt(None)

    def _changed(self):
        """The controller's state has."""
        self._news = True
        self.node.wake(True)

    def _missed(self, state):
        """Frames were lost before they came here: in the controller, or for want of room in the ring."""
        lost = state[LOST]
        stats = self.stats
        stats.overrun += lost - state[TOLD]
        stats.frame += lost - state[TOLD]
        state[TOLD] = lost

    def _take(self, now):
        """Take the oldest frame the general way, and note what was lost."""
        ring = self._ring
        state = ring.state
        if state[LOST] != state[TOLD]:
            self._missed(state)
        if state[TAKEN] == state[FILLED]:
            return
        frames = ring.frames
        at = ENTRY * state[TAKEN]
        identifier = frames[at] | frames[at + 1] << 8 | frames[at + 2] << 16 | frames[at + 3] << 24
        size, kind = frames[at + 4], frames[at + 5]
        data = self._data
        copy(data, 0, frames, at + 8, size)
        ring.drop()
        if kind != self._extended:
            self.stats.frame += 1
            self.stats.malformed += 1
            return
        self._whole(self._receiver.frame(identifier, data, size, now))

    def _whole(self, packet):
        if packet is not None:
            self._counts[RX] += 1
            self._counts[RXBYTES] += packet.size
            self.node.arrived(packet, self)

    # --- once in a while, from the node's task ---

    def idle(self):
        """True while tick() would only look for interrupts that were lost."""
        return self.on_bus and not self._queued and not self._news and not self._receiver.partials()

    def tick(self, now):
        """Time limits and bus-off; now: ticks, ms. Returns ms until it wants to be called again, or -1."""
        self._news = False
        self.service()
        if self._cancels:
            self._forget_cancelled()
        if self._receiver.partials():
            self._receiver.expire(now)
        again = -1
        if not self.on_bus:
            wait = self._backoff_ms - time.ticks_diff(now, self._since)
            if wait > 0:
                again = wait
            else:
                self._restart(now)
        elif self._can.state() == self._can.STATE_BUS_OFF:
            self.on_bus = False
            self.stats.bus_off += 1
            self._since = now
            again = self._backoff_ms
        elif self._backoff_ms > _BACKOFF_FIRST_MS and time.ticks_diff(now, self._since) > _CALM_MS:
            self._backoff_ms = _BACKOFF_FIRST_MS
        if self._queued:
            self._limit(now)
        return again

    def _forget_cancelled(self):
        self._cancels = False
        for slot in range(len(self._cancelled)):
            left = max(0, self._cancelled[slot] - 1)
            self._cancelled[slot] = left
            if left:
                self._cancels = True

    def _restart(self, now):
        """Back on the bus; the controller forgot what waited in it."""
        self._can.restart()
        self.on_bus = True
        self._since = now
        self._backoff_ms = min(2 * self._backoff_ms, _BACKOFF_LAST_MS)
        for slot in range(len(self._slots)):
            self._slots[slot] = _FREE
            self._cancelled[slot] = 0
        for lane in self._lanes:
            lane.slot = -1
        self._push_waiting()

    def _limit(self, now):
        """Give up packets that waited too long."""
        for lane in self._lanes:
            while lane.count and time.ticks_diff(now, lane.packets[lane.first].stamp) > self._time_limit_ms:
                if not self._take_back(lane):
                    break  # its interrupt is on the way
                self.stats.late += 1
                self._abandon(lane)
        self._push_waiting()


def _no_flags():
    return 0


@micropython.native
def _told(interface, flags, bits):
    """News of the controller: a transmit buffer it is done with, a state."""
    sent, state, failed, shift, mask = bits
    if flags & sent:
        _left(interface, flags >> shift & mask, flags & failed)
    if flags & state:
        interface._changed()


@micropython.native
def _left(interface, slot, failed):
    """The controller is done with a transmit buffer."""
    cancelled = interface._cancelled
    stale = cancelled[slot]
    if stale and (failed or stale > 1):
        cancelled[slot] = 0
        if stale > 1:
            interface._push_waiting()
        return
    slots = interface._slots
    priority = slots[slot]
    slots[slot] = _FREE
    if priority < 0:
        interface._push_waiting()
        return
    lane = interface._lanes[priority]
    lane.slot = -1
    state = lane.state
    index = state[_INDEX] + 1
    if failed or index > state[_LAST]:
        interface._sent_last(lane, failed)
        return
    state[_INDEX] = index
    _push(interface, lane)
    if interface._queued > 1:  # another lane may wait for room
        interface._push_waiting()


@micropython.native
def _push(interface, lane):
    """Give the lane's current fragment to the controller, if that takes it now."""
    if not interface.on_bus:
        return
    state = lane.state
    frames = interface._frames
    try:
        size = fill(state, lane.buffer, frames)
        slot = interface._send(identifier(state), frames[size], interface._extended)
    except OSError:  # bus-off: the state's interrupt or the clock finds out
        interface.node.wake(True)
        return
    if slot is not None:
        lane.slot = slot
        slots = interface._slots
        if slots[slot] >= 0:
            interface._overtaken(slot)
        slots[slot] = lane.priority
