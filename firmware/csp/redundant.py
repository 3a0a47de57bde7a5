# Two buses as one: everyone listens on both and sends on A, on B when A is lost (DESIGN, "Message bus").
#
# The heartbeat that a board broadcasts every second is the probe: on the bus in use each beat, on the other one every
# tenth, so that its health is known. What follows from silence is decided by packets, per neighbour, never by frames:
#
#  doubt      nothing heard on the bus in use for SILENT_MS, or a packet waits there for STUCK_MS: everything goes on
#             both buses from now on, and an empty packet at once on both, so that whoever hears A is in no doubt.
#  stray      a neighbour last heard on B, with no copy on A. What is for it goes on B. When the copy is not there after
#             CONFIRM_MS it is answered on B, and the rest goes on both until RETURN_MS after the last sign of a stray.
#  fail-over  to B: A is in doubt and somebody strays; or others are heard on A, and on B lately, but A does not take
#             this node's frames; or this node's controller left A. What waits for A moves along.
#             What this node's controller lost on A (a flash erase: 45 ms) makes nobody a stray.
#  return     to A when it was heard without a gap for RETURN_MS; at once when B does not take frames and A does.
#
# So: A lost for all: everyone doubts, asks on B, hears the others stray and moves, within 1.5 s. One board off A: it
# doubts and moves, the others send to it on B and to the rest on A. A board that A does not hear, though it hears A,
# is a stray like that; one that hears nothing though it is heard moves with the next tenth beat, and then beats on A
# every tenth time only, so that the others see it stray. Everybody else off: doubt, and no move, for nobody strays.
# Late heartbeats: doubt, which A itself ends. A bus that comes and goes: no return, for the gaps.
# Nobody uses A: every tenth beat asks there; whoever hears one beats on A every second, and all return.
from micropython import const
import time

from csp.errors import InterfaceError

SILENT_MS = const(1_250)  # a beat a second, 250 ms late
STUCK_MS = const(700)
CONFIRM_MS = const(100)  # copies of a packet are no further apart
RETURN_MS = const(5_000)
IDLE_BEATS = const(10)  # on the bus that is not in use, one of so many
PROBE_PORT = const(16)  # of the empty packet that asks
NEIGHBOURS = const(8)  # remembered; of more, those heard last
_GAP_MS = const(300)  # heard on B so long after A: no copy of what came on A
_IDLE_MS = const(25_000)  # two idle beats may be lost
_GONE_MS = const(3_500)  # a neighbour silent for so long is switched off: it strays no more
_OLD_MS = const(3_600_000)  # nothing older matters, and ticks wrap
_PERIOD_MS = const(1_000)
_REST = const(8)  # ticks: interrupts get lost seldom
_NOBODY = const(-1)
_NOT = const(-1)

# flags()
A_WORKS, B_WORKS, ON_B, STRAYS = const(1), const(2), const(4), const(8)


