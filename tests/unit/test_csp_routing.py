# Ways through the network: the routing table and forwarding.
import unittest

import csp
from csp.can import CanInterface
from csp.errors import AddressError, NoRoute
from csp.rtable import ROUTES, RouteTable
from fake_can import FakeCan, Wire


class Table(unittest.TestCase):
    def test_the_entry_with_most_bits_wins(self):
        table = RouteTable(2)
        table.add(0, 0, "default")
        table.add(8, 11, "subnet", 5)
        table.add(9, 14, "host")
        found = [table.interfaces[table.find(dst)] for dst in (1, 8, 9, 15, 16, 16000)]
        self.assertEqual(found, ["default", "subnet", "host", "subnet", "default", "default"])
        self.assertEqual(table.vias[table.find(10)], 5)

    def test_without_a_default_others_have_no_way(self):
        table = RouteTable(1)
        table.add(4, 5, "host")
        self.assertEqual(table.find(5), -1)
        self.assertEqual(table.find(4), 0)

    def test_an_entry_for_the_same_addresses_is_replaced(self):
        table = RouteTable(2)
        table.add(9, 11, "old")
        table.add(8, 11, "new", 3)
        self.assertEqual((len(table), table.interfaces[0], table.vias[0]), (1, "new", 3))

    def test_the_table_is_bounded_and_its_values_checked(self):
        table = RouteTable(1)
        for address in range(ROUTES):
            table.add(address, 5, "x")
        with self.assertRaises(NoRoute):
            table.add(20, 5, "x")
        for address, bits, via in ((32, 5, -1), (1, 6, -1), (1, 5, 32), (-1, 5, -1)):
            with self.assertRaises(AddressError):
                table.add(address, bits, "x", via)

    def test_libcsps_text_form_is_read(self):
        node = csp.Node(1, version=2)
        wire = Wire()
        node.add_interface(CanInterface(FakeCan(wire), name="CANA"))
        node.add_interface(CanInterface(FakeCan(wire), name="KISS"))
        node.route("0/0 CANA, 8/11 KISS 5,12 KISS")
        self.assertEqual([node.routes.find(dst) for dst in (12, 9, 100)], [0, 1, 2])
        self.assertEqual(node.routes.vias, [-1, 5, -1])
        for text in ("", "x/0 CANA", "1/2", "1/2 CANA x"):
            with self.assertRaises(AddressError):
                node.route(text)
        with self.assertRaises(NoRoute):
            node.route("1/2 CANC")


class Router(unittest.TestCase):
    """eps on bus A, ground on bus G, a router between them."""

    version = 2

    def setUp(self):
        self.bus, self.ground_bus = Wire(), Wire()
        self.eps = self.node_on(2, self.bus)
        self.ground = self.node_on(10, self.ground_bus)
        self.router = csp.Node(5, version=self.version)
        self.router.add_interface(CanInterface(FakeCan(self.bus), name="CANA", promiscuous=True))
        self.router.add_interface(CanInterface(FakeCan(self.ground_bus), name="CANG", promiscuous=True))
        self.router.route("0/0 CANA, 10 CANG")

    def node_on(self, address, wire):
        node = csp.Node(address, version=self.version)
        node.add_interface(CanInterface(FakeCan(wire), name="CANA"))
        return node

    def run_all(self):
        for _ in range(4):
            self.bus.run(self.eps, self.router)
            self.ground_bus.run(self.ground, self.router)
        for node in (self.eps, self.ground, self.router):
            self.assertEqual(node.pool.free, node.pool.count)

    def test_a_packet_and_its_answer_pass_the_router_unchanged(self):
        got = []
        self.eps.bind(12, lambda packet: (got.append(bytes(packet.data)), self.eps.reply(packet, b"pong")))
        self.ground.bind(csp.node.ANY, lambda packet: got.append((packet.src, bytes(packet.data))))
        self.ground.send(2, 12, b"a question of more than one frame", sport=20)
        self.run_all()
        self.assertEqual(got, [b"a question of more than one frame", (2, b"pong")])
        crossed = [data for _, data in self.ground_bus.log]
        self.assertEqual(crossed[: len(self.bus.log) - 2], [data for _, data in self.bus.log][: len(crossed) - 2])

    def test_nothing_goes_back_to_where_it_came_from(self):
        self.eps.send(9, 12, b"nobody")
        self.run_all()
        self.assertEqual(self.router.interfaces[0].stats.no_route, 1)
        self.assertEqual(self.router.interfaces[0].stats.tx, 0)

    def test_without_routes_nothing_is_forwarded(self):
        self.router.routes = RouteTable(self.version)
        self.ground.send(2, 12, b"hello")
        self.run_all()
        self.assertEqual(self.router.interfaces[1].stats.no_route, 1)
        self.assertEqual(self.bus.log, [])

    def test_a_packet_beyond_the_mtu_of_the_way_is_dropped_and_counted(self):
        self.router.interfaces[0].mtu = 20
        self.ground.send(2, 12, bytes(17))
        self.ground.send(2, 12, bytes(16))
        self.run_all()
        self.assertEqual(self.router.interfaces[0].stats.tx, 1)
        self.assertEqual(self.router.loop.stats.too_long, 1)

    def test_an_old_packet_without_crc_is_forwarded_as_it_is(self):
        got = []
        self.eps.bind(12, lambda packet: got.append((packet.flags, bytes(packet.data))))
        self.ground.send(2, 12, b"", crc=False)
        self.run_all()
        self.assertEqual(got, [(0, b"")])


class Subnets(unittest.TestCase):
    def test_a_broadcast_to_a_subnet_reaches_its_hosts_only(self):
        wire = Wire()
        got = []
        nodes = []
        for address in (8, 9, 10, 17):
            node = csp.Node(address)
            node.add_interface(CanInterface(FakeCan(wire), name="CANA", netmask=11))
            node.bind(10, lambda packet, address=address: got.append((address, packet.src)))
            nodes.append(node)
        nodes[0].send(15, 10, b"the eight")
        wire.run(*nodes)
        self.assertEqual(got, [(9, 8), (10, 8)])
        self.assertEqual(len(wire.cans[0].filters), 3)


class RouterV1(Router):
    version = 1

    def test_the_next_hop_stands_in_the_frame(self):
        self.router.route("12 CANG 11")
        self.eps.send(12, 9, b"")
        self.run_all()
        self.assertEqual(self.ground_bus.log[0][0] >> 19 & 0x1F, 11)
