# Connections: RDP over a bus that loses and repeats, SFP, timeouts, and what a peer may not do.
import asyncio
import time
import unittest

import csp
from csp import rdp, sfp
from csp.can import CanInterface
from csp.connection import Connections
from csp.errors import NoConnection, PacketTooLong, Timeout
from csp.interface import Interface
from csp.packet import DATA, FLAG_CRC32, FLAG_RDP, pack
from fake_can import FakeCan, Wire


class Network:
    """Two nodes with connections on one wire, run on the virtual clock."""

    def __init__(self, version=2, buffers=16):
        self.wire = Wire()
        self.nodes = []
        for address in (2, 3):
            node = csp.Node(address, version=version, buffers=buffers)
            node.add_interface(CanInterface(FakeCan(self.wire), name="CANA", queue=buffers))
            Connections(node, 4)
            self.nodes.append(node)
        self.client, self.server = self.nodes

    async def _pump(self):
        while True:
            moved = 0
            while moved < 3 and self.wire.step():
                moved += 1
            await asyncio.sleep_ms(1)

    def run(self, *mains):
        async def main():
            tasks = [asyncio.create_task(node.run()) for node in self.nodes]
            tasks.append(asyncio.create_task(self._pump()))
            jobs = [asyncio.create_task(job) for job in mains[1:]]
            try:
                result = await mains[0]
                for job in jobs:
                    await job
                await asyncio.sleep_ms(50)
                return result
            finally:
                for task in tasks + jobs:
                    task.cancel()
                await asyncio.sleep_ms(0)

        return asyncio.run(main())

    def lose(self, every, phase=0):
        """Lose every n-th frame from now on."""
        count = [phase]

        def fault(identifier, data):
            count[0] += 1
            return [] if count[0] % every == 0 else [(identifier, data)]

        self.wire.fault = fault


