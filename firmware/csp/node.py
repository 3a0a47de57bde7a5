# A CSP node: its interfaces, ports and packet buffers, and the task that hands out what comes in.
#
# Interrupts put whole packets into the inbox and wake the task; the task checks, dispatches and answers. The sending
# half is output.py.
from micropython import const
from array import array
import asyncio
import micropython
import time

from csp import crc32c, services
from csp.accept import DUE, FILLED, HANDING, TAKEN, URGENT, hand_out
from csp.crc32c import matches
from csp.errors import AddressError, InterfaceError, PortError
from csp.output import NO_REPLY, Output
from csp.packet import BROADCAST, DATA, HEADER_START, NORMAL, unpack
from csp.packet import FLAG_CRC32, FLAG_HMAC, FLAG_RDP, FLAG_XTEA

LAST_BIND = const(16)  # ports a server may bind; the rest are for who asks
FIRST_EPHEMERAL = const(17)
ANY = const(255)  # bind: every port that nobody else is bound to
_CRC_SIZE = const(4)
_LOW_BITS = const(0x3FFFFFFF)  # of ticks
_TICK_MS = const(1200)  # more than a heartbeat's second: then those that come wake the task, and its clock rarely
_LONG_MS = const(500)  # a tick that is due later than this is done when the task is awake anyway


class _Request:
    """Waits for the reply to one request."""

    def __init__(self, node, dst, dport):
        self._node = node
        self._dst = dst
        self._dport = dport
        self.answered = asyncio.Event()
        self.reply = None

    def take(self, packet):
        """False if this packet is no answer: it came from elsewhere, or it is the second one."""
        other = packet.src != self._dst and self._dst != self._node.broadcast_address
        if self.reply is not None or packet.sport != self._dport or other:
            return False
        self.reply = bytes(packet.data)
        self.answered.set()
        return True


