# Two buses as one: everyone listens on both, a sender uses A and moves to B when A is silent, stuck or off.
#
# So that silence means something, a probe goes out on A twice a second and on B every two seconds: an empty
# broadcast to port 16, or what `probe` is set to. Silence of both buses moves nobody. A sender returns to A when A
# has been heard without a gap for RETURN_MS.
from micropython import const
import time

from csp.errors import InterfaceError

SILENT_MS = const(1_100)  # without any frame on the bus in use, while the other is heard: move
STUCK_MS = const(700)  # a frame that nobody acknowledges for so long: move
RETURN_MS = const(5_000)  # of A alive, before going back
PROBE_PORT = const(16)
_LOOK_MS = const(250)  # between looks at the buses
_PROBE_MS = const(500)  # on A
_PROBES_B = const(4)  # on B, every so many periods


class Redundant:
    """Two interfaces, a preferred. both: send every packet on both, for those who cannot wait for a fail-over."""

    name = "AB"

    def __init__(self, a, b, both=False):
        if a.name == b.name:
            raise InterfaceError("two interfaces %s" % a.name)
        self.members = (a, b)
        self.mtu = min(a.mtu, b.mtu)
        self.active = a
        self.failovers = 0
        self.returns = 0
        self.probe = (PROBE_PORT, b"")  # port and data
        self._both = both
        self._node = None
        self._alive = 0  # ticks since when A is heard without a gap, ms
        self._next = 0
        self._count = 0

    def attach(self, node):
        self._node = node
        for member in self.members:
            member.attach(node)
            member.redundant = True
        node.know_duplicates()
        self._alive = self._next = time.ticks_ms()
        node.bind(PROBE_PORT, _ignore)

    def send(self, packet, via=-1):
        if not self._both:
            return self.active.send(packet, via)
        a = self.members[0].send(packet, via)
        b = self.members[1].send(packet, via)
        return a or b

    def tick(self, now):
        again = _LOOK_MS
        for member in self.members:
            wanted = member.tick(now)
            if 0 <= wanted < again:
                again = wanted
        self._choose(now)
        if time.ticks_diff(self._next, now) <= 0:
            self._next = time.ticks_add(now, _PROBE_MS - _LOOK_MS // 2)  # ticks may come a little early
            self._send_probe()
        return again

    def _send_probe(self):
        port, data = self.probe
        self._count += 1
        a, b = self.members
        self._node.broadcast_on(a, port, data)
        if self._count % _PROBES_B == 0 or self.active is b:
            self._node.broadcast_on(b, port, data)

    def _works(self, member, now):
        return member.on_bus and time.ticks_diff(now, member.heard) <= SILENT_MS and member.stuck_ms(now) < STUCK_MS

    def _is_alternative(self, member, now):
        """True if someone was heard there lately."""
        lately = time.ticks_diff(now, member.heard) <= _PROBE_MS * _PROBES_B + SILENT_MS
        return member.on_bus and member.alive and lately

    def _choose(self, now):
        a, b = self.members
        if not self._works(a, now):
            self._alive = now
            if self.active is a and self._is_alternative(b, now):
                self._move(b)
                self.failovers += 1
        elif self.active is b and (time.ticks_diff(now, self._alive) >= RETURN_MS or not self._works(b, now)):
            self._move(a)
            self.returns += 1

    def _move(self, member):
        """Use this bus from now on, for what still waits for the other one too."""
        self.active.hand_over(member)
        self.active = member


def _ignore(packet):
    pass
