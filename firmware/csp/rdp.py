# RDP: what is sent arrives, once and in order (libcsp's csp_rdp.c, after RFC 908 and 1151).
#
#  trailer, 5 bytes   flags u8 | seq u16 | ack u16       between data (or SFP) and HMAC, big-endian
#    flags            SYN 8, ACK 4, EAK 2, RST 1; the upper half counts control messages
#  SYN's data         six u32: window, connection timeout ms, packet timeout ms, delayed acks, ack timeout ms,
#                     ack delay count; the responder adopts them
#  EAK's data         u16 sequence numbers that are there already, beyond the one acknowledged
#
#  state     event                               action
#  CLOSED    SYN                                 own iss; SYN+ACK; SYN_RCVD
#  CLOSED    no SYN                              RST
#  SYN_SENT  SYN+ACK                             ACK; OPEN
#  SYN_SENT  ACK only                            half open: RST; SYN again
#  SYN_RCVD  ack = iss                           OPEN
#  OPEN      seq = rcv_cur+1 with data           deliver, then what waits behind it; ACK if due
#  OPEN      other seq within 2 windows          keep, EAK
#  OPEN      seq outside of them                 ACK
#  any       RST with seq = rcv_cur+1            ACK+RST; closed
#  CLOSING   RST                                 closed
from micropython import const
import time

from csp.block import get16, put16, put32
from csp.packet import DATA, FLAG_RDP

SYN, ACK, EAK, RST = const(8), const(4), const(2), const(1)
CLOSED, SYN_SENT, SYN_RCVD, OPEN, CLOSING = const(0), const(1), const(2), const(3), const(4)
TRAILER = const(5)
WINDOW = const(5)  # packets sent and not acknowledged; libcsp's default, and the most here
_AHEAD = const(2 * WINDOW)  # packets kept while one before them is missing
_SYN_SIZE = const(24)
THERE = const(-1)  # Packet.sent of what an EAK named
_TIMEOUT_LAST_MS = const(3_600_000)  # a peer's demands are cut to this
# libcsp's defaults, as they stand in SYN
OPTIONS = (WINDOW, 10_000, 1_000, 1, 250, 2)
_WINDOW, _CONNECTION_MS, PACKET_MS = const(0), const(1), const(2)
_DELAYED, _ACK_MS, _ACK_DELAY = const(3), const(4), const(5)


def between(number, first, last):
    """True if first <= number <= last, modulo 2**16."""
    return (last - first & 0xFFFF) >= (number - first & 0xFFFF)


