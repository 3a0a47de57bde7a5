"""Two CSP nodes on a clock of the test's own: one makes frames, the other is fed what became of them."""

import asyncio
import contextlib
import gc  # noqa: F401  (in sys.modules, to be put back)
import importlib
import sys
import types
from collections.abc import Iterator

EXPIRY_MS = 3000
_CSP = ("can", "connection", "node", "packet", "rdp", "bench_kiss", "crc32c", "i2c", "stats", "cfp1", "cfp2")


class Clock(types.ModuleType):
    """MicroPython's time, moved by the test."""

    now = 0

    def ticks_ms(self) -> int:
        return self.now & 0x3FFFFFFF

    def ticks_us(self) -> int:
        return self.now * 1000 & 0x3FFFFFFF

    def ticks_diff(self, later: int, earlier: int) -> int:
        return ((later - earlier + 0x20000000) & 0x3FFFFFFF) - 0x20000000

    def ticks_add(self, ticks: int, delta: int) -> int:
        return ticks + delta & 0x3FFFFFFF

    def time(self) -> int:
        return self.now // 1000


class Flag:
    def set(self) -> None:
        pass


def _load(clock: Clock) -> types.SimpleNamespace:
    """The library on a clock of its own; the rest of the process keeps the real one."""
    stand_in = types.ModuleType("asyncio")
    stand_in.__dict__.update(vars(asyncio), ThreadSafeFlag=Flag)
    memory = types.ModuleType("gc")
    memory.__dict__["mem_free"] = lambda: 100_000
    real = {name: sys.modules[name] for name in ("time", "asyncio", "gc")}
    sys.modules.update(time=clock, asyncio=stand_in, gc=memory)
    try:
        with library():
            return types.SimpleNamespace(**{name: importlib.import_module("csp." + name) for name in _CSP})
    finally:
        sys.modules.update(real)


_own: dict[str, types.ModuleType] = {}


@contextlib.contextmanager
def library() -> Iterator[None]:
    """What imports csp meanwhile gets this one: an interface does when it is attached."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "csp"}
    sys.modules.update(_own)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "csp"]:
            _own[name] = sys.modules.pop(name)
        sys.modules.update(kept)


clock = Clock("time")
csp = _load(clock)


class Controller:
    """machine.CAN without a wire: keeps what is sent, gives what it is fed."""

    FLAG_RTR, FLAG_EXT_ID, FLAG_UNORDERED = 1, 2, 16
    RECV_ERR_FULL, RECV_ERR_OVERRUN = 1, 2
    IRQ_TX, IRQ_RX, IRQ_TX_FAILED, IRQ_STATE = 1, 2, 4, 8
    IRQ_TX_IDX_SHIFT, IRQ_TX_IDX_MASK = 16, 0xFF
    STATE_BUS_OFF = 4
    TX_QUEUE_LEN = 3

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.fed: list[tuple[int, bytes, int]] = []
        self.events: list[int] = []
        self.slot = 0
        self.handler = None

    def irq(self, handler=None, trigger=0, hard=False):
        self.handler = handler
        return self

    def flags(self) -> int:
        return self.events.pop(0) if self.events else 0

    def set_filters(self, filters) -> None:
        pass

    def state(self) -> int:
        return 1

    def send(self, identifier: int, data: bytes, flags: int) -> int:
        assert 0 <= identifier < 1 << 29 and len(data) <= 8 and flags == self.FLAG_EXT_ID
        self.sent.append((identifier, bytes(data)))
        self.slot = (self.slot + 1) % 3
        self.events.append(self.IRQ_TX | self.slot << 16)
        return self.slot

    def recv(self, into):
        if not self.fed:
            return None
        into[0], data, into[2] = self.fed.pop(0)
        into[1] = memoryview(data)
        into[3] = 0
        return into

    def feed(self, identifier: int, data: bytes, flags: int = 2) -> None:
        self.fed.append((identifier & 0x1FFFFFFF, data, flags))


class Bench:
    """A sender that makes frames, and a taker that is fed what became of them."""

    def __init__(self, version: int, connections: bool = True) -> None:
        self.version = version
        self.out, self.into = Controller(), Controller()
        self.sender = csp.node.Node(5, version=version, buffers=16)
        with library():
            self.sender.add_interface(csp.can.CanInterface(self.out, name="CANA", queue=16))
        self.taker = csp.node.Node(7, version=version, buffers=16)
        with library():
            self.taker.add_interface(csp.can.CanInterface(self.into, name="CANA"))
        if connections:
            self.table = csp.connection.Connections(self.taker, 4)
            self.table.listen(12)
        self.known = {b""}  # four zeros are the right CRC of nothing: any frame may carry them
        self.taker.bind(csp.node.ANY, self.check)

    def check(self, packet) -> None:
        if packet.flags & 1:
            assert bytes(packet.data) in self.known, "a corrupt packet was delivered"

    def frames(
        self, data: bytes, dport: int, sport: int, pri: int, flags: int, dst: int = 7
    ) -> list[tuple[int, bytes]]:
        """The frames of a packet with this header and, if flags say so, a valid CRC."""
        node = self.sender
        packet = node.take()
        assert packet is not None
        node._fill(packet, dst, dport, data, sport, pri, flags & ~0x0C)
        self.known.add(data)
        node.emit(packet)
        node.release(packet)
        interface = node.interfaces[0]
        while self.out.events:
            interface.service()
        made, self.out.sent = self.out.sent, []
        return made

    def deliver(self, frames) -> None:
        for frame in frames:
            self.into.feed(*frame)
            self.taker.interfaces[0].service()  # as its interrupt does
            self.taker.process()
        while self.into.events:
            self.taker.interfaces[0].service()

    def finish(self) -> None:
        """Everything partial expires, every connection is forgotten: all buffers are back."""
        for _ in range(2):
            clock.now += EXPIRY_MS
            self.taker.process()
            while self.into.events:
                self.taker.interfaces[0].service()
        for connection in list(self.table._all):
            self.table.forget(connection)
        for socket in self.table._sockets.values():
            socket._waiting.clear()
        for _ in range(3):
            self.taker.process()
            while self.into.events:
                self.taker.interfaces[0].service()
        assert self.taker.pool.free == self.taker.pool.count, "a buffer was lost"
        assert self.taker.handler_errors == 0, self.taker.last_error
        self.known = {b""}