class Redundant:
    """Two interfaces, a preferred. beat: port to which the application broadcasts every second, None: nobody does,
    an empty packet to PROBE_PORT serves. both: send every packet on both.

    active: the bus in use. failovers, returns: how often it changed.
    """

    name = "AB"

    def __init__(self, a, b, beat=None, both=False):
        if a.name == b.name:
            raise InterfaceError("two interfaces %s" % a.name)
        self.members = (a, b)
        self.mtu = min(a.mtu, b.mtu)
        self.active = a
        self.failovers = 0
        self.returns = 0
        self.doubt = False
        self._own = beat is None
        self._port = PROBE_PORT if beat is None else beat
        self._both = both
        self._calm = False  # A works and nobody strays: then a packet costs few comparisons
        self._node = None
        self._everyone = 0
        self._beats = IDLE_BEATS - 1  # the first goes on both
        self._next = 0  # own beat
        self._rest = 0  # ticks that the idle bus is left alone
        # neighbours: address, ticks when heard on A and on B, and since when on B alone
        self._addresses = [_NOBODY] * NEIGHBOURS
        self._on_a = [0] * NEIGHBOURS
        self._on_b = [0] * NEIGHBOURS
        self._since = [_NOT] * NEIGHBOURS
        self._strays = False  # somebody does, or a copy is on its way
        self._spread = False  # broadcasts go on both
        self._stray_at = 0
        self._lost = 0  # frames, by A's controller
        self._lost_at = 0
        self._heard_a = self._heard_b = 0
        self._known_b = False  # somebody was heard on B, ever
        self._good_since = 0  # A without a gap
        self._aged = 0

    def attach(self, node):
        self._node = node
        self._everyone = node.broadcast_address
        for member in self.members:
            member.attach(node)
            node.know_duplicates(member)
            member.watch = self
        self._heard_a = self._heard_b = self._good_since = self._next = self._aged = time.ticks_ms()
        self._lost_at = time.ticks_add(self._aged, -CONFIRM_MS - 1)
        node.bind(PROBE_PORT, _ignore)

    # --- receiving: from Node, for each whole packet ---

    def is_duplicate(self, packet):
        """Note who was heard where; True if this packet came by the other bus already."""
        now = packet.stamp
        src = packet.src
        if src in self._addresses:
            self._hear(self._addresses.index(src), packet.interface, now)
        elif src != self._node.address and 0 < src < self._everyone:
            self._hear(self._meet(src, now), packet.interface, now)
        return self._node.dedup.is_duplicate(packet)

    def _hear(self, k, interface, now):
        if interface is self.members[0]:
            self._on_a[k] = now
            self._since[k] = _NOT
            if time.ticks_diff(now, self._heard_a) > SILENT_MS:
                self._good_since = now
            self._heard_a = now
        else:
            self._on_b[k] = now
            self._heard_b = now
            self._known_b = True
            alone = self._since[k] == _NOT and time.ticks_diff(now, self._on_a[k]) > _GAP_MS
            if alone and time.ticks_diff(now, self._lost_at) > CONFIRM_MS:
                self._since[k] = now
                self._strays = True
                self._calm = False
                self._node.tick_within(CONFIRM_MS)
        if self.doubt and interface is self.active:
            self._node.tick_within(0)

    def _meet(self, src, now):
        """The row of a neighbour heard for the first time."""
        best = 0
        age = -1
        for k in range(NEIGHBOURS):
            if self._addresses[k] == _NOBODY:
                best = k
                break
            silent = min(time.ticks_diff(now, self._on_a[k]), time.ticks_diff(now, self._on_b[k]))
            if silent > age:
                best, age = k, silent
        self._addresses[best] = src
        self._on_a[best] = self._on_b[best] = time.ticks_add(now, -_GAP_MS - 1)
        self._since[best] = _NOT
        return best

    # --- sending; the node's tables are held ---

    def send(self, packet, via=-1):
        a, b = self.members
        beat = packet.dport == self._port and packet.dst == self._everyone
        if self._calm:
            sent = a.send(packet, via)  # first, so that the copy is the one on B
            if beat:
                self._beats += 1
                if self._beats >= IDLE_BEATS:
                    self._beats = 0
                    if not b.pending():
                        b.send(packet, via)
            return sent
        if beat:
            return self._send_beat(packet, via)
        dst = packet.dst if via < 0 else via
        if self._both or self.doubt:
            return self._send_both(packet, via)
        if self._strays and dst in self._addresses and self._since[self._addresses.index(dst)] != _NOT and b.on_bus:
            return b.send(packet, via)
        if self._spread and self.active is a:
            return self._send_both(packet, via)
        return self.active.send(packet, via)

    def _send_beat(self, packet, via):
        """One that waits already says the same."""
        active = self.active
        other = self.members[0] if active is self.members[1] else self.members[1]
        self._beats += 1
        often = self.doubt or self._both or (self._spread if active is self.members[0] else self._returning())
        sent = True
        if active.on_bus and not (self.doubt and active.pending()):
            sent = active.send(packet, via)
        if (often or self._beats >= IDLE_BEATS) and other.on_bus and not other.pending():
            self._beats = 0
            sent = other.send(packet, via) or sent
        return sent

    def _returning(self):
        """B is in use, and A was heard lately."""
        return time.ticks_diff(time.ticks_ms(), self._heard_a) <= 2 * SILENT_MS

    def _send_both(self, packet, via):
        a, b = self.members
        if not a.on_bus:
            return b.send(packet, via)
        if not b.on_bus:
            return a.send(packet, via)
        sent = a.send(packet, via)
        return b.send(packet, via) or sent

    def _ask(self, member):
        """Make the others hear this node there, if nothing that waits does."""
        if member.on_bus and not member.pending():
            self._node.empty_on(member, PROBE_PORT)

    # --- once in a while ---

    def tick(self, now):
        again = SILENT_MS
        for member in self.members:
            if member is not self.active:
                if self._calm and self._rest and member.idle():
                    self._rest -= 1
                    continue
                self._rest = _REST
            wanted = member.tick(now)
            if 0 <= wanted < again:
                again = wanted
        strays = False
        lost = self.members[0].stats.overrun
        if lost != self._lost:
            self._forgive(lost, now)
        if self._strays or self._spread:
            wait = self._look_for_strays(now)
            strays = wait == 0
            if wait > 0:
                again = min(again, wait)
        self._choose(now, strays)
        uncertain = self.doubt or self._strays or self._spread or self._both
        self._calm = self.active is self.members[0] and not uncertain
        if self._own:
            if time.ticks_diff(self._next, now) <= 0:
                self._next = time.ticks_add(now, _PERIOD_MS)
                self._node.empty_on(self, PROBE_PORT)
            again = min(again, time.ticks_diff(self._next, now))
        if not self.doubt:
            heard = self._heard_a if self.active is self.members[0] else self._heard_b
            again = min(again, max(SILENT_MS + 1 - time.ticks_diff(now, heard), 1))
        if time.ticks_diff(now, self._aged) > _OLD_MS:
            self._aged = now
            self._age(now)
        return again

    def _works(self, member, heard, now):
        return member.on_bus and time.ticks_diff(now, heard) <= SILENT_MS and not self._is_stuck(member, now)

    def _is_stuck(self, member, now):
        return member.pending() and member.stuck_ms(now) >= STUCK_MS

    def _look_for_strays(self, now):
        """0 if somebody strays who is switched on, ms until that may turn out, or -1."""
        self._strays = found = False
        wait = -1
        for k in range(NEIGHBOURS):
            since = self._since[k]
            if since != _NOT:
                self._strays = True
                left = CONFIRM_MS - time.ticks_diff(now, since)
                if left > 0:
                    wait = left
                elif time.ticks_diff(now, self._on_b[k]) <= _GONE_MS:
                    found = True
        if found:
            self._stray_at = now
            if not self._spread:
                self._spread = True
                self._ask(self.members[1])
        elif self._spread and time.ticks_diff(now, self._stray_at) > RETURN_MS:
            self._spread = False
        return 0 if found else wait

    def _forgive(self, lost, now):
        """Frames of A were lost here, copies of what is on B perhaps: who strays is looked for anew."""
        self._lost = lost
        self._lost_at = now
        for k in range(NEIGHBOURS):
            self._since[k] = _NOT

    def _choose(self, now, strays):
        a, b = self.members
        works = self._works(a, self._heard_a, now)
        if not works:
            self._good_since = now
        if self.active is a:
            if not works and b.on_bus and (not a.on_bus or strays or self._refused(now)):
                self._move(b)
                self.failovers += 1
        elif works:
            b_refuses = not b.on_bus or self._is_stuck(b, now)
            if b_refuses or time.ticks_diff(now, self._good_since) >= RETURN_MS:
                self._move(a)
                self.returns += 1
        if self.active is b:
            works = self._works(b, self._heard_b, now)
        if works == self.doubt:
            self._set_doubt(not works, now)

    def _set_doubt(self, doubt, now):
        if doubt:
            a, b = self.members
            other = b if self.active is a else a
            if other.on_bus and self._is_stuck(self.active, now):
                self.active.hand_over(other)
            self._ask(a)
            self._ask(b)
        self.doubt = doubt

    def _refused(self, now):
        """Others are heard on A, but A does not take this node's frames; and B lives."""
        lives = self._known_b and time.ticks_diff(now, self._heard_b) <= _IDLE_MS
        return lives and time.ticks_diff(now, self._heard_a) <= SILENT_MS and self._is_stuck(self.members[0], now)

    def _move(self, member):
        """Use this bus from now on, for what still waits for the other one too."""
        self.active.hand_over(member)
        self.active = member
        self._beats = 0

    def _age(self, now):
        """Ticks wrap: what is older than an hour or two becomes an hour old."""
        longest = time.ticks_add(now, -_OLD_MS)
        if time.ticks_diff(now, self._heard_a) > _OLD_MS:
            self._heard_a = longest
        if time.ticks_diff(now, self._heard_b) > _OLD_MS:
            self._heard_b = longest
        if time.ticks_diff(now, self._good_since) > _OLD_MS:
            self._good_since = longest
        if time.ticks_diff(now, self._lost_at) > _OLD_MS:
            self._lost_at = longest
        for k in range(NEIGHBOURS):
            for ticks in (self._on_a, self._on_b):
                if time.ticks_diff(now, ticks[k]) > _OLD_MS:
                    ticks[k] = longest
            if self._since[k] != _NOT and time.ticks_diff(now, self._since[k]) > _OLD_MS:
                self._since[k] = longest

    # --- what housekeeping says ---

    def flags(self):
        """A_WORKS, B_WORKS (an idle bus is heard every 10 s), ON_B (in use), STRAYS (somebody is on the other bus)."""
        now = time.ticks_ms()
        a, b = self.members
        flags = 0
        on_b = self.active is b
        if a.on_bus and time.ticks_diff(now, self._heard_a) <= (_IDLE_MS if on_b else 2 * SILENT_MS):
            flags |= A_WORKS
        if self._known_b and b.on_bus and time.ticks_diff(now, self._heard_b) <= (2 * SILENT_MS if on_b else _IDLE_MS):
            flags |= B_WORKS
        if on_b:
            flags |= ON_B
        if self._spread:
            flags |= STRAYS
        return flags


def _ignore(packet):
    pass