class Node(Output):
    """A node of the network.

    address: 1 to 30 (v1) or 16382 (v2). hostname, model, revision, built (date, time): what ident says.
    version: 1 or 2, for all interfaces. buffers: packets that exist at a time. crc_header: send CRCs over header and
    data (libcsp 2.1) in place of data alone; both are taken. AddressError, ValueError: bad settings.
    """

    def __init__(
        self, address, *, hostname="", model="", revision="", built=("", ""), version=2, buffers=16, crc_header=False
    ):
        if version not in (1, 2):
            raise ValueError("CSP version %r" % version)
        if not 0 < address < BROADCAST[version]:
            raise AddressError("address %r in version %d" % (address, version))
        super().__init__(address, version, buffers, crc_header)
        self.uptime_s = 0
        self.handler_errors = 0  # exceptions that handlers let out
        self.last_error = None
        self.connections = None  # connection.Connections where they are wanted
        self.dedup = None  # dedup.Dedup where packets come by more than one way
        self._handlers = [None] * (LAST_BIND + 1)
        self._any = None
        self._waiting = {}  # by source port: who waits for answers
        self._ephemeral = FIRST_EPHEMERAL
        self.inbox = [None] * (buffers + 1)
        self._flag = asyncio.ThreadSafeFlag()
        self.set_flag = self._flag.set
        # see accept.py
        names = (version, address, BROADCAST[version], HEADER_START[version])
        self.facts = array("i", (0, 0) + names + (buffers + 1, 0, 0, 0, 0))
        # one look at an object's attribute, or at a module's, costs as much as taking all these
        table = (time.ticks_ms, unpack, crc32c.run, crc32c.TABLE)
        self._hot = (self.inbox, self.facts, self.pool.packets, self.pool.state, self._handlers, None) + table
        self._uptime_ms = 0
        self._ticked = time.ticks_ms()
        self._next_tick = time.ticks_add(self._ticked, _TICK_MS)
        self._clock_due = self._next_tick
        self._again_ms = _TICK_MS
        self._early_ms = 0  # a tick due so soon is done when the task is awake anyway
        self._set_due()
        self.services = services.Services(self, services.ident(hostname, model, revision, built[0], built[1]))
        self.services.name(self.loop)

    # --- settings ---

    def add_interface(self, interface):
        """Attach an interface; the first leads everywhere until a route says otherwise. InterfaceError: name in use."""
        members = getattr(interface, "members", (interface,))
        for member in members:
            for other in self.interfaces:
                if other.name == member.name:
                    raise InterfaceError("two interfaces %s" % member.name)
            self.services.name(member)
        self.interfaces.extend(members)
        self._ways.append(interface)
        interface.attach(self)
        self.tick_within(0)

    def way(self, name):
        """The interface, or pair of interfaces, of this name. InterfaceError: there is none."""
        for way in self._ways + self.interfaces:
            if way.name == name:
                return way
        raise InterfaceError("no interface %s" % name)

    def route(self, text):
        """Add routes in libcsp's form: "0/0 CANA, 8/11 KISS 5". AddressError, NoRoute: see RouteTable."""
        self.routes.load(text, self._ways)

    def know_duplicates(self, interface):
        """Deliver once what comes by this interface and by others of which this was said."""
        if self.dedup is None:
            from csp.dedup import Dedup

            self.dedup = Dedup(self.version)
        self.dedup.add(interface)

    def bind(self, port, handler):
        """handler(packet) is called in the node's task for each packet to this port (0 to 16, or ANY).

        It must not keep the packet. What it raises is counted and dropped. PortError: out of range or bound.
        """
        if port == ANY:
            if self._any is not None:
                raise PortError("another handler takes all ports")
            self._any = handler
        elif not 0 <= port <= LAST_BIND:
            raise PortError("port %r" % port)
        elif self._handlers[port] is not None:
            raise PortError("port %d is bound" % port)
        else:
            self._handlers[port] = handler

    def unbind(self, port):
        if port == ANY:
            self._any = None
        elif 0 <= port <= LAST_BIND:
            self._handlers[port] = None

    # --- requests ---

    async def request(self, dst, dport, data=b"", timeout_ms=1000, pri=NORMAL):
        """The data of dst's reply as bytes, or None if none came in time (milliseconds)."""
        waiting = _Request(self, dst, dport)
        sport = self.reserve_port(waiting)
        try:
            if not self.send(dst, dport, data, sport, pri):
                return None
            await asyncio.wait_for_ms(waiting.answered.wait(), timeout_ms)
        except asyncio.TimeoutError:
            pass
        finally:
            self.free_port(sport)
        return waiting.reply

    def free_port(self, port):
        self._waiting.pop(port, None)

    def reserve_port(self, waiting):
        """A source port whose packets go to waiting.take(packet). PortError: all are in use."""
        for _ in range(FIRST_EPHEMERAL, NO_REPLY):
            port = self._ephemeral
            self._ephemeral = port + 1 if port + 1 < NO_REPLY else FIRST_EPHEMERAL
            if port not in self._waiting:
                self._waiting[port] = waiting
                return port
        raise PortError("all source ports wait for replies")

    # --- receiving ---

    def arrived(self, packet, interface):
        """From an interface, in its interrupt or with the tables held: a whole packet, held once."""
        packet.interface = interface
        packet.arrived_us = time.ticks_us()
        facts = self.facts
        end = facts[FILLED]
        self.inbox[end] = packet
        end += 1
        facts[FILLED] = end if end < len(self.inbox) else 0
        self.set_flag()

    def wake(self, urgent=False):
        """Make the task look at its interfaces now; from an interrupt."""
        if urgent:
            self.facts[URGENT] = 1
        self.set_flag()

    @micropython.native
    def process(self):
        """Dispatch what has come in and do what is due. Called by run(); never waits."""
        more = -1
        while more < 0:
            try:
                more = hand_out(self, self._hot)
            except Exception as error:  # one bad handler must not stop the bus
                self._taken_by_surprise(error)
        if more:
            self.set_flag()  # let others run in between

    async def run(self, checkin=None):
        """The node's task. checkin() is called at least every 1.2 s."""
        self.let_go()  # in case an exception ended the run before
        clock = asyncio.create_task(self._clock())
        try:
            while True:
                self.process()
                if checkin is not None:
                    checkin()
                if time.ticks_diff(self._next_tick, self._clock_due) < 0:
                    clock.cancel()
                    clock = asyncio.create_task(self._clock())
                await self._flag.wait()
        finally:
            clock.cancel()

    async def _clock(self):
        """Wake the task for each tick that no packet woke it for."""
        while True:
            now = time.ticks_ms()
            wait = time.ticks_diff(self._next_tick, now)
            if wait <= 0:
                self.set_flag()
                wait = self._again_ms
            self._clock_due = time.ticks_add(now, wait)
            await asyncio.sleep_ms(wait)

    def tick(self, now):
        """From hand_out: what is due."""
        self._uptime_ms += time.ticks_diff(now, self._ticked)
        self._ticked = now
        self.uptime_s += self._uptime_ms // 1000
        self._uptime_ms %= 1000
        again = _TICK_MS
        self.held = True
        for way in self._ways:
            wanted = way.tick(now)
            if 0 <= wanted < again:
                again = wanted
        for interface in self.interfaces:
            interface.stats.wrap(self.uptime_s)
        self.held = False
        if self.deferred:
            self._catch_up()
        if self.connections is not None:
            wanted = self.connections.tick(now)
            if 0 <= wanted < again:
                again = wanted
        self._next_tick = time.ticks_add(now, again)
        self._again_ms = again
        self._early_ms = again // 2 if again >= _LONG_MS else again // 10
        self._set_due()

    def _set_due(self):
        due = time.ticks_add(self._next_tick, -self._early_ms)
        self.facts[DUE] = due & _LOW_BITS  # pyright: ignore[reportOperatorIssue]

    def tick_within(self, ms):
        """Have what depends on time looked at soon."""
        due = time.ticks_add(time.ticks_ms(), ms)
        if time.ticks_diff(due, self._next_tick) < 0:
            self._next_tick = due
            self._set_due()
            self.set_flag()

    def look_closer(self, packet, interface, size):
        """From hand_out: what to do with a packet that is not simply for a handler of this node.

        size: without its CRC, which is right; -1: that has not been looked at.
        """
        watch = interface.watch
        if watch is not None and watch.is_duplicate(packet):
            interface.stats.duplicate += 1
            return
        border = interface.border
        if border is not None and not border.admit(packet, self.broadcast_address):
            interface.stats.autherr += 1
            return
        if size >= 0:
            self.dispatch(packet, size)
            return
        stats = interface.stats
        dst, src = packet.dst, packet.src
        if (src == self.address or src == 0 or src == self.broadcast_address) and interface is not self.loop:
            # nobody else's: its answer would go to this node itself, or to all
            stats.bad_source += 1
            stats.drop += 1
        elif dst == self.address or dst == self.broadcast_address or dst == interface.all_hosts:
            if self._verify(packet, stats):
                self.dispatch(packet, packet.size)
        elif interface is self.loop:
            if self._verify(packet, stats):
                self.dispatch(packet, packet.size)
        else:
            self._forward(packet, interface)

    def _forward(self, packet, interface):
        """Pass a packet on as it is; never back to where it came from, and only where a route is set."""
        stats = interface.stats
        k = self.routes.find(packet.dst)
        if k >= 0:
            way = self.routes.interfaces[k]
            if way is not interface and interface not in getattr(way, "members", ()):
                self._give(packet, way, self.routes.vias[k])
                return
        stats.no_route += 1
        stats.drop += 1

    def _verify(self, packet, stats):
        """Check and take off the trailers that every packet may have."""
        flags = packet.flags
        if flags & FLAG_CRC32:
            size = packet.size - _CRC_SIZE
            if size < 0:
                return self._bad_crc(stats)
            buffer = packet.buffer
            header = HEADER_START[self.version]
            start = header if self._crc_header else DATA
            if not matches(buffer, start, DATA + size) and not matches(buffer, header + DATA - start, DATA + size):
                return self._bad_crc(stats)
            packet.size = size
        if flags & (FLAG_HMAC | FLAG_XTEA):
            if flags & FLAG_XTEA and self.version == 1 or self.hmac is None or not self.hmac.verify(packet):
                stats.autherr += 1
                return False
        return True

    def _bad_crc(self, stats):
        stats.bad_crc += 1
        stats.rx_error += 1
        return False

    def dispatch(self, packet, size):
        """Give a packet to who waits for it, or to the handler of its port. size: without its CRC."""
        packet.size = size
        connections = self.connections
        if connections is not None and connections.take(packet):
            return
        if not packet.flags & FLAG_RDP:  # that needs a connection
            dport = packet.dport
            if dport > LAST_BIND:
                waiting = self._waiting.get(dport)
                if waiting is not None and waiting.take(packet):
                    return
                handler = self._any
            else:
                handler = self._handlers[dport]
                if handler is None:
                    handler = self._any
            if handler is not None:
                try:
                    handler(packet)
                except Exception as error:  # one bad handler must not stop the bus
                    self._handler_failed(packet, error)
                return
        stats = packet.interface.stats
        stats.no_port += 1
        stats.drop += 1

    def _taken_by_surprise(self, error):
        """A handler raised within hand_out, or what leads to it, which ended there."""
        facts = self.facts
        if not facts[HANDING]:
            raise error
        facts[HANDING] = 0
        self.let_go()
        packet = self.inbox[facts[TAKEN] - 1]
        self._handler_failed(packet, error)
        self.pool.release(packet)

    def _handler_failed(self, packet, error):
        stats = packet.interface.stats
        self.handler_errors += 1
        self.last_error = error
        stats.unserved += 1
        stats.drop += 1
