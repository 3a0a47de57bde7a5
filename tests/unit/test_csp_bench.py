# What only a bench has: the services that change a node, and KISS.
import unittest

import csp
from csp.bench_hmac import Hmac
from csp.bench_kiss import KissInterface
from csp.bench_services import BenchServices
from csp.can import CanInterface
from csp.crc32c import crc
from csp.node import ANY
from csp.packet import pack
from fake_can import FakeCan, Wire


class Services(unittest.TestCase):
    version = 2

    def setUp(self):
        self.wire = Wire()
        self.ground = self.node_on(10)
        self.board = self.node_on(3)
        self.calls = []
        self.memory = bytearray(range(200))
        BenchServices(
            self.board,
            reboot=lambda: self.calls.append("reboot"),
            shutdown=lambda: self.calls.append("shutdown"),
            set_clock=lambda seconds, nanoseconds: self.calls.append((seconds, nanoseconds)),
            memory=self.memory,
        )
        self.answers = []
        self.ground.bind(ANY, lambda packet: self.answers.append(bytes(packet.data)))

    def node_on(self, address):
        node = csp.Node(address, version=self.version, hostname="board", revision="0.1 of a long branch name")
        node.add_interface(CanInterface(FakeCan(self.wire), name="CANA"))
        return node

    def ask(self, port, data):
        del self.answers[:]
        self.ground.send(3, port, data, sport=40)
        self.wire.run(self.ground, self.board)
        self.assertEqual(self.board.handler_errors, 0)
        return self.answers[0] if self.answers else None

    def tearDown(self):
        self.assertEqual(self.board.pool.free, self.board.pool.count)

    def test_reboot_and_shutdown_want_their_words(self):
        for word in (b"", b"\x80\x07\x80", b"\x80\x07\x80\x08", b"\x80\x07\x80\x07\x00"):
            self.assertIsNone(self.ask(4, word))
        self.assertEqual(self.calls, [])
        self.ask(4, b"\x80\x07\x80\x07")
        self.ask(4, b"\xd1\xe5\x52\x9a")
        self.assertEqual(self.calls, ["reboot", "shutdown"])

    def test_a_bench_build_says_so_in_its_ident(self):
        answer = self.ask(0, b"\0\1")
        self.assertEqual(len(answer), 93)
        self.assertEqual(answer[52:72], b"0.1 of a lon +bench\0")

    def test_peek_and_poke_reach_the_memory_they_were_given(self):
        self.assertEqual(self.ask(0, b"\0\4\0\0\0\x10\x04" + bytes(7)), b"\xff\4\0\0\0\x10\x04\x10\x11\x12\x13\0\0\0")
        self.ask(0, b"\0\5\0\0\0\x20\x02ab\0\0\0")
        self.assertEqual(self.memory[0x20:0x23], b"ab\x22")

    def test_peek_and_poke_of_wrong_length_or_place_get_no_answer(self):
        for code in (4, 5):
            for size in range(120):
                data = bytearray(size)
                if size > 6:
                    data[1] = code
                    data[6] = size - 9 & 0xFF  # one too many
                self.assertIsNone(self.ask(0, data))
            self.assertIsNone(self.ask(0, bytes([0, code, 0, 0, 0, 200, 1]) + bytes(4)))
            self.assertIsNone(self.ask(0, bytes([0, code, 0xFF, 0xFF, 0xFF, 0xFF, 1]) + bytes(4)))
            self.assertIsNone(self.ask(0, bytes([0, code, 0, 0, 0, 0, 201]) + bytes(204)))

    def test_routes_are_set_in_the_form_of_the_version(self):
        v2 = b"\0\7\0\x14\0\x05\0\x0eCANA" + bytes(8)
        v1 = b"\0\2\x14\x05CANA" + bytes(7)
        wanted, other = (v2, v1) if self.version == 2 else (v1, v2)
        self.assertIsNone(self.ask(0, other))
        self.assertEqual(self.ask(0, wanted), b"\xff" + wanted[1:])
        k = self.board.routes.find(20)
        self.assertEqual((self.board.routes.vias[k], self.board.routes.interfaces[k].name), (5, "CANA"))
        for wrong in (wanted[:-1], wanted + b"\0", wanted.replace(b"CANA", b"CANX")):
            self.assertIsNone(self.ask(0, wrong))

    def test_the_clock_is_set_and_read(self):
        self.board.services.clock = lambda: self.calls[-1]
        self.assertEqual(self.ask(0, b"\0\6\0\0\x03\xe8\0\0\0\5"), b"\xff\6\0\0\x03\xe8\0\0\0\5")
        self.assertEqual(self.calls, [(1000, 5)])
        self.assertEqual(len(self.ask(0, b"\0\6" + bytes(8))), 10)
        for size in (2, 9, 11):
            self.assertIsNone(self.ask(0, (b"\0\6\0\0\x03\xe8\0\0\0\5\0")[:size]))
        self.assertEqual(len(self.calls), 1)

    def test_ps_answers_in_lines_where_lines_are_given(self):
        self.assertIsNone(self.ask(2, b"\x55"))
        self.board.services.lines = lambda: ("bus", "eps")
        self.assertIsNone(self.ask(2, b"\x54"))
        self.ask(2, b"\x55")
        self.assertEqual(self.answers, [b"bus\neps\n"])
        self.board.services.lines = lambda: ["task %03d %s" % (k, "x" * k) for k in (1, 100, 80, 250)]
        self.ask(2, b"\x55")
        self.assertEqual([len(text) for text in self.answers], [11 + 110, 90, 200])


