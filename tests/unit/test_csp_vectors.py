# What libcsp itself emitted, in both directions: tests/vectors/csp_*.json, both versions, both CRC flavours.
import json
import unittest

import csp
from csp.bench_hmac import Hmac, sha1_plain
from csp.bench_services import BenchServices
from csp.can import CanInterface
from csp.interface import Interface
from csp.node import ANY
from csp.packet import BROADCAST, DATA, HEADER_START, pack, unpack
from fake_can import FakeCan, Wire

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/"
FLAG_CRC32, FLAG_HMAC = 1, 8


def load(name):
    with open(VECTORS + name) as file:
        return json.load(file)


def unhex(text):
    return bytes(int(text[k : k + 2], 16) for k in range(0, len(text), 2))


def node_on(wire, address, version, **settings):
    node = csp.Node(address, version=version, **settings)
    node.add_interface(CanInterface(FakeCan(wire), name="CANA", admit_no_crc=True))
    return node


class Vectors(unittest.TestCase):
    def sends(self, name, crc_header):
        vectors = load(name)
        wire = Wire()
        node = node_on(wire, vectors[0]["src"], vectors[0]["version"], crc_header=crc_header)
        node.hmac = Hmac(vectors[0]["key"].encode())
        for vector in vectors:
            del wire.log[:]
            flags = vector["flags"]
            first = int(vector["frames"][0][0], 16)
            node.interfaces[0].counter = first & 0x3FF if vector["version"] == 1 else first >> 5 & 3
            sent = node.send(
                vector["dst"],
                vector["dport"],
                unhex(vector["data"]),
                sport=vector["sport"],
                pri=vector["pri"],
                crc=flags & FLAG_CRC32 != 0,
                hmac=flags & FLAG_HMAC != 0,
            )
            self.assertTrue(sent)
            wire.run()
            frames = [["%08X" % identifier, data.hex()] for identifier, data in wire.log]
            self.assertEqual(frames, vector["frames"])
        self.assertEqual(node.pool.free, node.pool.count)

    def receives(self, name, crc_header):
        for vector in load(name):
            version = vector["version"]
            if vector["dst"] in (0, BROADCAST[version]):
                continue
            wire = Wire()
            node = node_on(wire, vector["dst"], version, crc_header=crc_header)
            node.hmac = Hmac(vector["key"].encode())
            got = []

            def keep(packet, got=got):
                got.append((packet.pri, packet.src, packet.dport, packet.sport, packet.flags, bytes(packet.data)))

            for port in range(7):
                node.unbind(port)
            node.bind(ANY, keep)
            for identifier, data in vector["frames"]:
                wire.cans[0].take(int(identifier, 16), unhex(data))
            wire.run(node)
            wanted = tuple(vector[field] for field in ("pri", "src", "dport", "sport", "flags"))
            self.assertEqual(got, [wanted + (unhex(vector["data"]),)])
            self.assertEqual(node.pool.free, node.pool.count)

    def test_v1_packets_leave_as_libcsp_sends_them(self):
        self.sends("csp_v1.json", False)

    def test_v2_packets_leave_as_libcsp_sends_them(self):
        self.sends("csp_v2.json", False)

    def test_v1_packets_with_crc_over_the_header_leave_as_libcsp_sends_them(self):
        self.sends("csp_v1_crchdr.json", True)

    def test_v2_packets_with_crc_over_the_header_leave_as_libcsp_sends_them(self):
        self.sends("csp_v2_crchdr.json", True)

    def test_every_vector_is_received_whichever_crc_flavour_this_node_sends(self):
        for name in ("csp_v1.json", "csp_v2.json", "csp_v1_crchdr.json", "csp_v2_crchdr.json"):
            self.receives(name, False)
            self.receives(name, True)


