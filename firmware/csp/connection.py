# Connections: packets between one port here and one port of one other node, with RDP or without, to be awaited.
#
#   connections = Connections(node, 8)
#   c = await connections.connect(2, 12, timeout_ms=2000)     socket = connections.listen(12)
#   await c.send(b"question")                                 c = await socket.accept()
#   data = await c.read(timeout_ms=1000)                      data = await c.read()
#   await c.close()                                           await c.close()
from micropython import const
import asyncio
import time

from csp import rdp
from csp.accept import CONNECTIONS
from csp.block import copy, put32
from csp.errors import NoConnection, PacketTooLong, Timeout
from csp.packet import DATA, FLAG_CRC32, FLAG_RDP, FLAG_SFP, NORMAL

_DEPTH = const(8)  # packets that wait for a reader
_BACKLOG = const(4)  # connections that wait to be accepted
_REFUSED_MS = const(100)  # after a refusal, before asking again
_CRC_SIZE = const(4)
_SFP_SIZE = const(8)
_FREE = const(-1)  # port of a connection that is not in use

# How a connection came about: here, or by a packet to a socket, and then whether the socket offers it to be accepted.
_BEGUN_HERE, _CAME, _OFFERED = const(0), const(1), const(2)


async def _wait(event, until, timeout_ms):
    """Wait for an event; False if the time is over. until: ticks, ms; timeout_ms: None waits for ever."""
    if timeout_ms is None:
        await event.wait()
        return True
    left = time.ticks_diff(until, time.ticks_ms())
    if left <= 0:
        return False
    try:
        await asyncio.wait_for_ms(event.wait(), left)
    except asyncio.TimeoutError:
        return False
    return True


