# A controller with the machine.CAN interface that allocates nothing: it replays frames, and sends in no time.
import csp
from csp.can import CanInterface
from drivers.can_inlet import Inlet


class PlainCan:
    """One inside the MCU, without a ring: csp's Inlet takes its interrupts, and schedules."""

    STATE_BUS_OFF = 4
    FLAG_RTR, FLAG_EXT_ID, FLAG_UNORDERED = 1, 2, 16
    RECV_ERR_FULL, RECV_ERR_OVERRUN = 1, 2
    IRQ_TX, IRQ_RX, IRQ_TX_FAILED, IRQ_STATE = 1, 2, 4, 8
    IRQ_TX_IDX_SHIFT, IRQ_TX_IDX_MASK = 16, 0xFF
    TX_QUEUE_LEN = 3

    def __init__(self):
        self.frames = ()  # (identifier, memoryview) to be received
        self.at = 0
        self.limit = 0  # of them have come
        self.sent = 0  # frames
        self.log = None  # a list: keep what is sent
        self.handler = None
        self._flags = 0

    def irq(self, handler=None, trigger=0, hard=False):
        self.handler = handler
        return self

    def flags(self):
        flags = self._flags
        self._flags = 0
        return flags

    def set_filters(self, filters):
        pass

    def state(self):
        return 1

    def send(self, identifier, data, flags):
        self.sent += 1
        if self.log is not None:
            self.log.append((identifier, memoryview(bytes(data))))
        self._flags = 1  # sent, by buffer 0
        return 0

    def cancel_send(self, index):
        return True

    def recv(self, into):
        at = self.at
        if at >= self.limit:
            return None
        frame = self.frames[at]
        into[0] = frame[0]
        into[1] = frame[1]
        into[2] = 2
        into[3] = 0
        self.at = at + 1
        return into

    def play(self, frames):
        """Receive these frames: the interrupt runs until all are taken and all answers are sent."""
        self.frames = frames
        self.limit = len(frames)
        self.at = 0
        self.handler(self)

    def settle(self):
        """Interrupts of what was sent meanwhile."""
        while self._flags:
            self.handler(self)


class QuietCan(PlainCan):
    """One whose driver takes the frames into a ring, as the MCP2515's does, and calls the handler at once."""

    def __init__(self):
        super().__init__()
        self._inlet = Inlet(self)
        self.ring = self._inlet.ring

    def play(self, frames):
        self.frames = frames
        self.limit = len(frames)
        self.at = 0
        self._inlet.poll(None)
        self.handler(self)


def frames_of(version, dport, data, dst=3, count=4):
    """The frames of packets, as one node sends them."""
    can = QuietCan()
    node = csp.Node(2, version=version)
    node.add_interface(CanInterface(can, name="CANA"))
    packets = []
    for _ in range(count):
        can.log = []
        node.send(dst, dport, data, sport=40)
        can.settle()
        packets.append(can.log)
    return packets
