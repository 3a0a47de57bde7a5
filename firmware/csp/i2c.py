# CSP over I2C between boards (libcsp's csp_if_i2c.c): one controller write carries header, data and trailers.
#
#   address = (next hop or destination) & 0x7F; a reply is a write by the other node: everyone is target and controller
#
# That takes two peripherals joined on the wires: a machine.I2C that writes, and a raw machine.I2CTarget (no `mem`)
# that receives in its hard interrupt. One peripheral cannot be both: on STM32F4 a controller transfer disables the
# target, on RP2040 target mode clears the controller. A write that fails (lost arbitration, target busy) is tried
# again after a random wait; a neighbour that does not answer a broadcast is tried once a broadcast until it is heard.
from micropython import const
import time

from csp.block import copy
from csp.interface import Interface
from csp.packet import DATA, HEADER_START, unpack

MTU = const(256)
_HEADER_SIZE = (0, 4, 6)  # by version
_FRAMES = const(4)  # received and not yet taken by the node's task
_TRIES = const(8)  # of one packet
_WAIT_MS = const(2)  # the shortest wait after a failure; it doubles, and a random part comes on top


class I2cInterface(Interface):
    """controller: machine.I2C; target: machine.I2CTarget at this node's address & 0x7F; queue: packets to send.

    neighbours: addresses that a broadcast is written to, one after another (there is no general call in CSP).
    """

    copy_ms = 500  # eight tries for each neighbour take so long

    def __init__(self, controller, target, name="I2C", *, queue=8, neighbours=()):
        super().__init__(name)
        self._controller = controller
        self._target = target
        self._neighbours = neighbours
        self._silent = bytearray(len(neighbours))  # 1: it did not answer
        self._packets = [None] * queue
        self._first = self._count = 0
        self._tries = 0
        self._reached = 0  # neighbours that have the broadcast already
        self._due = 0  # ticks, ms
        self._random = 1
        # written by the interrupt: frames, their sizes (-1: too long), and how many there are
        self._frames = [bytearray(6 + MTU) for _ in range(_FRAMES)]
        self._sizes = [0] * _FRAMES
        self._at = 0  # the frame being received
        self._size = 0
        self._taken = 0  # the next frame that the task takes
        self._lost = 0
        self._byte = bytearray(1)

    def attach(self, node):
        self.node = node
        self._random = node.address
        target = self._target
        self._irq = None
        self._match = target.IRQ_ADDR_MATCH_WRITE
        self._request = target.IRQ_WRITE_REQ
        self._end = target.IRQ_END_WRITE
        self._irq = target.irq(self._interrupt, trigger=self._match | self._request | self._end, hard=True)

    # --- receiving: hard interrupt, so nothing here allocates ---

    def _interrupt(self, target):
        if self._irq is None:
            return  # before irq() came back
        flags = self._irq.flags()
        if flags & self._match:
            self._size = 0
        if flags & self._request:
            target.readinto(self._byte)
            size = self._size
            if 0 <= size < 6 + MTU:
                self._frames[self._at][size] = self._byte[0]
                self._size = size + 1
            else:
                self._size = -1
        if flags & self._end:
            following = self._at + 1 if self._at < _FRAMES - 1 else 0
            if following == self._taken:
                self._lost += 1
            else:
                self._sizes[self._at] = self._size
                self._at = following
            self._size = 0
            self.node.wake(True)

    def service(self):
        """Take the frames that the interrupt left; tables are held."""
        stats = self.stats
        if self._lost:
            stats.overrun += self._lost
            stats.frame += self._lost
            self._lost = 0
        while self._taken != self._at:
            self._take(self._frames[self._taken], self._sizes[self._taken])
            self._taken = self._taken + 1 if self._taken < _FRAMES - 1 else 0

    def _take(self, frame, size):
        node = self.node
        stats = self.stats
        header = _HEADER_SIZE[node.version]
        stats.irq += 1
        if size < header or size - header > node.pool.capacity:
            stats.frame += 1
            stats.malformed += 1
            return
        packet = node.pool.take_received()
        if packet is None:
            stats.drop += 1
            stats.no_buffer += 1
            return
        copy(packet.buffer, HEADER_START[node.version], frame, 0, size)
        packet.size = size - header
        packet.stamp = time.ticks_ms()
        stats.rx += 1
        stats.rxbytes += packet.size
        unpack(packet, packet.buffer, node.version)
        if packet.src in self._neighbours:
            self._silent[self._neighbours.index(packet.src)] = 0
        node.arrived(packet, self)

    # --- sending ---

    def send(self, packet, via=-1):
        """Queue a packet; it is held until written. False: no room. Tables are held."""
        if self._count == len(self._packets):
            self.stats.drop += 1
            self.stats.queue_full += 1
            return False
        at = self._first + self._count
        if at >= len(self._packets):
            at -= len(self._packets)
        self._packets[at] = packet
        if packet.via != via:
            packet.via = via
        self._count += 1
        packet.holders += 1
        packet.stamp = time.ticks_ms()
        self.node.wake(True)
        return True

    def tick(self, now):
        """Take what came, write what waits. ms until the next try, or -1."""
        self.service()
        if not self._count:
            return -1
        wait = time.ticks_diff(self._due, now)
        if self._tries and wait > 0:
            return wait
        packet = self._packets[self._first]
        try:
            self._write(packet)
        except OSError:
            return self._failed(now)
        self.stats.tx += 1
        self.stats.txbytes += packet.size
        self._next()
        return 0 if self._count else -1

    def _write(self, packet):
        data = packet.buffer[HEADER_START[self.node.version] : DATA + packet.size]
        if packet.dst != self.node.broadcast_address:
            via = packet.via
            self._controller.writeto((packet.dst if via < 0 else via) & 0x7F, data)
            return
        while self._reached < len(self._neighbours):
            self._controller.writeto(self._neighbours[self._reached] & 0x7F, data)
            self._silent[self._reached] = 0
            self._reached += 1

    def _failed(self, now):
        self._tries += 1
        to_all = self._packets[self._first].dst == self.node.broadcast_address and len(self._neighbours) > 0
        if self._tries == _TRIES or to_all and self._silent[self._reached]:
            self.stats.tx_error += 1
            self.stats.refused += 1
            if to_all:
                self._silent[self._reached] = 1
                self._reached += 1  # the others shall have it all the same
                if self._reached < len(self._neighbours):
                    self._tries = 0
                    return 0
            self._next()
            return 0 if self._count else -1
        self._random = (self._random ^ now & 0xFFFF) * 1103 + 12345 & 0xFFFF  # another boot, other waits
        wait = _WAIT_MS << min(self._tries - 1, 4)
        wait += (self._random >> 4) % (wait + 1)
        self._due = time.ticks_add(now, wait)
        return wait

    def _next(self):
        packet = self._packets[self._first]
        self._packets[self._first] = None
        self._first = self._first + 1 if self._first + 1 < len(self._packets) else 0
        self._count -= 1
        self._tries = 0
        self._reached = 0
        self.node.pool.release(packet)

    def stuck_ms(self, now):
        """How long the oldest packet waits; now: ticks, ms."""
        return time.ticks_diff(now, self._packets[self._first].stamp) if self._count else 0

    def hand_over(self, other):
        """Give all that waits to another interface."""
        while self._count:
            other.send(self._packets[self._first], self._packets[self._first].via)
            self._next()