class Rdp:
    """RDP of one connection. The connection gives: node, deliver(packet), opened(), closed().

    options: as in SYN, the window and the delay as they count here. Twelve attributes, as Connection.
    """

    def __init__(self, connection):
        self._connection = connection
        # packets keep their own sequence number, size of data, time of the last sending (Packet.seq, .length, .sent)
        self._sent = [None] * WINDOW  # not acknowledged, oldest first
        self._ahead = None  # received while one before is missing, linked by Packet.next
        self.state = CLOSED
        self._reset()

    def _reset(self):
        self.options = OPTIONS
        self._irs = 0
        self.snd_nxt = self.snd_una = 0  # until the connection is open, snd_una is the initial number of this side
        self.rcv_cur = 0  # last one received in order
        self._acked = 0  # last one acknowledged
        self._ack_stamp = self._stamp = time.ticks_ms()

    @property
    def count(self):
        """Packets sent and not acknowledged."""
        k = 0
        while k < WINDOW and self._sent[k] is not None:
            k += 1
        return k

    def _adopt(self, options):
        options[_WINDOW] = min(max(options[_WINDOW], 1), WINDOW)
        if not options[_DELAYED]:
            options[_ACK_DELAY] = 0
        options = tuple(options)
        self.options = OPTIONS if options == OPTIONS else options

    # --- opening and closing ---

    def connect(self):
        """Send SYN, the first time or again."""
        if self.state != SYN_SENT:
            self._reset()
            self._choose_iss()
            self.state = SYN_SENT
        self._stamp = time.ticks_ms()
        self._send_syn(SYN, 0)

    def _choose_iss(self):
        self.snd_una = self._connection.node.connections.salt() * 40503 & 0xFFFF
        self.snd_nxt = self.snd_una + 1 & 0xFFFF

    def _send_syn(self, flags, ack):
        packet = self._connection.node.take()
        if packet is None:
            return
        buffer = packet.buffer
        if flags == SYN:
            at = DATA
            for value in OPTIONS:
                put32(buffer, at, value)
                at += 4
            packet.size = _SYN_SIZE
        self._send_packet(packet, flags, self.snd_una, ack)

    def close(self):
        """Say that no more comes; True if the other side's answer is to be awaited."""
        if self.state not in (SYN_RCVD, OPEN, SYN_SENT):
            return False
        was = self.state
        self.state = CLOSING
        self._send_control(ACK | RST)
        return was == OPEN

    def abort(self):
        """Forget everything, let go of all packets."""
        self.state = CLOSED
        for k in range(self.count):
            self._connection.node.release(self._sent[k])
            self._sent[k] = None
        while self._ahead is not None:
            packet = self._ahead
            self._ahead = packet.next
            packet.next = None
            self._connection.node.release(packet)

    def _end(self):
        self.abort()
        self._connection.closed()

    # --- sending ---

    def room(self):
        """How many packets may be sent now."""
        return self.options[_WINDOW] - (self.snd_nxt - self.snd_una & 0xFFFF) if self.state == OPEN else 0

    def send(self, packet):
        """Send a packet with data in it, taken over from the caller; there is room()."""
        packet.length = packet.size
        packet.seq = self.snd_nxt
        self._sent[self.count] = packet
        self.snd_nxt = self.snd_nxt + 1 & 0xFFFF
        self._emit(packet, time.ticks_ms())

    def _emit(self, packet, now):
        packet.sent = now
        if packet.holders > 1:
            return  # the interface has not sent it yet
        packet.size = packet.length
        self._address(packet)
        self._finish(packet, ACK, packet.seq, self.rcv_cur)
        self._acked = self.rcv_cur
        self._ack_stamp = now

    def _address(self, packet):
        connection = self._connection
        packet.pri = connection.pri
        packet.src = self._connection.node.address
        packet.dst = connection.peer
        packet.dport = connection.peer_port
        packet.sport = connection.port
        packet.flags = packet.flags & 0x10 | FLAG_RDP | connection.flags

    def _finish(self, packet, flags, seq, ack):
        at = DATA + packet.size
        buffer = packet.buffer
        buffer[at] = flags
        put16(buffer, at + 1, seq)
        put16(buffer, at + 3, ack)
        packet.size += TRAILER
        return self._connection.node.emit(packet)

    def _send_packet(self, packet, flags, seq, ack):
        packet.flags = 0
        self._address(packet)
        self._finish(packet, flags | self._connection.node.connections.control(), seq, ack)
        self._connection.node.release(packet)

    def _send_control(self, flags):
        packet = self._connection.node.take()
        if packet is not None:
            self._send_packet(packet, flags, self.snd_nxt, self.rcv_cur)
            self._acked = self.rcv_cur
            self._ack_stamp = time.ticks_ms()

    def _send_eak(self):
        """Acknowledge, and name what is there beyond."""
        packet = self._connection.node.take()
        if packet is None:
            return
        at = DATA
        ahead = self._ahead
        while ahead is not None:
            put16(packet.buffer, at, ahead.seq)
            at += 2
            ahead = ahead.next
        packet.size = at - DATA
        self._send_packet(packet, ACK | EAK if packet.size else ACK, self.snd_nxt, self.rcv_cur)
        self._acked = self.rcv_cur
        self._ack_stamp = time.ticks_ms()

    def _ack_if_due(self, now):
        if self._acked == self.rcv_cur:
            return
        unacked = self.rcv_cur - self._acked & 0xFFFF
        if unacked > self.options[_ACK_DELAY] or time.ticks_diff(now, self._ack_stamp) >= self.options[_ACK_MS]:
            self._send_control(ACK)

    # --- time ---

    def tick(self, now):
        """Acknowledge and send again what is due. ms until the next time, or -1."""
        state = self.state
        if state == CLOSED:
            return -1
        if state == OPEN:
            count = self.count
            if count and time.ticks_diff(now, self._stamp) > self.options[_CONNECTION_MS]:
                self._end()
                return -1
            self._ack_if_due(now)
            for k in range(count):
                packet = self._sent[k]
                if packet.sent >= 0 and time.ticks_diff(now, packet.sent) >= self.options[PACKET_MS]:
                    self._connection.node.connections.retransmitted += 1
                    self._emit(packet, now)
        elif time.ticks_diff(now, self._stamp) > self.options[_CONNECTION_MS]:
            self._end()
            return -1
        return 50 if self.count or self._acked != self.rcv_cur else 500

    # --- receiving ---

    def receive(self, packet):
        """A packet of this connection, CRC taken off. False if it breaks the format."""
        size = packet.size - TRAILER
        if size < 0:
            return False
        packet.size = size
        buffer = packet.buffer
        at = DATA + size
        flags = buffer[at] & 0x0F
        seq = get16(buffer, at + 1)
        ack = get16(buffer, at + 3)
        if flags & RST:
            self._receive_rst(flags, seq, ack)
        elif self.state == CLOSED:
            return self._receive_first(packet, flags, seq)
        elif self.state == SYN_SENT:
            self._receive_answer(flags, seq, ack)
        elif self.state == CLOSING:
            self._acknowledged(ack)
        elif flags & SYN or not flags & ACK:
            if seq != self._irs:
                self._send_control(ACK | RST)
                self._end()
            elif self.state == SYN_RCVD:
                self._send_syn(SYN | ACK, self._irs)
        else:
            self._receive_data(packet, flags, seq, ack)
        return True

    def _receive_rst(self, flags, seq, ack):
        if self.state == CLOSING or self.state == SYN_SENT and flags & ACK:
            self._end()
        elif self.state != CLOSED and seq == (self.rcv_cur + 1 & 0xFFFF):
            self._send_control(ACK | RST)
            self._end()

    def _receive_first(self, packet, flags, seq):
        if not flags & SYN or flags & ACK:
            self._send_control(RST)
            self._connection.closed()
            return True
        if packet.size < _SYN_SIZE:
            self._connection.closed()
            return False
        self._reset()
        buffer = packet.buffer
        self._adopt([_u32(buffer, DATA + 4 * k) for k in range(6)])
        self._choose_iss()
        self.rcv_cur = self._irs = self._acked = seq
        self.state = SYN_RCVD
        self._send_syn(SYN | ACK, seq)
        return True

    def _receive_answer(self, flags, seq, ack):
        if flags & SYN and flags & ACK:
            if ack != self.snd_una:
                return
            self.rcv_cur = self._irs = seq
            self.snd_una = ack + 1 & 0xFFFF
            self.state = OPEN
            self._send_control(ACK)
            self._connection.opened()
        elif flags & ACK:
            # half open: the other side still has the connection before
            packet = self._connection.node.take()
            if packet is not None:
                self._send_packet(packet, RST, ack + 1 & 0xFFFF, seq)

    def _receive_data(self, packet, flags, seq, ack):
        if not between(seq, self.rcv_cur + 1 & 0xFFFF, self.rcv_cur + _AHEAD & 0xFFFF):
            if self.state == SYN_RCVD:
                self._send_syn(SYN | ACK, self._irs)
            elif packet.size:
                self._send_eak()  # it was here already: the acknowledgement got lost
            return
        if not between(ack, self.snd_una - 1 - 2 * self.options[_WINDOW] & 0xFFFF, self.snd_nxt - 1 & 0xFFFF):
            return
        if self.state == SYN_RCVD:
            if ack != self.snd_una:
                return
            self.snd_una = self.snd_nxt
            self.state = OPEN
            self._connection.opened()
        self._stamp = time.ticks_ms()
        self._acknowledged(ack)
        if flags & EAK:
            self._spare(packet)
        elif packet.size:
            self._take_data(packet, seq)

    def _acknowledged(self, ack):
        """Everything up to ack arrived."""
        if not between(ack + 1 & 0xFFFF, self.snd_una, self.snd_nxt):
            return  # an old one
        self.snd_una = ack + 1 & 0xFFFF
        count = self.count
        gone = 0
        while gone < count and not between(self._sent[gone].seq, self.snd_una, self.snd_nxt):
            self._connection.node.release(self._sent[gone])
            gone += 1
        if gone:
            for k in range(count):
                self._sent[k] = self._sent[k + gone] if k + gone < count else None
            self._connection.sent()

    def _spare(self, packet):
        """An EAK names what need not be sent again; what lies before the last of it is sent at once, if due."""
        now = time.ticks_ms()
        for k in range(self.count):
            sent = self._sent[k]
            for at in range(DATA, DATA + packet.size - 1, 2):
                if get16(packet.buffer, at) == sent.seq:
                    sent.sent = THERE
            if sent.sent >= 0 and time.ticks_diff(now, sent.sent) >= self.options[_ACK_MS]:
                self._connection.node.connections.retransmitted += 1
                self._emit(sent, now)

    def _take_data(self, packet, seq):
        if seq != (self.rcv_cur + 1 & 0xFFFF):
            self._keep(packet, seq)
            self._send_eak()
            return
        if not self._connection.deliver(packet):
            return  # no room: not acknowledged, so it comes again
        self.rcv_cur = seq
        self._deliver_kept()
        self._ack_if_due(time.ticks_ms())

    def _keep(self, packet, seq):
        """Keep a packet until those before it come, if it is not here already."""
        ahead = self._ahead
        while ahead is not None:
            if ahead.seq == seq:
                return
            ahead = ahead.next
        self._connection.node.hold(packet)
        packet.seq = seq
        packet.next = self._ahead
        self._ahead = packet

    def _deliver_kept(self):
        """Deliver what waited for the packet that came, and drop what came again meanwhile."""
        before = None
        packet = self._ahead
        while packet is not None:
            following = packet.next
            if packet.seq == (self.rcv_cur + 1 & 0xFFFF):
                packet.next = None
                if not self._connection.deliver(packet):
                    packet.next = following
                    return
                self.rcv_cur = packet.seq
            elif between(packet.seq, self.rcv_cur + 1 & 0xFFFF, self.rcv_cur + _AHEAD & 0xFFFF):
                before, packet = packet, following
                continue
            else:
                packet.next = None
            if before is None:
                self._ahead = following
            else:
                before.next = following
            self._connection.node.release(packet)
            before, packet = None, self._ahead


def _u32(buffer, at):
    """A u32 that stays a small integer: what is larger than any sense makes is cut."""
    if buffer[at]:
        return _TIMEOUT_LAST_MS
    return min(buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3], _TIMEOUT_LAST_MS)