class Connection:
    """One connection. peer, peer_port, port: its ends. is_open: False once either side closed it.

    NoConnection: it is closed (and, to read, everything that came has been read).
    Twelve attributes: a thirteenth would take 48 bytes in each.
    """

    def __init__(self, node):
        self.node = node
        self.is_open = False
        self.peer = self.peer_port = 0
        self.port = _FREE
        self.pri = NORMAL
        self.flags = FLAG_CRC32  # of its packets; with FLAG_RDP they are RDP's
        self.rdp = rdp.Rdp(self)
        self._came = _BEGUN_HERE
        self._first = None  # what waits for the reader, linked by Packet.next
        self._count = 0
        self._changed = None  # Event: something arrived, was acknowledged, opened or closed

    @property
    def in_use(self):
        return self.port != _FREE

    @property
    def reliable(self):
        """True with RDP."""
        return self.flags & FLAG_RDP != 0

    # --- for applications ---

    async def read(self, timeout_ms=None):
        """The data of the next packet as bytes, or None if none came in time."""
        packet = await self.read_packet(timeout_ms)
        if packet is None:
            return None
        data = bytes(packet.data)
        self.node.release(packet)
        return data

    async def read_packet(self, timeout_ms=None):
        """The next packet, to be given back by node.release(packet), or None if none came in time."""
        until = time.ticks_add(time.ticks_ms(), timeout_ms or 0)
        while not self._count:
            self._check()
            self._changed.clear()
            if not await _wait(self._changed, until, timeout_ms):
                return None
        return self._pop()

    def _pop(self):
        packet = self._first
        self._first = packet.next
        if packet.next is not None:
            packet.next = None
        self._count -= 1
        return packet

    async def send(self, data, timeout_ms=1000):
        """Send one packet; with RDP, wait for room in the window. False: no buffer or room in time.

        PacketTooLong: beyond `largest` bytes. NoConnection: closed.
        """
        return await self.send_part(data, 0, len(data), -1, 0, timeout_ms)

    @property
    def largest(self):
        """How many bytes of data fit one packet."""
        return self.node.pool.capacity - (rdp.TRAILER if self.reliable else 0) - _CRC_SIZE

    async def send_part(self, data, start, size, offset, total, timeout_ms):
        """Send data[start:start+size]; with offset >= 0, as a part of an SFP transfer of total bytes."""
        if size + (_SFP_SIZE if offset >= 0 else 0) > self.largest:
            raise PacketTooLong("%d bytes" % size)
        until = time.ticks_add(time.ticks_ms(), timeout_ms)
        packet = None
        while True:
            self._check()
            self._changed.clear()
            if not self.reliable or self.rdp.room() > 0:
                packet = self.node.take()
                if packet is not None:
                    break
                if time.ticks_diff(until, time.ticks_ms()) <= 0:
                    return False
                await asyncio.sleep_ms(10)
            elif not await _wait(self._changed, until, timeout_ms):
                return False
        packet.flags = 0
        copy(packet.buffer, DATA, data, start, size)
        if offset >= 0:
            packet.flags = FLAG_SFP
            put32(packet.buffer, DATA + size, offset)
            put32(packet.buffer, DATA + size + 4, total)
            size += _SFP_SIZE
        packet.size = size
        if self.reliable:
            self.rdp.send(packet)
            self.node.connections.soon()
            return True
        packet.pri = self.pri
        packet.src, packet.dst = self.node.address, self.peer
        packet.dport, packet.sport = self.peer_port, self.port
        packet.flags |= self.flags
        sent = self.node.emit(packet)
        self.node.release(packet)
        return sent

    async def close(self, timeout_ms=2000):
        """Close; with RDP, wait for what was sent to arrive and for the other side to agree. False: not in time."""
        agreed = True
        if self.reliable and self.in_use:
            until = time.ticks_add(time.ticks_ms(), timeout_ms)
            while self.is_open and self.rdp.count:
                self._changed.clear()
                if not await _wait(self._changed, until, timeout_ms):
                    agreed = False
                    break
            if self.rdp.close():
                while self.is_open:
                    self._changed.clear()
                    if not await _wait(self._changed, until, timeout_ms):
                        agreed = False
                        break
        self.node.connections.forget(self)
        return agreed

    def _check(self):
        if not self.is_open:
            raise NoConnection("connection to %d:%d is closed" % (self.peer, self.peer_port))

    # --- for Rdp and Connections ---

    def deliver(self, packet):
        """Keep a packet for the reader; False if too many wait."""
        if self._count == _DEPTH:
            return False
        self.node.hold(packet)
        last = self._first
        if last is None:
            self._first = packet
        else:
            while last.next is not None:
                last = last.next
            last.next = packet
        self._count += 1
        self._changed.set()
        return True

    def take(self, packet):
        """For Node: packets to an ephemeral port are found by Connections."""
        return False

    def opened(self):
        self.is_open = True
        self._changed.set()
        if self._came == _CAME:
            self._came = _OFFERED
            self.node.connections.socket(self).offer(self)

    def sent(self):
        self._changed.set()

    def closed(self):
        self.is_open = False
        self._changed.set()
        if self._came == _CAME:
            self.node.connections.forget(self)  # nobody knows of it

    def begin(self, peer, peer_port, port, pri, flags, came):
        self.is_open = not flags & FLAG_RDP
        self.peer, self.peer_port, self.port = peer, peer_port, port
        self.pri, self.flags, self._came = pri, flags, came
        if self._changed is None:
            self._changed = asyncio.Event()
        self._changed.clear()

    def end(self):
        self.rdp.abort()
        self.is_open = False
        self.port = _FREE
        while self._count:
            self.node.release(self._pop())
        self._changed.set()


class Socket:
    """A port that takes connections."""

    def __init__(self, port):
        self.port = port
        self._waiting = []
        self._arrived = asyncio.Event()

    async def accept(self, timeout_ms=None):
        """The next connection, or None if none came in time."""
        until = time.ticks_add(time.ticks_ms(), timeout_ms or 0)
        while not self._waiting:
            self._arrived.clear()
            if not await _wait(self._arrived, until, timeout_ms):
                return None
        return self._waiting.pop(0)

    def is_full(self):
        return len(self._waiting) >= _BACKLOG

    def offer(self, connection):
        self._waiting.append(connection)
        self._arrived.set()

    def withdraw(self, connection):
        if connection in self._waiting:
            self._waiting.remove(connection)


