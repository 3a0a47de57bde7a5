"""A CSP node that shares no line with ours: KP Labs' csp-py over python-can, with RDP and SFP put on top here.

csp-py has packets, CRC-32C, CFP1 and CFP2, ping and connections, no RDP and no SFP. Both follow libcsp's csp_rdp.c and
csp_sfp.c here, as plainly as a test wants it: one connection at a time, everything kept in order.
"""

import asyncio
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import can

CSP_PY = Path(__file__).parents[2] / ".cache" / "csp_py"
if not (CSP_PY / "csp_py").is_dir():
    raise ImportError(f"no csp-py in {CSP_PY}: run host_tools/setup/judges.sh")
sys.path.append(str(CSP_PY))

from csp_py import CspAddress, CspId, CspNode, CspPacket, CspPacketFlags, IPacketHandler  # noqa: E402
from csp_py.interfaces.can import CspCanInterface  # noqa: E402
from csp_py.interfaces.can_v1 import CspCanV1Interface  # noqa: E402

_RDP, _FRAG, _CRC = 0x02, 0x10, 0x01
_SYN, _ACK, _RST = 8, 4, 1
_OPTIONS = (4, 10_000, 1_000, 1, 250, 2)  # window, connection ms, packet ms, delayed acks, ack ms, ack count
_RESEND_S = 1.0


class Connection:
    """One RDP connection: data go and come in order, each packet once."""

    def __init__(self, rdp: "Rdp", peer: int, peer_port: int, port: int, iss: int) -> None:
        self._rdp = rdp
        self.ends = (peer, peer_port, port)
        self._next = iss  # sequence of what is sent next
        self._unacknowledged: dict[int, tuple[bytes, int]] = {}  # sequence: data, CSP flags
        self.received = 0  # sequence of the newest in order
        self._early: dict[int, tuple[bytes, int]] = {}
        self.inbox: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue()
        self.open = asyncio.Event()
        self.closed = asyncio.Event()
        self.options: tuple[int, ...] = _OPTIONS
        self.duplicates = self.resent = 0

    async def _emit(self, flags: int, sequence: int, data: bytes = b"", csp_flags: int = 0) -> None:
        await self._rdp.send(self.ends, data + struct.pack(">BHH", flags, sequence, self.received), csp_flags)

    async def begin(self) -> None:
        """Ask: SYN with our options."""
        await self._emit(_SYN, self._next, struct.pack(">6I", *_OPTIONS))
        self._next = self._next + 1 & 0xFFFF

    async def accept(self, sequence: int, data: bytes) -> None:
        """Answer a SYN, adopting its options."""
        self.options = struct.unpack(">6I", data)
        self.received = sequence
        await self._emit(_SYN | _ACK, self._next)
        self._next = self._next + 1 & 0xFFFF

    async def send(self, data: bytes, csp_flags: int = 0) -> None:
        """Wait for room in the window, send."""
        async with asyncio.timeout(20):
            while len(self._unacknowledged) >= self.options[0]:
                await asyncio.sleep(0.02)
        sequence = self._next
        self._next = sequence + 1 & 0xFFFF
        self._unacknowledged[sequence] = (data, csp_flags)
        await self._emit(_ACK, sequence, data, csp_flags)

    async def close(self) -> None:
        """Wait for what was sent, then RST both ways."""
        async with asyncio.timeout(20):
            while self._unacknowledged:
                await asyncio.sleep(0.02)
        await self._emit(_ACK | _RST, self._next)
        async with asyncio.timeout(5):
            await self.closed.wait()

    async def repeat(self) -> None:
        """Sends again what nobody acknowledged, until closed."""
        while not self.closed.is_set():
            await asyncio.sleep(_RESEND_S)
            for sequence, (data, csp_flags) in list(self._unacknowledged.items()):
                self.resent += 1
                await self._emit(_ACK, sequence, data, csp_flags)

    async def take(self, flags: int, sequence: int, ack: int, data: bytes, csp_flags: int) -> None:
        """One packet from the other side."""
        if flags & _RST:
            if not self.closed.is_set():
                self.closed.set()
                if sequence == self.received + 1 & 0xFFFF:
                    await self._emit(_ACK | _RST, self._next)
            return
        if flags & _SYN:
            self.received = sequence
            await self._emit(_ACK, self._next)
            self.open.set()
            return
        if flags & _ACK:
            self.open.set()
            for old in [one for one in self._unacknowledged if ack - one & 0xFFFF < 0x8000]:
                del self._unacknowledged[old]
        if not data:
            return
        if sequence - self.received - 1 & 0xFFFF >= 0x8000:
            self.duplicates += 1
        else:
            self._early[sequence] = (data, csp_flags)
        while (following := self.received + 1 & 0xFFFF) in self._early:
            self.received = following
            self.inbox.put_nowait(self._early.pop(following))
        await self._emit(_ACK, self._next)


