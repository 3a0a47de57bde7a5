# What an interface counts: the ten counters that CMP if_stats carries, in its order, and what lies behind them.
#
# Rule: whatever is lost is counted once in `drop`, `tx_error`, `rx_error`, `autherr` or `frame`, and once more by
# its reason. Those that count every packet or interrupt lie in an array, where counting costs least.
from micropython import const
from array import array

WIRE = ("tx", "rx", "tx_error", "rx_error", "drop", "autherr", "frame", "txbytes", "rxbytes", "irq")
TX, RX, TXBYTES, RXBYTES, IRQ = const(0), const(1), const(2), const(3), const(4)  # in counts
TX_ERROR, RX_ERROR = const(5), const(6)
_WRAP = 0x3FFFFFFF  # counters wrap here, below where integers would allocate on a 32-bit port


class Stats:
    def __init__(self):
        self.counts = array("i", (0, 0, 0, 0, 0, 0, 0))
        self.drop = 0  # packets for which there was no buffer, room or way
        self.autherr = 0  # packets refused by HMAC or at the border
        self.frame = 0  # frames that belong to no packet or break the format
        # reasons, not on the wire
        self.no_buffer = 0  # drop: pool empty
        self.queue_full = 0  # drop: more packets to send than the queue holds
        self.no_route = 0  # drop: not for this node and no other way
        self.too_long = 0  # drop: beyond the buffer or the MTU of the way
        self.bad_source = 0  # drop: from this node's own address, from 0 or from all
        self.no_port = 0  # drop: nobody is bound there
        self.inbox_full = 0  # drop: the reader of a connection is too slow
        self.unserved = 0  # drop: a handler or service refused it
        self.malformed = 0  # frame: header, length or fragment impossible
        self.stray = 0  # frame: a fragment whose packet is unknown
        self.overrun = 0  # frame: the controller lost frames
        self.gap = 0  # rx_error: fragments missing
        self.expired = 0  # rx_error: partial for too long
        self.bad_crc = 0  # rx_error
        self.no_crc = 0  # rx_error: several frames and no CRC, or a service without
        self.late = 0  # tx_error: not sent within the time limit
        self.refused = 0  # tx_error: the controller failed or cancelled a frame
        self.bus_off = 0  # times the controller left the bus
        self.duplicate = 0  # no loss: frames and packets seen twice

    def wrap(self, turn):
        """Keep the counters that grow fast below 2**30, one at each turn; called about once a second."""
        name = WIRE[turn % len(WIRE)]
        setattr(self, name, getattr(self, name) & _WRAP)

    @property
    def tx(self):
        """Packets sent."""
        return self.counts[TX]

    @tx.setter
    def tx(self, value):
        self.counts[TX] = value

    @property
    def rx(self):
        """Packets received whole."""
        return self.counts[RX]

    @rx.setter
    def rx(self, value):
        self.counts[RX] = value

    @property
    def txbytes(self):
        """Of data and trailers."""
        return self.counts[TXBYTES]

    @txbytes.setter
    def txbytes(self, value):
        self.counts[TXBYTES] = value

    @property
    def rxbytes(self):
        """Of data and trailers."""
        return self.counts[RXBYTES]

    @rxbytes.setter
    def rxbytes(self, value):
        self.counts[RXBYTES] = value

    @property
    def irq(self):
        """Interrupts served."""
        return self.counts[IRQ]

    @irq.setter
    def irq(self, value):
        self.counts[IRQ] = value

    @property
    def tx_error(self):
        """Packets given up while sending."""
        return self.counts[TX_ERROR]

    @tx_error.setter
    def tx_error(self, value):
        self.counts[TX_ERROR] = value

    @property
    def rx_error(self):
        """Packets received whole and bad, partial packets given up."""
        return self.counts[RX_ERROR]

    @rx_error.setter
    def rx_error(self, value):
        self.counts[RX_ERROR] = value