class Reliable(unittest.TestCase):
    version = 2

    def setUp(self):
        self.net = Network(self.version)

    def tearDown(self):
        time.sleep_ms(2500)  # partial packets expire
        for node in self.net.nodes:
            node.process()
            self.assertEqual(node.connections.in_use(), 0)
            self.assertEqual(node.pool.free, node.pool.count)

    async def serve(self, socket, answer=None):
        got = []
        connection = await socket.accept(timeout_ms=5000)
        try:
            while True:
                data = await connection.read(timeout_ms=20_000)
                if data is None:
                    break
                got.append(data)
                if answer is not None:
                    await connection.send(answer(data), timeout_ms=20_000)
        except NoConnection:
            pass
        await connection.close()
        self.got = got

    def test_data_goes_both_ways_and_both_sides_close(self):
        socket = self.net.server.connections.listen(12)

        async def ask():
            connection = await self.net.client.connections.connect(3, 12)
            answers = []
            for question in (b"one", b"two", b"three" * 40):
                self.assertTrue(await connection.send(question))
                answers.append(await connection.read(timeout_ms=2000))
            self.assertTrue(await connection.close())
            return answers

        answers = self.net.run(ask(), self.serve(socket, lambda data: b"<" + data + b">"))
        self.assertEqual(answers, [b"<one>", b"<two>", b"<" + b"three" * 40 + b">"])
        self.assertEqual(self.got, [b"one", b"two", b"three" * 40])

    def send_many(self, count, size=60):
        socket = self.net.server.connections.listen(12)
        sent = [bytes([k]) * size for k in range(count)]

        async def tell():
            connection = await self.net.client.connections.connect(3, 12, timeout_ms=20_000)
            for data in sent:
                self.assertTrue(await connection.send(data, timeout_ms=60_000))
            await connection.close(timeout_ms=60_000)

        self.net.run(tell(), self.serve(socket))
        self.assertEqual(self.got, sent)

    def test_more_than_a_window_arrives_in_order(self):
        self.send_many(40)

    def test_everything_arrives_although_a_frame_in_seventeen_is_lost(self):
        for phase in range(3):
            self.net = Network(self.version)
            self.net.lose(17, phase)
            self.send_many(30)

    def test_everything_arrives_once_although_every_frame_comes_twice(self):
        self.net.wire.fault = lambda identifier, data: [(identifier, data), (identifier, data)]
        self.send_many(20)

    def test_a_node_that_does_not_answer_is_a_timeout(self):
        async def ask():
            with self.assertRaises(Timeout):
                await self.net.client.connections.connect(9, 12, timeout_ms=1500)

        self.net.run(ask())

    def test_a_port_nobody_listens_on_is_a_timeout(self):
        async def ask():
            with self.assertRaises(Timeout):
                await self.net.client.connections.connect(3, 13, timeout_ms=1500)

        self.net.run(ask())
        self.assertTrue(self.net.server.interfaces[0].stats.no_port >= 1)

    def test_a_peer_that_vanishes_ends_the_connection_in_time(self):
        socket = self.net.server.connections.listen(12)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            await asyncio.sleep_ms(20)
            self.net.wire.fault = lambda identifier, data: []
            await connection.send(b"lost")
            await asyncio.sleep_ms(13_000)
            self.assertFalse(connection.is_open)
            with self.assertRaises(NoConnection):
                await connection.send(b"more")
            await connection.close()

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            self.assertIsNone(await connection.read(timeout_ms=500))
            await connection.close(timeout_ms=100)

        self.net.run(tell(), hear())

    def test_connections_beyond_the_table_are_refused_and_counted(self):
        socket = self.net.server.connections.listen(12)

        async def ask():
            table = self.net.client.connections
            opened = []
            for _ in range(4):
                opened.append(await table.connect(3, 12))
            with self.assertRaises(NoConnection):
                await table.connect(3, 12)
            for connection in opened:
                await connection.close()

        async def hear():
            taken = []
            for _ in range(4):
                taken.append(await socket.accept(timeout_ms=9000))
            await asyncio.sleep_ms(500)
            for connection in taken:
                await connection.close()

        self.net.run(ask(), hear())

    def test_a_slow_reader_loses_nothing(self):
        socket = self.net.server.connections.listen(12)
        got = []

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            for k in range(25):
                self.assertTrue(await connection.send(bytes([k]) * 20, timeout_ms=60_000))
            await connection.close(timeout_ms=60_000)

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            try:
                while True:
                    got.append((await connection.read(timeout_ms=20_000))[0])
                    await asyncio.sleep_ms(150)
            except NoConnection:
                pass
            await connection.close()

        self.net.run(tell(), hear())
        self.assertEqual(got, list(range(25)))

    def test_a_packet_too_long_for_the_trailers_is_refused(self):
        socket = self.net.server.connections.listen(12)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            self.assertEqual(connection.largest, 247)
            with self.assertRaises(PacketTooLong):
                await connection.send(bytes(248))
            self.assertTrue(await connection.send(bytes(247)))
            await connection.close()

        self.net.run(tell(), self.serve(socket))
        self.assertEqual(self.got, [bytes(247)])

    def test_a_transfer_larger_than_packets_arrives_whole(self):
        socket = self.net.server.connections.listen(12)
        picture = bytes([k * k & 0xFF for k in range(5000)])
        self.net.lose(23)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12, timeout_ms=20_000)
            self.assertTrue(await sfp.send(connection, picture, timeout_ms=60_000, part=50))
            await connection.close(timeout_ms=60_000)

        async def hear():
            connection = await socket.accept(timeout_ms=20_000)
            data = await sfp.receive(connection, 6000, timeout_ms=60_000)
            await connection.close(timeout_ms=60_000)
            return data

        self.assertEqual(self.net.run(hear(), tell()), picture)

    def test_a_transfer_beyond_the_limit_is_refused(self):
        socket = self.net.server.connections.listen(12)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            await sfp.send(connection, bytes(900))
            await connection.close()

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            with self.assertRaises(PacketTooLong):
                await sfp.receive(connection, 899)
            await connection.close()

        self.net.run(hear(), tell())
        stats = self.net.server.interfaces[0].stats
        self.assertEqual((stats.too_long, stats.unserved, stats.drop), (1, 0, 1))

    def test_a_part_out_of_place_is_refused(self):
        for part in ((20, 100, 20), (0, 10, 20), (0, 10, 0)):
            self.net = Network(self.version)
            self.refuses(*part)

    def refuses(self, offset, total, size):
        socket = self.net.server.connections.listen(12)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            await connection.send_part(bytes(size), 0, size, offset, total, 1000)
            await connection.close()

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            with self.assertRaises(sfp.TransferError):
                await sfp.receive(connection, 1000)
            await connection.close()

        self.net.run(hear(), tell())
        stats = self.net.server.interfaces[0].stats
        self.assertEqual((stats.too_long, stats.unserved, stats.drop), (0, 1, 1))

    def test_a_plain_packet_is_no_transfer(self):
        socket = self.net.server.connections.listen(12)

        async def tell():
            connection = await self.net.client.connections.connect(3, 12)
            await connection.send(bytes(30))
            await connection.close()

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            with self.assertRaises(sfp.TransferError):
                await sfp.receive(connection, 1000)
            await connection.close()

        self.net.run(hear(), tell())


