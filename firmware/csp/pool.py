# The packet buffers of a node, made once at start.
#
# What changes lies in an array of integers, so that the receive path (reassembly_viper.py) takes a packet without a
# call: free packets are the first state[FREE] of the list.
import micropython
from micropython import const
from array import array

from csp.accept import let_go
from csp.packet import DATA, Packet

FREE, LOWEST, EXHAUSTED, RESERVE = const(0), const(1), const(2), const(3)


class Pool:
    """count buffers of capacity bytes each (data and trailers; libcsp: 256).

    reserve: buffers that what is received may not take, so that a flood leaves some to answer with.
    Callers exclude interrupts (see Node.held).
    """

    def __init__(self, count, capacity, reserve=0):
        self.count = count
        self.capacity = capacity
        self.state = array("i", (count, count, 0, reserve))
        size = DATA + capacity
        # one block: each of its own would take a header and be rounded up
        self.slab = memoryview(bytearray(count * size))
        self.packets = [Packet(capacity, self.slab[k * size : (k + 1) * size]) for k in range(count)]

    @property
    def free(self):
        """Packets in the pool now."""
        return self.state[FREE]

    @property
    def lowest(self):
        """The least there ever were."""
        return self.state[LOWEST]

    @property
    def exhausted(self):
        """How often a packet was wanted and there was none."""
        return self.state[EXHAUSTED]

    def take_received(self):
        """A packet for what is received, held once, or None."""
        state = self.state
        if state[FREE] > state[RESERVE]:
            return self.take()
        state[EXHAUSTED] += 1
        return None

    @micropython.native
    def take(self):
        """A packet held once, or None."""
        state = self.state
        free = state[FREE] - 1
        if free < 0:
            state[EXHAUSTED] += 1
            return None
        state[FREE] = free
        if free < state[LOWEST]:
            state[LOWEST] = free
        packet = self.packets[free]
        packet.holders = 1
        packet.size = 0
        packet.interface = None
        return packet

    def release(self, packet):
        """Let go of a packet; the last holder's brings it back."""
        let_go(packet, self.packets, self.state)
