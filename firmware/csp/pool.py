# The packet buffers of a node, made once at start.
from csp.packet import DATA, Packet


class Pool:
    """count buffers of capacity bytes each (data and trailers; libcsp: 256).

    reserve: buffers that what is received may not take, so that a flood leaves some to answer with.
    Callers exclude interrupts (see Node.held). free: now; lowest: the least there ever was; exhausted: how often
    a buffer was wanted and there was none.
    """

    def __init__(self, count, capacity, reserve=0):
        self.count = count
        self.capacity = capacity
        self._reserve = reserve
        self.free = self.lowest = count
        self.exhausted = 0
        size = DATA + capacity
        slab = memoryview(bytearray(count * size))  # one block: each of its own would take a header and be rounded up
        self._packets = [Packet(capacity, slab[k * size : (k + 1) * size]) for k in range(count)]

    def take_received(self):
        """A packet for what is received, held once, or None."""
        if self.free > self._reserve:
            return self.take()
        self.exhausted += 1
        return None

    def take(self):
        """A packet held once, or None."""
        free = self.free - 1
        if free < 0:
            self.exhausted += 1
            return None
        self.free = free
        if free < self.lowest:
            self.lowest = free
        packet = self._packets[free]
        packet.holders = 1
        packet.size = 0
        packet.interface = None
        return packet

    def release(self, packet):
        """Let go of a packet; the last holder's brings it back."""
        packet.holders -= 1
        if packet.holders == 0:
            self._packets[self.free] = packet
            self.free += 1
        elif packet.holders < 0:
            packet.holders = 0
            raise RuntimeError("packet released twice")