class Connections:
    """The connections of a node, `count` at most, made at start."""

    def __init__(self, node, count=8):
        self.node = node
        self._sockets = {}
        self._salt = self._control = 0
        self.retransmitted = 0  # RDP packets
        self._made = time.ticks_us()
        self._all = [Connection(node) for _ in range(count)]
        node.connections = self
        node.facts[CONNECTIONS] = 1

    def salt(self):
        self._salt += 1
        return time.ticks_diff(time.ticks_us(), self._made) + 7919 * self._salt

    def control(self):
        """The upper half of RDP's flags: counts control messages."""
        self._control = self._control + 0x10 & 0xF0
        return self._control

    def in_use(self):
        return sum([connection.in_use for connection in self._all])

    def listen(self, port):
        """A Socket for this port. PortError: see Node.bind."""
        socket = Socket(port)
        self.node.bind(port, _never)
        self._sockets[port] = socket
        return socket

    async def connect(self, dst, dport, timeout_ms=2000, reliable=True, pri=NORMAL):
        """A connection to a port of dst; reliable: with RDP.

        NoConnection: all are in use. PortError: no source port is free. Timeout: the other side did not answer.
        """
        connection = self._free()
        if connection is None:
            raise NoConnection("all %d connections are in use" % len(self._all))
        port = self.node.reserve_port(connection)
        flags = FLAG_CRC32 | FLAG_RDP if reliable else FLAG_CRC32
        connection.begin(dst, dport, port, pri, flags, _BEGUN_HERE)
        if not reliable:
            return connection
        engine = connection.rdp
        until = time.ticks_add(time.ticks_ms(), timeout_ms)
        try:
            while not connection.is_open:
                left = time.ticks_diff(until, time.ticks_ms())
                if left <= 0:
                    raise Timeout("node %d port %d did not answer" % (dst, dport))
                connection._changed.clear()
                engine.connect()
                try:
                    await asyncio.wait_for_ms(connection._changed.wait(), min(left, engine.options[rdp.PACKET_MS]))
                except asyncio.TimeoutError:
                    pass
                if engine.state == rdp.CLOSED:
                    await asyncio.sleep_ms(min(left, _REFUSED_MS))
        except BaseException:
            self.forget(connection)
            raise
        return connection

    def _free(self):
        for connection in self._all:
            if not connection.in_use:
                return connection
        return None

    def take(self, packet):
        """From Node: True if the packet is for a connection or for a socket."""
        reliable = packet.flags & FLAG_RDP != 0
        for connection in self._all:
            if connection.peer_port == packet.sport and connection.port == packet.dport:
                if connection.peer == packet.src and (connection.is_open or connection.rdp.state != rdp.CLOSED):
                    break
        else:
            if packet.dport not in self._sockets:
                return False
            connection = self._claim(packet)
        stats = packet.interface.stats
        if connection is None or reliable != connection.reliable:
            stats.unserved += 1
            stats.drop += 1
        elif not reliable:
            if not connection.deliver(packet):
                stats.inbox_full += 1
                stats.drop += 1
            elif connection._came == _CAME:
                connection.opened()
        else:
            if not connection.rdp.receive(packet):
                stats.unserved += 1
                stats.drop += 1
            if connection._came == _CAME and connection.rdp.state == rdp.CLOSED:
                self.forget(connection)  # it never began
            self.soon()
        return True

    def _claim(self, packet):
        """A connection for a packet to a socket; None if none is free, or too many wait to be accepted."""
        socket = self._sockets[packet.dport]
        if socket.is_full():
            return None
        connection = self._free()
        if connection is not None:
            flags = packet.flags & (FLAG_CRC32 | FLAG_RDP)
            connection.begin(packet.src, packet.sport, packet.dport, packet.pri, flags, _CAME)
        return connection

    def forget(self, connection):
        """Let go of a connection and all its packets."""
        if not connection.in_use:
            return
        if connection._came == _BEGUN_HERE:
            self.node.free_port(connection.port)
        else:
            self.socket(connection).withdraw(connection)
        connection.end()

    def socket(self, connection):
        """The one by which it came."""
        return self._sockets[connection.port]

    def soon(self):
        """Have the node's task look at the timers soon."""
        self.node.tick_within(50)

    def tick(self, now):
        again = -1
        for connection in self._all:
            if connection.in_use and connection.reliable:
                wanted = connection.rdp.tick(now)
                if wanted >= 0 and (again < 0 or wanted < again):
                    again = wanted
        return again


def _never(packet):
    """Holds the port of a socket: Connections takes its packets."""
