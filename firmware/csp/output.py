# The sending half of a node, and what it shares with interrupts.
#
# Interfaces are served in soft interrupts, which run between any two bytecodes, and never within a native or viper
# function. The packet pool and the interfaces' queues are touched only while `held` is set, or in such a function that
# calls no bytecode; an interrupt that comes meanwhile leaves a note (`deferred`) and is served when the task lets go.
# `held` is set and cleared by hand here: that is faster than a call.
from micropython import const

from csp.block import copy
from csp.crc32c import append
from csp.errors import AddressError, PacketTooLong, PortError
from csp.interface import Interface
from csp.packet import BROADCAST, DATA, HEADER_START, NORMAL, PORT_LAST, pack
from csp.packet import FLAG_CRC32, FLAG_HMAC
from csp.pool import Pool
from csp.rtable import RouteTable

NO_REPLY = const(63)  # source port of what wants no reply
_CRC_SIZE = const(4)
_HMAC_SIZE = const(4)
_REPLY_FLAGS = FLAG_CRC32 | FLAG_HMAC  # what a reply keeps of its request


class Loopback(Interface):
    """Where packets to the node itself come in, and where losses are counted that belong to no interface."""


class Output:
    """Base of Node."""

    def __init__(self, address, version, buffers, crc_header):
        self.address = address
        self.version = version
        self.broadcast_address = BROADCAST[version]
        self.interfaces = []
        self.routes = RouteTable(version)  # elsewhere leads the first interface, for packets of this node only
        self.pool = Pool(buffers, 256, 2 if buffers > 4 else 0)
        self.held = self.deferred = False
        self.hmac = None  # bench_hmac.Hmac on a bench
        self.loop = Loopback("LOOP")
        self._ways = []  # what leads somewhere: interfaces, or pairs of them
        self._crc_header = crc_header

    def arrived(self, packet, interface):
        """A whole packet, held once; see Node."""
        raise NotImplementedError

    # --- for applications ---

    def send(self, dst, dport, data, sport=NO_REPLY, pri=NORMAL, crc=True, hmac=False):
        """Queue a packet; False if there is no buffer, room or route now (counted). hmac: on a bench, see `hmac`.

        AddressError, PortError: out of range. PacketTooLong: data and CRC beyond 256 bytes.
        """
        if not 0 <= dst <= self.broadcast_address:
            raise AddressError("address %r in version %d" % (dst, self.version))
        if not 0 <= dport <= PORT_LAST or not 0 <= sport <= PORT_LAST:
            raise PortError("port %r to %r" % (sport, dport))
        size = len(data)
        if size + (_CRC_SIZE if crc else 0) + (_HMAC_SIZE if hmac else 0) > self.pool.capacity:
            raise PacketTooLong("%d bytes" % size)
        packet = self.take()
        if packet is None:
            return False
        flags = (FLAG_CRC32 if crc else 0) | (FLAG_HMAC if hmac else 0)
        self._fill(packet, dst, dport, data, sport, pri, flags)
        sent = self.emit(packet)
        self.release(packet)
        return sent

    def _fill(self, packet, dst, dport, data, sport, pri, flags):
        packet.pri = pri & 3
        packet.src = self.address
        packet.dst = dst
        packet.dport = dport
        packet.sport = sport
        packet.flags = flags
        packet.size = len(data)
        copy(packet.buffer, DATA, data, 0, packet.size)

    def broadcast(self, dport, data, sport=NO_REPLY, pri=NORMAL, crc=True):
        """Send to every node; False if no interface took it."""
        return self.send(self.broadcast_address, dport, data, sport, pri, crc)

    def reply(self, packet, data=None):
        """Answer a packet that a handler was given, in its own buffer: the handler is done with it then.

        data: None if the handler wrote it into the packet's buffer and size. False if it could not be queued.
        """
        if data is not None:
            size = len(data)
            if size + _CRC_SIZE > self.pool.capacity:
                raise PacketTooLong("%d bytes" % size)
            copy(packet.buffer, DATA, data, 0, size)
            packet.size = size
        packet.dst = packet.src
        packet.src = self.address
        packet.dport, packet.sport = packet.sport, packet.dport
        packet.flags &= _REPLY_FLAGS
        return self.emit(packet)

    # --- packets and tables ---

    def take(self):
        """A packet buffer held once, or None (counted)."""
        self.held = True
        packet = self.pool.take()
        self.held = False
        if self.deferred:
            self._catch_up()
        return packet

    def hold(self, packet):
        """Keep a packet beyond the handler; release() gives it back."""
        self.held = True
        packet.holders += 1
        self.held = False
        if self.deferred:
            self._catch_up()

    def release(self, packet):
        """Let go of a packet that was taken or held."""
        self.held = True
        self.pool.release(packet)
        self.held = False
        if self.deferred:
            self._catch_up()

    def emit(self, packet):
        """Add HMAC, CRC and header to a packet of this node, as its flags say, and queue it to its destination."""
        if not self._finish(packet):
            return False
        dst = packet.dst
        if dst == 0 or dst == self.address:
            self.held = True
            packet.holders += 1
            self.loop.stats.tx += 1
            self.loop.stats.rx += 1
            self.arrived(packet, self.loop)
            self.held = False
            if self.deferred:
                self._catch_up()
            return True
        return self.queue(packet, dst)

    def _finish(self, packet):
        room = self.pool.capacity - packet.size
        if packet.flags & FLAG_HMAC:
            room -= _HMAC_SIZE
        if packet.flags & FLAG_CRC32:
            room -= _CRC_SIZE
        if room < 0:
            self.loop.stats.too_long += 1
            self.loop.stats.drop += 1
            return False
        pack(packet, self.version)
        if packet.flags & FLAG_HMAC:
            self.hmac.append(packet)
        if packet.flags & FLAG_CRC32:
            start = HEADER_START[self.version] if self._crc_header else DATA
            append(packet.buffer, start, DATA + packet.size)
            packet.size += _CRC_SIZE
        return True

    def queue(self, packet, dst):
        """Give a packet of this node, complete with header and trailers, to the way that leads to dst."""
        if dst == self.broadcast_address:
            sent = False
            for way in self._ways:
                sent = self._give(packet, way, -1) or sent
            return sent
        k = self.routes.find(dst)
        if k >= 0:
            return self._give(packet, self.routes.interfaces[k], self.routes.vias[k])
        if self._ways:
            return self._give(packet, self._ways[0], -1)
        self.loop.stats.no_route += 1
        self.loop.stats.drop += 1
        return False

    def _give(self, packet, way, via):
        if packet.size > way.mtu:
            self.loop.stats.too_long += 1
            self.loop.stats.drop += 1
            return False
        self.held = True
        sent = way.send(packet, via)
        self.held = False
        if self.deferred:
            self._catch_up()
        return sent

    def empty_on(self, interface, dport):
        """Broadcast a packet without data on one interface; called with the tables held."""
        packet = self.pool.take()
        if packet is not None:
            self._fill(packet, self.broadcast_address, dport, b"", NO_REPLY, NORMAL, 0)
            self._finish(packet)
            interface.send(packet)
            self.pool.release(packet)

    def let_go(self):
        """The tables are no longer held."""
        self.held = False
        if self.deferred:
            self._catch_up()

    def _catch_up(self):
        """Serve the interrupts that came while the tables were held."""
        while self.deferred:
            self.deferred = False
            self.held = True
            for interface in self.interfaces:
                if interface.deferred:
                    interface.deferred = False
                    interface.service()
            self.held = False
