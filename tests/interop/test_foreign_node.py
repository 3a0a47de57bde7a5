"""A foreign CSP node (KP Labs' csp-py) joins the flying bus: ping, ident, RDP and SFP, both ways, v1 and v2.

The EPS flies an echo beside its app. Port 7 returns each packet of a connection; port 8 returns a transfer, its bytes
in reverse; a packet to port 15 has it open a connection to the port that the packet names, and send a transfer there.
"""

import asyncio
import struct
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragonet import paths
from interop.flying import Flying
from interop.foreign_node import CspNode, CspPacketFlags, Rdp, joined, sfp_receive, sfp_send

paths.use_firmware()

from core import ports  # noqa: E402

EPS, BENCH = ports.ADDRESSES["eps"], ports.ADDRESSES["bench"]
ECHO, REVERSE, CALL = 7, 8, 15
LONG = bytes(k * 7 & 0xFF for k in range(1777))

APP = (paths.FIRMWARE / "eps" / "app.py").read_text() + '''

from csp import sfp
from csp.connection import Connections
from csp.errors import CspError

_start = start


def start(board):
    power = _start(board)
    connections = Connections(board.node, 4)
    wanted = []
    board.node.bind(15, lambda packet: wanted.append((packet.src, packet.data[0])))
    for port in (7, 8):
        socket = connections.listen(port)
        board.supervisor.task("echo%d" % port, lambda checkin, s=socket: _serve(s, checkin), 60_000)
    board.supervisor.task("caller", lambda checkin: _call(connections, wanted, checkin), 60_000)
    return power


async def _serve(socket, checkin):
    while True:
        checkin()
        one = await socket.accept(timeout_ms=5000)
        if one is None:
            continue
        try:
            while True:
                checkin()
                if one.port == 8:
                    data = await sfp.receive(one, 3000, timeout_ms=5000)
                    if data is not None:
                        await sfp.send(one, bytes(reversed(data)), timeout_ms=5000)
                else:
                    data = await one.read(timeout_ms=5000)
                    if data is not None:
                        await one.send(data, timeout_ms=5000)
                if data is None:
                    break
        except CspError:
            pass
        await one.close()


async def _call(connections, wanted, checkin):
    while True:
        checkin()
        while wanted:
            dst, port = wanted.pop(0)
            one = await connections.connect(dst, port, timeout_ms=3000)
            await one.send(b"hello")
            answer = await one.read(timeout_ms=5000)
            await sfp.send(one, (answer or b"nothing") * 100, timeout_ms=5000)
            await one.close()
        await asyncio.sleep_ms(200)
'''


class Join:
    """One flight of a version; each test joins it anew."""

    def __init__(self, flying: Flying, version: int) -> None:
        self.flying = flying
        self.version = version

    def run(self, body: Callable[[CspNode, Rdp], Coroutine[Any, Any, None]]) -> None:
        async def join() -> None:
            with self.flying.bus("slcan") as bus:
                async with joined(bus, BENCH, self.version) as (node, rdp), asyncio.timeout(60):
                    await body(node, rdp)

        asyncio.run(join())


@pytest.fixture(scope="module", params=[2, 1], ids=["v2", "v1"])
def join(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Join]:
    folder: Path = tmp_path_factory.mktemp("foreign")
    scenario = folder / "scenario.toml"
    scenario.write_text(f"[mission]\nname = 'FOREIGN'\ncallsign = 'XV9AA'\n[can]\ncsp_version = {request.param}\n")
    flying = Flying(folder / "out", scenario=str(scenario), overlay={"eps/app.py": APP})
    yield Join(flying, request.param)
    flying.process.kill()


async def _ask(node: CspNode, port: int, data: bytes) -> bytes:
    connection = await node.connect(dst=EPS, port=port, send_flags=CspPacketFlags.CRC32)
    await connection.send(data)
    async with asyncio.timeout(5):
        return (await connection.recv()).data


def test_ping(join: Join) -> None:
    async def body(node: CspNode, _: Rdp) -> None:
        for size in (3, 20, 100, 200):
            data = bytes(range(size))
            assert await _ask(node, 1, data) == data

    join.run(body)


def test_ident(join: Join) -> None:
    async def body(node: CspNode, _: Rdp) -> None:
        data = await _ask(node, 0, b"\x00\x01")
        assert len(data) == 93 and data[:2] == b"\xff\x01" and data[2:22].rstrip(b"\0") == b"eps"

    join.run(body)


def test_foreign_node_opens_rdp_and_every_packet_comes_back_in_order(join: Join) -> None:
    async def body(_: CspNode, rdp: Rdp) -> None:
        connection = await rdp.connect(EPS, ECHO)
        sent = [struct.pack(">H", k) * (1 + k * 3) for k in range(30)]

        async def send() -> None:
            for one in sent:
                await connection.send(one)

        sending = asyncio.ensure_future(send())
        got = [(await connection.inbox.get())[0] for _ in sent]
        await sending
        assert got == sent and connection.duplicates == 0
        await connection.close()

    join.run(body)


def test_foreign_node_sends_and_receives_a_transfer_by_sfp(join: Join) -> None:
    async def body(_: CspNode, rdp: Rdp) -> None:
        connection = await rdp.connect(EPS, REVERSE)
        await sfp_send(connection, LONG)
        assert await sfp_receive(connection) == LONG[::-1]
        await connection.close()

    join.run(body)


def test_board_opens_rdp_to_the_foreign_node_and_sends_a_transfer_by_sfp(join: Join) -> None:
    async def body(node: CspNode, rdp: Rdp) -> None:
        calls = rdp.listen(33)
        asking = await node.connect(dst=EPS, port=CALL, send_flags=CspPacketFlags.CRC32)
        await asking.send(b"\x21")
        async with asyncio.timeout(10):
            connection = await calls.get()
            assert (await connection.inbox.get())[0] == b"hello"
        await connection.send(b"world 123")
        assert await sfp_receive(connection) == b"world 123" * 100
        async with asyncio.timeout(10):
            await connection.closed.wait()  # by the board

    join.run(body)


def test_connection_to_a_port_without_listener_is_refused(join: Join) -> None:
    async def body(_: CspNode, rdp: Rdp) -> None:
        with pytest.raises(TimeoutError):
            await rdp.connect(EPS, 29)
        assert (await _ask(_, 1, b"still there")) == b"still there"

    join.run(body)
