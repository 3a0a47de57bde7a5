# The border between radio and bus: what may come in where radio packets enter (design.md, "Trust").
#
#  1  only what the ground address sends: whoever claims to be a board of the satellite is refused
#  2  only to one node, not to all
#  3  ping and ident, so many a minute; or what `authentic` admits, which checks the MAC of a command
#
# Set as `border` of the interface: interface.border = Border(10, authentic)
from micropython import const
import time

from csp.packet import DATA, FLAG_CRC32
from csp.services import CMP, IDENT, IDENT_SIZE, PING, REQUEST

_CRC_SIZE = const(4)
_PING_LAST = const(64)  # bytes of a ping from strangers
_BURST = const(4)  # pings and idents at once
_EACH_MS = const(15_000)  # another one is earned in this time


class Border:
    """ground: the address that may send. authentic(packet) -> bool, or None: no commands.

    authentic gets the packet with its CRC still in place; it must not keep or change it. An exception is a refusal.
    """

    def __init__(self, ground, authentic=None):
        self._ground = ground
        self._authentic = authentic
        self._left = _BURST
        self._stamp = time.ticks_ms()
        self.foreign = 0  # refused: not from the ground, or to all
        self.forged = 0  # refused: no valid MAC
        self.too_many = 0  # refused: pings and idents beyond the rate

    def admit(self, packet, to_all):
        """True if the packet may come in. From Node; to_all: the address of all."""
        if packet.src != self._ground or packet.dst in (0, packet.src) or packet.dst == to_all:
            self.foreign += 1
            return False
        if self._is_harmless(packet):
            if self._earn():
                return True
            self.too_many += 1
            return False
        try:
            admitted = self._authentic is not None and self._authentic(packet)
        except Exception:  # whatever a stranger's bytes do to the check, they do not pass it
            admitted = False
        if not admitted:
            self.forged += 1
        return admitted

    def _is_harmless(self, packet):
        """True for ping and ident: no trailers but a CRC, and short."""
        if packet.flags != FLAG_CRC32:
            return False
        size = packet.size - _CRC_SIZE
        if packet.dport == PING:
            return 0 <= size <= _PING_LAST
        if packet.dport != CMP or size != 2 and size != IDENT_SIZE:
            return False
        return packet.buffer[DATA] == REQUEST and packet.buffer[DATA + 1] == IDENT

    def _earn(self):
        now = time.ticks_ms()
        passed = time.ticks_diff(now, self._stamp)
        if passed < 0:  # the clock came round while nobody asked
            self._stamp = now
        elif passed >= _EACH_MS:
            self._left = min(_BURST, self._left + passed // _EACH_MS)
            self._stamp = now
        if self._left == 0:
            return False
        if self._left == _BURST:
            self._stamp = now
        self._left -= 1
        return True