class ServicesV1(Services):
    version = 1


class Authenticated(unittest.TestCase):
    version = 2

    def test_a_packet_of_another_key_or_too_short_for_its_tag_is_refused_and_counted(self):
        wire = Wire()
        nodes = []
        for address, key in ((10, b"topsecret"), (3, b"topsecret"), (4, b"another")):
            node = csp.Node(address, version=self.version)
            node.add_interface(CanInterface(FakeCan(wire), name="CANA"))
            node.hmac = Hmac(key)
            nodes.append(node)
        got = []
        for node in nodes[1:]:
            node.bind(12, lambda packet, node=node: got.append((node.address, bytes(packet.data))))
        self.assertTrue(nodes[0].broadcast(12, b"hello, both of you"))
        for dst in (3, 4):
            nodes[0].send(dst, 12, b"for you alone", hmac=True)
        wire.run(*nodes)
        alone = (3, b"for you alone")
        self.assertEqual(sorted(got), [alone, (3, b"hello, both of you"), (4, b"hello, both of you")])
        stats = [node.interfaces[0].stats for node in nodes]
        self.assertEqual([one.autherr for one in stats], [0, 0, 1])
        for size in range(4):
            packet = nodes[1].take()
            packet.src, packet.dst, packet.dport, packet.sport, packet.flags = 10, 3, 12, 40, 8
            packet.size = size
            pack(packet, self.version)
            nodes[1].arrived(packet, nodes[1].interfaces[0])
            nodes[1].process()
        self.assertEqual((stats[1].autherr, len(got)), (4, 3))
        for node in nodes:
            self.assertEqual((node.pool.free, node.handler_errors), (node.pool.count, 0))


class AuthenticatedV1(Authenticated):
    version = 1


class Line:
    """A serial line that loops to another one."""

    def __init__(self):
        self.other = self
        self.waiting = b""

    def write(self, data):
        self.other.waiting += bytes(data)

    def read(self):
        data, self.waiting = self.waiting, b""
        return data


class Kiss(unittest.TestCase):
    version = 2

    def setUp(self):
        self.lines = [Line(), Line()]
        self.lines[0].other, self.lines[1].other = self.lines[1], self.lines[0]
        self.nodes = []
        for address, line in zip((10, 3), self.lines):
            node = csp.Node(address, version=self.version)
            node.add_interface(KissInterface(line))
            self.nodes.append(node)
        self.got = []
        self.nodes[1].bind(12, lambda packet: self.got.append(bytes(packet.data)))

    def settle(self):
        for _ in range(3):
            for node in self.nodes:
                node.interfaces[0].poll()
                node.process()
        for node in self.nodes:
            self.assertEqual(node.pool.free, node.pool.count)

    def test_every_byte_goes_through(self):
        for start in (0, 128):
            self.nodes[0].send(3, 12, bytes(range(start, start + 128)))
        self.settle()
        self.assertEqual(self.got, [bytes(range(128)), bytes(range(128, 256))])

    def test_a_frame_stands_as_libcsp_writes_it(self):
        self.nodes[0].send(3, 12, b"\xc0\xdb", crc=False)
        raw = self.lines[1].waiting
        header = b"\x80\x03\x00\x28\xcf\xc0" if self.version == 2 else b"\x94\x33\x3f\x00"
        check = crc(header + b"\xc0\xdb")
        check = bytes([check >> 24, check >> 16 & 0xFF, check >> 8 & 0xFF, check & 0xFF])
        wanted = header + b"\xc0\xdb" + check
        escaped = b"".join([{0xC0: b"\xdb\xdc", 0xDB: b"\xdb\xdd"}.get(byte, bytes([byte])) for byte in wanted])
        self.assertEqual(raw, b"\xc0\x00" + escaped + b"\xc0")

    def test_noise_and_broken_frames_are_counted_and_the_next_one_arrives(self):
        stats = self.nodes[1].interfaces[0].stats
        line = self.lines[1]
        self.nodes[0].send(3, 12, b"good")
        good, line.waiting = line.waiting, b""
        bad = bytearray(good)
        bad[6] ^= 1
        line.waiting = b"noise" + bytes(bad) + b"\xc0\x00abc\xc0" + b"\xc0\x00" + bytes(400) + b"\xc0" + good + good[1:]
        self.settle()
        self.assertEqual(self.got, [b"good", b"good"])
        self.assertEqual((stats.bad_crc, stats.malformed), (1, 2))


class KissV1(Kiss):
    version = 1
