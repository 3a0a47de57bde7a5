# The border between radio and bus: each way to pretend, and what honest strangers may ask.
import time
import unittest

import csp
from csp.border import Border
from csp.can import CanInterface
from csp.interface import Interface
from csp.node import ANY
from csp.packet import DATA, pack
from fake_can import FakeCan, Wire

GROUND, EPS, BEACON, ALL = 10, 2, 3, 16383


class Radio(Interface):
    """The interface where radio packets enter: tests put packets in, and see what goes down."""

    def __init__(self, border):
        super().__init__("RADIO")
        self.border = border
        self.down = []

    def send(self, packet, via=-1):
        self.down.append((packet.dst, packet.sport, bytes(packet.data)))
        return True

    def up(self, src, dst, dport, data, crc=True, flags=0):
        """A packet from space."""
        node = self.node
        packet = node.take()
        packet.pri, packet.src, packet.dst, packet.dport, packet.sport = 2, src, dst, dport, 40
        packet.flags = flags
        packet.size = len(data)
        packet.buffer[DATA : DATA + len(data)] = data
        if crc:
            packet.flags |= 1
            node._finish(packet)
        else:
            pack(packet, 2)
        node.arrived(packet, self)
        node.process()


class BorderRules(unittest.TestCase):
    def setUp(self):
        self.bus = Wire()
        self.beacon = csp.Node(BEACON)
        self.border = Border(GROUND, self.authentic)
        self.radio = Radio(self.border)
        self.can = CanInterface(FakeCan(self.bus), name="CANA", promiscuous=True)
        self.beacon.add_interface(self.can)
        self.beacon.add_interface(self.radio)
        self.beacon.route("0/0 CANA, 10 RADIO")
        self.eps = csp.Node(EPS)
        self.eps.add_interface(CanInterface(FakeCan(self.bus), name="CANA"))
        self.got = []
        self.eps.bind(ANY, lambda packet: self.got.append((packet.src, packet.dport, bytes(packet.data))))
        self.beacon.bind(ANY, lambda packet: self.got.append((packet.src, packet.dport, bytes(packet.data))))

    def authentic(self, packet):
        """Stands for the check of a command's MAC."""
        if packet.size > 100:
            raise ValueError("too long")
        return bytes(packet.data)[:4] == b"MAC!"

    def settle(self):
        for _ in range(3):
            self.bus.run(self.beacon, self.eps)

    def refused(self, *packet, **settings):
        before = self.radio.stats.autherr
        self.radio.up(*packet, **settings)
        self.settle()
        self.assertEqual(self.got, [])
        self.assertEqual(self.radio.down, [])
        self.assertEqual(self.bus.log, [])
        self.assertEqual(self.radio.stats.autherr, before + 1)

    def test_a_board_address_from_the_radio_is_refused(self):
        for inside in (EPS, BEACON, 4, 1):
            self.refused(inside, EPS, 12, b"MAC! switch off")
        self.assertEqual(self.border.foreign, 4)

    def test_an_unknown_ground_is_refused(self):
        self.refused(11, EPS, 1, b"ping")
        self.refused(0, EPS, 1, b"ping")

    def test_the_ground_reaches_nobody_by_broadcast_or_loopback(self):
        self.refused(GROUND, ALL, 12, b"MAC! all off")
        self.refused(GROUND, 0, 12, b"MAC! loop")

    def test_data_without_a_mac_is_refused(self):
        self.refused(GROUND, EPS, 12, b"switch off")
        self.refused(GROUND, BEACON, 12, b"switch off")
        self.assertEqual(self.border.forged, 2)

    def test_other_services_are_refused_without_a_mac(self):
        for port in (2, 3, 4, 5, 6):
            self.refused(GROUND, EPS, port, b"\x80\x07\x80\x07")
        for code in (2, 3, 4, 5, 6, 7):
            self.refused(GROUND, EPS, 0, bytes([0, code]) + bytes(91))

    def test_a_ping_with_other_flags_or_length_is_no_ping(self):
        self.refused(GROUND, EPS, 1, b"x", crc=False)
        self.refused(GROUND, EPS, 1, b"x" * 20, flags=0x02)
        self.refused(GROUND, EPS, 1, b"x" * 20, flags=0x10)
        self.refused(GROUND, EPS, 1, b"x" * 65)
        self.refused(GROUND, EPS, 0, b"\xff\x01")

    def test_a_check_that_raises_is_a_refusal(self):
        self.refused(GROUND, EPS, 12, b"MAC!" + bytes(120))

    def test_the_ground_pings_and_idents_any_board(self):
        self.radio.up(GROUND, EPS, 1, b"hello")
        self.settle()
        self.radio.up(GROUND, BEACON, 0, b"\0\1")
        self.settle()
        self.assertEqual(self.radio.down[0][:2], (GROUND, 1))
        self.assertEqual(self.radio.down[0][2][:5], b"hello")
        self.assertEqual(len(self.radio.down[1][2]), 97)

    def test_a_flood_of_pings_is_cut_to_its_rate(self):
        for _ in range(50):
            self.radio.up(GROUND, EPS, 1, b"hello")
            self.settle()
        self.assertEqual(len(self.radio.down), 4)
        self.assertEqual(self.border.too_many, 46)
        time.sleep_ms(31_000)
        for _ in range(50):
            self.radio.up(GROUND, EPS, 1, b"hello")
            self.settle()
        self.assertEqual(len(self.radio.down), 6)

    def test_a_command_with_its_mac_passes(self):
        self.radio.up(GROUND, EPS, 12, b"MAC! switch off")
        self.settle()
        self.assertEqual(self.got, [(GROUND, 12, b"MAC! switch off")])

    def test_the_bus_side_has_no_border(self):
        self.eps.send(BEACON, 12, b"no MAC here")
        self.settle()
        self.assertEqual(self.got, [(EPS, 12, b"no MAC here")])

    def tearDown(self):
        for node in (self.beacon, self.eps):
            self.assertEqual(node.pool.free, node.pool.count)