class Rdp(IPacketHandler):
    """RDP connections of a csp-py node."""

    def __init__(self, node: CspNode) -> None:
        self._node = node
        self._connections: dict[tuple[int, int, int], Connection] = {}
        self._listening: dict[int, asyncio.Queue[Connection]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._port = 40
        node._handlers.insert(0, self)  # before plain sockets, which know no flags

    async def send(self, ends: tuple[int, int, int], data: bytes, csp_flags: int) -> None:
        peer, peer_port, port = ends
        flags = CspPacketFlags(_CRC | _RDP | csp_flags)
        await self._node.router.send_packet(CspPacket(CspId(0, peer, peer_port, port, flags), data=data))

    def listen(self, port: int) -> asyncio.Queue[Connection]:
        """Connections that others open to this port."""
        return self._listening.setdefault(port, asyncio.Queue())

    async def connect(self, peer: int, port: int) -> Connection:
        """TimeoutError: no answer in 5 s."""
        self._port += 1
        made = self._add(Connection(self, peer, port, self._port, 0xFFFE))  # the sequence wraps at once
        await made.begin()
        async with asyncio.timeout(5):
            await made.open.wait()
        return made

    def _add(self, connection: Connection) -> Connection:
        self._connections[connection.ends] = connection
        self._tasks.append(asyncio.ensure_future(connection.repeat()))
        return connection

    async def on_packet(self, packet: CspPacket) -> bool:
        """From csp-py: True if it was RDP."""
        if not packet.packet_id.flags & _RDP:
            return False
        flags, sequence, ack = struct.unpack(">BHH", packet.data[-5:])
        data = packet.data[:-5]
        ends = (packet.packet_id.src, packet.packet_id.sport, packet.packet_id.dport)
        known = self._connections.get(ends)
        if known is None and flags & 15 == _SYN and packet.packet_id.dport in self._listening:
            known = self._add(Connection(self, *ends, 100))
            await known.accept(sequence, data)
            self._listening[packet.packet_id.dport].put_nowait(known)
        elif known is not None:
            await known.take(flags & 15, sequence, ack, data, packet.packet_id.flags & _FRAG)
        return True

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


async def sfp_send(connection: Connection, data: bytes, part: int = 150) -> None:
    """All of data, each part with its offset and the total."""
    for at in range(0, len(data), part):
        await connection.send(data[at : at + part] + struct.pack(">II", at, len(data)), _FRAG)


async def sfp_receive(connection: Connection, timeout_s: float = 20) -> bytes:
    """A whole transfer, its parts in order."""
    whole = b""
    async with asyncio.timeout(timeout_s):
        while True:
            data, flags = await connection.inbox.get()
            assert flags & _FRAG, "SFP's flag"
            offset, total = struct.unpack(">II", data[-8:])
            assert offset == len(whole)
            whole += data[:-8]
            if len(whole) == total:
                return whole


@asynccontextmanager
async def joined(bus: can.BusABC, address: int, version: int) -> AsyncIterator[tuple[CspNode, Rdp]]:
    """A csp-py node on a python-can bus."""
    node = CspNode(default_send_flags=CspPacketFlags.CRC32)
    interface = CspCanInterface() if version == 2 else CspCanV1Interface()
    frames: asyncio.Queue[can.Message] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def transmit(identifier: int, data: bytes) -> None:
        bus.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=True))

    async def receive() -> None:
        while True:
            message = await frames.get()
            await interface.on_can_frame(message.arbitration_id, bytes(message.data))

    interface.send_can_frame = transmit
    node.router.add_interface(interface, address=CspAddress(address=address, netbits=0, version=version))
    rdp = Rdp(node)
    notifier = can.Notifier(bus, [lambda message: loop.call_soon_threadsafe(frames.put_nowait, message)], timeout=0.05)
    tasks = [asyncio.ensure_future(receive()), asyncio.ensure_future(node.router.arun())]
    try:
        yield node, rdp
    finally:
        notifier.stop()
        rdp.stop()
        for task in tasks:
            task.cancel()
