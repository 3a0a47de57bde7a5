# The services that let anyone change a node or read its memory, for the bench. They are not in a flight image, and
# a node that has them says so in its ident: revision "... +bench".
#
#  port 4  REBOOT      u32 0x80078007 reboot, 0xD1E5529A shutdown; no reply
#  port 0  CMP code 2  route_set_v1  15 bytes: dest u8 @2, via u8 @3, iface[11] @4
#          code 4, 5   peek, poke    10 + len bytes: addr u32 @2, len u8 @6, data @7, 3 pad bytes; len <= 200
#          code 6      clock         10 bytes: sec u32 @2, nsec u32 @6; sec other than 0 sets it; the reply reads it
#          code 7      route_set_v2  20 bytes: dest u16 @2, via u16 @4, netmask u16 @6, iface[11] @8, 1 pad
from csp.errors import CspError
from csp.packet import DATA
from csp.services import CLOCK, CLOCK_SIZE, REBOOT

_REBOOT_MAGIC = b"\x80\x07\x80\x07"
_SHUTDOWN_MAGIC = b"\xd1\xe5\x52\x9a"
_ROUTE_SET_V1, _PEEK, _POKE, _ROUTE_SET_V2 = 2, 4, 5, 7
_ROUTE_SET_V1_SIZE, _ROUTE_SET_V2_SIZE = 15, 20
_MEMORY_OVERHEAD = 10
_MEMORY_LAST = 200
_NO_VIA = (0, 0xFF, 0xFFFF)  # "the destination itself", by version
_REVISION_AT = 50  # within ident's 91 bytes
_REVISION_SIZE = 20
_SUFFIX = b" +bench"


class BenchServices:
    """Adds them to a node's services.

    reboot(), shutdown(), set_clock(seconds, nanoseconds): what to call. memory: read and written by peek and poke,
    indexed by address (machine.mem8 on a board); each may be None.
    """

    def __init__(self, node, reboot=None, shutdown=None, set_clock=None, memory=None):
        self._node = node
        self._actions = {_REBOOT_MAGIC: reboot, _SHUTDOWN_MAGIC: shutdown}
        self._set_clock = set_clock
        self._memory = memory
        services = node.services
        self._services = services
        self._read_clock = services.cmp[CLOCK]
        services.cmp[_ROUTE_SET_V1] = self._route_set_v1
        services.cmp[_ROUTE_SET_V2] = self._route_set_v2
        services.cmp[_PEEK] = self._peek
        services.cmp[_POKE] = self._poke
        services.cmp[CLOCK] = self._clock
        node.bind(REBOOT, self._reboot)
        _say_so(services)

    def _reboot(self, packet):
        if not self._services.admit(packet):
            return
        action = self._actions.get(bytes(packet.data))
        if action is None:
            return self._services.refuse(packet)
        action()

    def _route_set_v1(self, packet):
        if packet.size != _ROUTE_SET_V1_SIZE or self._node.version != 1:
            return False
        data = packet.data
        return self._route(data[2], data[3], 5, data[4:15])

    def _route_set_v2(self, packet):
        if packet.size != _ROUTE_SET_V2_SIZE or self._node.version != 2:
            return False
        data = packet.data
        return self._route(data[2] << 8 | data[3], data[4] << 8 | data[5], data[6] << 8 | data[7], data[8:19])

    def _route(self, dst, via, bits, name):
        node = self._node
        if via == _NO_VIA[node.version]:
            via = -1
        try:
            interface = node.way(bytes(name).split(b"\0")[0].decode())
            node.routes.add(dst, bits, interface, via)
        except (CspError, ValueError):
            return False
        return True

    def _is_memory(self, packet):
        if self._memory is None or packet.size < _MEMORY_OVERHEAD:
            return False
        length = packet.buffer[DATA + 6]
        return length <= _MEMORY_LAST and packet.size == _MEMORY_OVERHEAD + length

    def _peek(self, packet):
        if not self._is_memory(packet):
            return False
        data = packet.data
        address = int.from_bytes(bytes(data[2:6]), "big")
        try:
            for k in range(data[6]):
                data[7 + k] = self._memory[address + k]
        except (IndexError, OverflowError):
            return False
        data[7 + data[6] :] = bytes(3)
        return True

    def _poke(self, packet):
        if not self._is_memory(packet):
            return False
        data = packet.data
        address = int.from_bytes(bytes(data[2:6]), "big")
        try:
            for k in range(data[6]):
                self._memory[address + k] = data[7 + k]
        except (IndexError, OverflowError):
            return False
        return True

    def _clock(self, packet):
        if packet.size != CLOCK_SIZE:
            return False
        data = bytes(packet.data)
        seconds = int.from_bytes(data[2:6], "big")
        if seconds:
            if self._set_clock is None:
                return False
            self._set_clock(seconds, int.from_bytes(data[6:10], "big"))
            packet.data[2:6] = bytes(4)
        return self._read_clock(packet)  # as libcsp: what the clock says now


def _say_so(services):
    image = services.ident_image
    text = bytes(image[_REVISION_AT : _REVISION_AT + _REVISION_SIZE]).split(b"\0")[0]
    text = text[: _REVISION_SIZE - 1 - len(_SUFFIX)] + _SUFFIX
    image[_REVISION_AT : _REVISION_AT + _REVISION_SIZE] = text + bytes(_REVISION_SIZE - len(text))