class Misc(unittest.TestCase):
    """csp_misc_v*.json: frames of the I2C interface (header, data, trailers) and replies of the services."""

    def answers(self, version, request, setup=None):
        """What a node answers to a request given as header, data and trailers, in the same form."""
        built = ("Nov 20 2026", "10:11:13")
        node = csp.Node(7, hostname="beta", model="libcsp", revision="2.1", built=built, version=version)
        sink = Sink()
        if setup is not None:
            setup(node, sink)
        node.add_interface(sink)
        put(node, sink, request)
        self.assertEqual(node.pool.free, node.pool.count)
        return [data.hex() for data in sink.sent]

    def each(self, check):
        check(1, load("csp_misc_v1.json"))
        check(2, load("csp_misc_v2.json"))

    def test_header_data_and_trailers_stand_as_on_i2c(self):
        def check(version, vectors):
            for vector, crc, hmac in zip(vectors["i2c_tx"], (False, True, True), (False, False, True)):
                node = csp.Node(7, version=version)
                node.hmac = Hmac(b"topsecret")
                sink = Sink()
                node.add_interface(sink)
                node.send(5, 20, b"hello", sport=33, crc=crc, hmac=hmac)
                self.assertEqual(sink.sent[0].hex(), vector["frame"])

        self.each(check)

    def test_what_libcsp_writes_to_i2c_is_received(self):
        def check(version, vectors):
            for vector in vectors["i2c_tx"]:
                node = csp.Node(vector["addr7"], version=version)
                node.hmac = Hmac(b"topsecret")
                got = []
                node.bind(ANY, lambda packet, got=got: got.append((packet.src, packet.sport, bytes(packet.data))))
                sink = Sink()
                node.add_interface(sink)
                put(node, sink, vector["frame"])
                self.assertEqual(got, [(7, 33, b"hello")])

        self.each(check)

    def test_ping_is_echoed(self):
        self.each(lambda v, all: self.assertEqual(self.answers(v, all["ping"]["request"]), all["ping"]["reply"]))

    def test_ping_without_crc_gets_no_reply(self):
        def check(version, vectors):
            raw = unhex(vectors["ping"]["request"])
            packet = csp.Packet(256)
            start = HEADER_START[version]
            packet.buffer[start : start + len(raw)] = raw
            unpack(packet, packet.buffer, version)
            packet.flags = 0
            pack(packet, version)
            bare = bytes(packet.buffer[start : start + len(raw) - 4])
            self.assertEqual(self.answers(version, bare.hex()), vectors["ping_without_crc_reply"])

        self.each(check)

    def test_ident_is_libcsps_byte_for_byte(self):
        def check(version, vectors):
            self.assertEqual(self.answers(version, vectors["cmp_ident"]["request"]), vectors["cmp_ident"]["reply"])

        self.each(check)

    def test_if_stats_are_libcsps_byte_for_byte(self):
        def setup(node, sink):
            sink.name = "I2C"
            stats = sink.stats
            stats.tx, stats.rx, stats.txbytes, stats.rxbytes = 9, 7, 0xB9, 0xB9

        self.each(
            lambda v, all: self.assertEqual(
                self.answers(v, all["cmp_if_stats"]["request"], setup), all["cmp_if_stats"]["reply"]
            )
        )

    def test_uptime_is_libcsps_byte_for_byte(self):
        def check(version, vectors):
            seconds = int(vectors["uptime"]["reply"][0][8 if version == 1 else 12 :][:8], 16)

            def setup(node, sink):
                node.uptime_s = seconds

            self.assertEqual(self.answers(version, vectors["uptime"]["request"], setup), vectors["uptime"]["reply"])

        self.each(check)

    def test_buf_free_answers_the_free_buffers(self):
        def check(version, vectors):
            reply = unhex(self.answers(version, vectors["buf_free"]["request"])[0])
            wanted = unhex(vectors["buf_free"]["reply"][0])
            header = 4 if version == 1 else 6
            self.assertEqual(reply[:header], wanted[:header])
            self.assertEqual(reply[header:-4], b"\x00\x00\x00\x0f")  # 16 less the request itself
            self.assertEqual(len(reply), len(wanted))

        self.each(check)

    def test_memfree_answers_a_number_of_bytes(self):
        def check(version, vectors):
            reply = unhex(self.answers(version, vectors["memfree"]["request"])[0])
            header = 4 if version == 1 else 6
            self.assertEqual(reply[:header], unhex(vectors["memfree"]["reply"][0])[:header])
            self.assertTrue(1000 < int.from_bytes(reply[header:-4], "big") < 1 << 30)

        self.each(check)

    def test_clock_is_read_but_not_set_in_flight(self):
        def check(version, vectors):
            reply = unhex(self.answers(version, vectors["cmp_clock_get"]["request"])[0])
            header = 4 if version == 1 else 6
            self.assertEqual(reply[header : header + 2], b"\xff\x06")
            self.assertEqual(len(reply), header + 14)
            self.assertEqual(self.answers(version, vectors["cmp_clock_set"]["request"]), [])

        self.each(check)

    def test_unknown_code_and_reboot_get_no_reply(self):
        def check(version, vectors):
            self.assertEqual(self.answers(version, vectors["cmp_unknown_code"]["request"]), [])
            self.assertEqual(self.answers(version, vectors["reboot"]["request"]), [])

        self.each(check)

    def test_a_bench_node_answers_ps_and_clock_and_reboots_as_libcsp_does(self):
        def check(version, vectors):
            called = []
            passed = 0

            def setup(node, sink):
                BenchServices(
                    node,
                    reboot=lambda: called.append("reboot"),
                    set_clock=lambda seconds, nanoseconds: called.append((seconds, nanoseconds)),
                )
                node.services.lines = lambda: ("tasks",)
                node.services.clock = lambda: (1000, passed)

            header = 4 if version == 1 else 6
            reply = unhex(self.answers(version, vectors["ps"]["request"], setup)[0])
            self.assertEqual(reply[:header], unhex(vectors["ps"]["reply"][0])[:header])
            self.assertEqual(reply[header:-4], b"tasks\n")
            wanted = vectors["cmp_clock_set"]["reply"]
            passed = unhex(wanted[0])[-5]  # ns since it was set
            self.assertEqual(self.answers(version, vectors["cmp_clock_set"]["request"], setup), wanted)
            self.assertEqual(self.answers(version, vectors["reboot"]["request"], setup), vectors["reboot"]["reply"])
            self.assertEqual((len(called), called[-1]), (2, "reboot"))

        self.each(check)


class Sha1(unittest.TestCase):
    def test_fallback_matches_the_published_values(self):
        self.assertEqual(sha1_plain(b"").hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        self.assertEqual(sha1_plain(b"abc").hex(), "a9993e364706816aba3e25717850c26c9cd0d89d")
        self.assertEqual(sha1_plain(b"a" * 119).hex(), "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56")


def put(node, interface, raw):
    """A packet given as header, data and trailers comes in."""
    packet = node.take()
    start = HEADER_START[node.version]
    raw = unhex(raw)
    packet.buffer[start : start + len(raw)] = raw
    packet.size = start + len(raw) - DATA
    node.arrived(packet, interface)
    node.process()


class Sink(Interface):
    """An interface that keeps what is sent, as header, data and trailers."""

    def __init__(self):
        super().__init__("SINK")
        self.sent = []

    def send(self, packet, via=-1):
        self.sent.append(bytes(packet.buffer[HEADER_START[self.node.version] : DATA + packet.size]))
        return True
