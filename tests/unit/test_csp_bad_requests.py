# What strangers send to each port, of each length, with each flag: answered as documented, or counted once; nothing
# raises, no buffer is lost, and no answer carries more than it should.
import unittest

import csp
from csp.bench_services import BenchServices
from csp.crc32c import append
from csp.interface import Interface
from csp.packet import DATA, pack

CRC, RDP, XTEA, HMAC, SFP = 1, 2, 4, 8, 0x10
SIZES = tuple(range(26)) + (52, 53, 54, 92, 93, 94, 120, 200, 209, 210, 211, 248)
LOSSES = ("drop", "rx_error", "autherr", "frame", "tx_error")
SECRET = b"\x5a" * 256  # what packets left in the buffers before


class Wire(Interface):
    """Keeps what is sent."""

    def __init__(self):
        super().__init__("CANA")
        self.sent = []

    def send(self, packet, via=-1):
        self.sent.append((packet.sport, packet.flags, bytes(packet.buffer[DATA : DATA + packet.size - 4])))
        return True


class Flight(unittest.TestCase):
    version = 2

    def setUp(self):
        self.node = csp.Node(3, hostname="n", model="m", revision="r", version=self.version)
        self.wire = Wire()
        self.node.add_interface(self.wire)
        self.node.services.clock = lambda: (1000, 5)
        self.node.services.lines = lambda: ("core 0",)
        self.add()

    def add(self):
        pass

    def lost(self):
        return sum([getattr(self.wire.stats, name) for name in LOSSES])

    def ask(self, dport, data, flags=CRC):
        """The answers to one request; it is answered, or counted once."""
        node = self.node
        del self.wire.sent[:]
        packet = node.take()
        packet.buffer[DATA : DATA + len(SECRET)] = SECRET
        packet.pri, packet.src, packet.dst, packet.dport, packet.sport, packet.flags = 2, 10, 3, dport, 40, flags
        packet.buffer[DATA : DATA + len(data)] = data
        packet.size = len(data)
        pack(packet, self.version)
        if flags & CRC:
            append(packet.buffer, DATA, DATA + packet.size)
            packet.size += 4
        before = self.lost()
        node.arrived(packet, self.wire)
        node.process()
        self.assertEqual(node.handler_errors, 0, node.last_error)
        self.assertEqual(node.pool.free, node.pool.count)
        answers = [sent for sent in self.wire.sent if self.is_due(dport, data, sent)]
        self.assertEqual(answers, self.wire.sent)
        for _, replied, _ in answers:
            self.assertEqual(replied, CRC)
        if not answers and not self.is_silent(dport, data):
            self.assertEqual(self.lost(), before + 1, (dport, data, flags))
        return answers

    def is_silent(self, dport, data):
        """Done without an answer."""
        return False

    def is_due(self, dport, data, sent):
        """This answer to this request is what is documented."""
        sport, _, reply = sent
        if sport != dport:
            return False
        if dport == 1:
            return reply == data
        if dport == 2:
            return data == b"\x55" and reply == b"core 0\n"
        if dport in (3, 5, 6):
            return len(reply) == 4
        return dport == 0 and data[:1] == b"\0" and self.is_cmp(data[1], data, reply)

    def is_cmp(self, code, data, reply):
        if code == 1:
            image = b"n" + bytes(19) + b"m" + bytes(29) + b"r" + bytes(40)
            return len(data) in (2, 93) and reply == b"\xff\1" + image
        if code == 3:
            name = data[2:13]
            return len(data) in (13, 53) and name[:5] == b"CANA\0" and len(reply) == 53 and reply[2:13] == name
        return code == 6 and len(data) == 10 and data[2:6] == bytes(4) and reply == b"\xff\6\0\0\3\xe8\0\0\0\5"

    def test_every_port_with_every_length_and_flag(self):
        answered = 0
        for dport in tuple(range(18)) + (40, 62, 63):
            for size in SIZES:
                for flags in (CRC, 0, CRC | RDP, CRC | HMAC, CRC | XTEA, CRC | SFP, RDP, HMAC, SFP):
                    data = bytes([k * 7 & 0xFF for k in range(size)])
                    answers = self.ask(dport, data, flags)
                    answered += len(answers)
                    if answers:
                        self.assertIn(flags, (CRC, CRC | SFP))
        self.assertTrue(answered > 4 * len(SIZES))

    def test_every_cmp_code_with_every_length(self):
        answered = {}
        for code in tuple(range(12)) + (127, 255):
            for size in range(2, 60):
                for kind in (0, 0xFF, 1):
                    data = bytearray(size)
                    data[0], data[1] = kind, code
                    if code == 3:
                        data[2:6] = b"CANA"
                    if self.ask(0, bytes(data[:size])):
                        answered[code] = answered.get(code, 0) + 1
        self.assertEqual(answered, self.answered())

    def answered(self):
        return {1: 1, 3: 2, 6: 1}

    def test_a_name_of_an_interface_that_is_none_or_has_no_end_gets_no_answer(self):
        for name in (b"", b"CAN", b"CANAA", b"CANB", b"CANACANACAN", b"\xff" * 11, b"CANA\xff"):
            field = name + bytes(11 - len(name)) if len(name) < 11 else name
            self.assertEqual(self.ask(0, b"\0\3" + field), [])

    def test_ports_that_nobody_is_bound_to_are_counted_as_such(self):
        for dport in (7, 12, 16, 17, 40, 63):
            self.ask(dport, b"anyone?")
        self.assertEqual((self.wire.stats.no_port, self.wire.stats.drop), (6, 6))


class FlightV1(Flight):
    version = 1


class Bench(Flight):
    """The same of a bench node, and what it has besides."""

    def add(self):
        self.calls = []
        self.memory = bytearray(range(200))
        BenchServices(
            self.node,
            reboot=lambda: self.calls.append("reboot"),
            shutdown=lambda: self.calls.append("shutdown"),
            set_clock=lambda seconds, nanoseconds: self.calls.append(seconds),
            memory=self.memory,
        )

    def is_silent(self, dport, data):
        return dport == 4 and data in (b"\x80\x07\x80\x07", b"\xd1\xe5\x52\x9a")

    def is_cmp(self, code, data, reply):
        if code == 1:
            return len(data) in (2, 93) and len(reply) == 93 and b"r +bench\0" in reply
        if code in (4, 5):
            size = data[6] if len(data) > 6 else 255
            held = size <= 200 and len(data) == len(reply) == 10 + size and reply[:1] == b"\xff"
            return held and reply[1:7] == data[1:7] and SECRET[:3] not in reply
        if code in (2, 7):
            return len(data) == (15 if self.version == 1 else 20) and reply == b"\xff" + data[1:]
        if code == 6 and len(data) == 10 and data[2:6] != bytes(4):
            return reply == b"\xff\6\0\0\3\xe8\0\0\0\5"
        return super().is_cmp(code, data, reply)

    def answered(self):
        return {1: 1, 3: 2, 4: 1, 5: 1, 6: 1}  # routes need a name, see test_csp_bench.py


class BenchV1(Bench):
    version = 1