class ReliableV1(Reliable):
    version = 1


class Plain(unittest.TestCase):
    def test_a_connection_without_rdp_carries_packets_both_ways(self):
        net = Network()
        socket = net.server.connections.listen(12)

        async def ask():
            connection = await net.client.connections.connect(3, 12, reliable=False)
            await connection.send(b"ping")
            answer = await connection.read(timeout_ms=1000)
            await connection.close()
            return answer

        async def hear():
            connection = await socket.accept(timeout_ms=9000)
            self.assertEqual(await connection.read(timeout_ms=1000), b"ping")
            await connection.send(b"pong")
            await connection.close()

        self.assertEqual(net.run(ask(), hear()), b"pong")
        self.assertEqual(net.client.pool.free, 16)

    def test_packets_beyond_what_waits_for_a_reader_are_counted(self):
        net = Network(buffers=24)
        net.server.connections.listen(12)
        for _ in range(10):
            net.client.send(3, 12, b"?", sport=40)
        net.wire.run(net.server)
        stats = net.server.interfaces[0].stats
        self.assertEqual((stats.inbox_full, stats.drop), (2, 2))


class Wire5(unittest.TestCase):
    """The bytes of the handshake, as libcsp writes them."""

    def setUp(self):
        self.node = csp.Node(7)
        self.sink = Sink()
        self.node.add_interface(self.sink)
        Connections(self.node, 2)

    def receive(self, sport, data, flags, seq, ack):
        packet = self.node.take()
        packet.src, packet.dst, packet.dport, packet.sport, packet.pri = 5, 7, 12, sport, 2
        packet.flags = FLAG_CRC32 | FLAG_RDP
        trailer = bytes([flags, seq >> 8, seq & 0xFF, ack >> 8, ack & 0xFF])
        packet.size = len(data) + 5
        packet.buffer[DATA : DATA + packet.size] = data + trailer
        from csp.crc32c import append

        append(packet.buffer, DATA, DATA + packet.size)
        packet.size += 4
        pack(packet, 2)
        self.node.arrived(packet, self.sink)
        self.node.process()

    def test_syn_carries_libcsps_options(self):
        async def main():
            try:
                await self.node.connections.connect(5, 12, timeout_ms=100)
            except Timeout:
                pass

        asyncio.run(main())
        syn = self.sink.sent[0]
        self.assertEqual(syn[:24].hex(), "0000000500002710000003e800000001000000fa00000002")
        self.assertEqual(syn[24] & 0x0F, 8)
        self.assertEqual(syn[27:29], b"\0\0")

    def test_the_responder_answers_syn_ack_and_opens_on_ack(self):
        socket = self.node.connections.listen(12)
        options = bytes([0, 0, 0, 4, 0, 0, 0x27, 0x10, 0, 0, 3, 0xE8, 0, 0, 0, 1, 0, 0, 0, 0xFA, 0, 0, 0, 2])
        self.receive(30, options, rdp.SYN, 61259, 0)
        answer = self.sink.sent[0]
        self.assertEqual((len(answer), answer[0] & 0x0F, answer[3:5]), (9, rdp.SYN | rdp.ACK, b"\xef\x4b"))
        iss = answer[1] << 8 | answer[2]
        self.receive(30, b"", 0x10 | rdp.ACK, 61260, iss)
        self.receive(30, b"abcd", rdp.ACK, 61260, iss)

        async def main():
            connection = await socket.accept(timeout_ms=10)
            data = await connection.read(timeout_ms=10)
            self.receive(30, b"", rdp.ACK | rdp.RST, 61261, iss)
            await connection.close()
            return data

        self.assertEqual(asyncio.run(main()), b"abcd")
        self.assertEqual(self.sink.sent[-1][0] & 0x0F, rdp.ACK | rdp.RST)
        self.assertEqual(self.sink.sent[-1][3:5], b"\xef\x4c")
        self.assertEqual(self.node.pool.free, self.node.pool.count)

    def test_a_packet_kept_and_then_sent_again_is_delivered_once_and_let_go(self):
        socket = self.node.connections.listen(12)
        self.receive(30, bytes([0, 0, 0, 5, 0, 0, 0x27, 0x10, 0, 0, 3, 0xE8] + [0] * 12), rdp.SYN, 100, 0)
        iss = self.sink.sent[0][1] << 8 | self.sink.sent[0][2]
        self.receive(30, b"", rdp.ACK, 101, iss)
        for seq in range(101, 109):
            self.receive(30, bytes([seq]), rdp.ACK, seq, iss)  # eight fill what waits for the reader
        self.receive(30, bytes([110]), rdp.ACK, 110, iss)
        self.receive(30, bytes([109]), rdp.ACK, 109, iss)  # no room: neither this one nor the one behind it

        async def main():
            connection = await socket.accept(timeout_ms=10)
            got = []
            for _ in range(8):
                got.append((await connection.read(timeout_ms=10))[0])
            self.receive(30, bytes([109]), rdp.ACK, 109, iss)
            self.receive(30, bytes([110]), rdp.ACK, 110, iss)
            for _ in range(2):
                got.append((await connection.read(timeout_ms=10))[0])
            self.assertIsNone(connection.rdp._ahead)
            self.assertIsNone(await connection.read(timeout_ms=10))
            self.node.connections.forget(connection)
            return got

        self.assertEqual(asyncio.run(main()), list(range(101, 111)))
        self.assertEqual(self.node.pool.free, self.node.pool.count)

    def test_syn_options_too_short_are_dropped_and_counted(self):
        self.node.connections.listen(12)
        for size in range(24):
            self.receive(30, bytes(size), rdp.SYN, 1, 0)
        self.assertEqual(self.sink.sent, [])
        self.assertEqual(self.sink.stats.unserved, 24)
        self.assertEqual(self.node.connections.in_use(), 0)

    def test_a_packet_without_room_for_the_trailer_is_dropped(self):
        self.node.connections.listen(12)
        packet = self.node.take()
        packet.src, packet.dst, packet.dport, packet.sport, packet.pri = 5, 7, 12, 30, 2
        packet.flags = FLAG_RDP
        packet.size = 4
        pack(packet, 2)
        self.node.arrived(packet, self.sink)
        self.node.process()
        self.assertEqual(self.sink.stats.unserved, 1)
        self.assertEqual(self.node.connections.in_use(), 0)
        self.assertEqual(self.node.pool.free, self.node.pool.count)

    def test_data_to_a_closed_connection_is_answered_by_rst(self):
        self.node.connections.listen(12)
        self.receive(30, b"abcd", rdp.ACK, 9, 9)
        self.assertEqual(self.sink.sent[0][0] & 0x0F, rdp.RST)
        self.assertEqual(self.node.connections.in_use(), 0)

    def test_monstrous_options_are_cut_to_sense(self):
        self.node.connections.listen(12)
        self.receive(30, b"\xff" * 24, rdp.SYN, 1, 0)
        engine = self.node.connections._all[0].rdp
        self.assertEqual(engine.options[0], rdp.WINDOW)
        self.assertTrue(engine.options[rdp.PACKET_MS] <= 3_600_000)

    def test_sequence_numbers_are_compared_modulo_65536(self):
        self.assertTrue(rdp.between(2, 0xFFFE, 5))
        self.assertTrue(rdp.between(0xFFFF, 0xFFFE, 5))
        self.assertFalse(rdp.between(6, 0xFFFE, 5))
        self.assertFalse(rdp.between(0xFFFD, 0xFFFE, 5))


class Sink(Interface):
    """An interface that keeps the data and trailers of what is sent."""

    def __init__(self):
        super().__init__("SINK")
        self.sent = []

    def send(self, packet, via=-1):
        self.sent.append(bytes(packet.data))
        return True
