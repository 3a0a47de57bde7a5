# The bus over MCP2515: nodes of CSP on two chips of one board, frame by frame through the chips' models.
import time
import unittest

import csp
import machine
import twin
from can_wire import CanWire
from csp.can import CanInterface
from dragonet.flatsat.devices.mcp2515 import MCP2515 as Model
from drivers.can_ring import FRAMES
from drivers.mcp2515 import MCP2515
from quiet_can import frames_of

ADDRESSES = (2, 3)


class Nodes(unittest.TestCase):
    version = 2

    def setUp(self):
        self.env = twin.bench()
        self.wire = CanWire(self.env)
        spi = machine.SPI(0, baudrate=10_000_000)
        self.models, self.cans, self.nodes, self.ways = [], [], [], []
        for number, address in enumerate(ADDRESSES):
            self.models.append(self.env.spi(0, 10 + number, Model(self.env, number, 20 + number)))
            select = machine.Pin(10 + number, machine.Pin.OUT, value=1)
            self.cans.append(MCP2515(spi, select, machine.Pin(20 + number, machine.Pin.IN), 500_000))
            self.ways.append(CanInterface(self.cans[number], name="CANA"))
            self.nodes.append(csp.Node(address, version=self.version))
            self.nodes[number].add_interface(self.ways[number])
        self.heard = []
        self.nodes[1].bind(10, lambda packet: self.heard.append(bytes(packet.data)))
        self.run_bus()

    def run_bus(self, ms=0):
        """Frames and nodes until nothing moves; then so many ms."""
        for _ in range(ms + 1):
            moved = True
            while moved:
                moved = self.wire.step()
                for node in self.nodes:
                    node.process()
            if ms:
                time.sleep_ms(1)

    def test_packets_of_every_length_arrive(self):
        packets = [bytes(range(size)) for size in (0, 1, 8, 9, 60, 200)]
        for data in packets:
            self.assertTrue(self.nodes[0].send(3, 10, data))
            self.run_bus()
        self.assertEqual(self.heard, packets)
        self.assertEqual([node.pool.free for node in self.nodes], [node.pool.count for node in self.nodes])

    def test_a_packet_of_higher_priority_passes_between_the_fragments_of_another(self):
        self.nodes[0].send(3, 10, bytes(100), pri=3)
        self.nodes[0].send(3, 10, b"urgent", pri=0)
        self.run_bus()
        self.assertEqual(self.heard, [b"urgent", bytes(100)])

    def test_both_talk_at_once(self):
        got = []
        self.nodes[0].bind(11, lambda packet: got.append(bytes(packet.data)))
        for k in range(20):
            self.nodes[0].send(3, 10, bytes((k,)) * 40)
            self.nodes[1].send(2, 11, bytes((k,)) * 40)
            self.run_bus()
        self.assertEqual(self.heard, [bytes((k,)) * 40 for k in range(20)])
        self.assertEqual(got, self.heard)
        for way in self.ways:
            self.assertEqual((way.stats.frame, way.stats.overrun, way.stats.tx_error), (0, 0, 0))

    def test_the_chip_keeps_out_what_is_for_others(self):
        before = self.ways[1].stats.irq
        self.nodes[0].send(4, 10, b"for another")
        self.run_bus()
        self.assertEqual(self.ways[1].stats.irq, before)
        self.assertLess(0, len(self.wire.log))

    def burst(self, packets):
        """So many packets of nine frames on a full bus, while garbage is collected for 20 ms."""
        frames = []
        while len(frames) < 9 * packets:
            for packet in frames_of(self.version, 10, bytes(60)):
                frames += packet
        now = self.env.now()
        for k, (identifier, data) in enumerate(frames[: 9 * packets]):
            self.env.at(now + 270 * (k + 1), lambda i=identifier, d=bytes(data): self.models[1].take(i, 2, d))
        self.env.kernel.compute(20_000, False)
        self.run_bus(5)
        return self.ways[1].stats

    def test_a_burst_while_garbage_is_collected_arrives_whole(self):
        stats = self.burst(3)
        self.assertEqual(self.heard, [bytes(60)] * 3)
        self.assertEqual((stats.overrun, stats.frame, stats.rx_error), (0, 0, 0))

    def test_what_a_longer_burst_loses_is_counted(self):
        stats = self.burst(6)
        self.assertEqual(stats.overrun, 6 * 9 - FRAMES)
        self.assertTrue(3 <= len(self.heard) < 6)
        self.run_bus(1200)
        self.assertEqual([node.pool.free for node in self.nodes], [node.pool.count for node in self.nodes])

    def test_bus_off_ends_and_what_waited_goes_out(self):
        self.wire.errors(0, 256, 0, 4)
        self.nodes[0].send(3, 10, b"later")
        self.run_bus()
        self.assertEqual(self.heard, [])
        self.run_bus(100)
        self.assertEqual(self.heard, [b"later"])
        self.assertEqual(self.ways[0].stats.bus_off, 1)

    def test_a_chip_that_lost_its_settings_is_mended(self):
        self.models[1].reset()
        self.run_bus(1200)
        self.assertEqual(self.cans[1].losses, 1)
        self.nodes[0].send(3, 10, b"again")
        self.run_bus(5)
        self.assertEqual(self.heard, [b"again"])

    def test_a_packet_that_finds_no_bus_is_given_up_in_time(self):
        self.wire.modes[0] = 3  # nobody lets it send
        self.nodes[0].send(3, 10, b"stale")
        self.wire.look()
        for _ in range(2_100):
            time.sleep_ms(1)
            self.nodes[0].process()
        self.assertEqual(self.ways[0].pending(), 0)
        self.wire.modes[0] = 0
        self.nodes[0].send(3, 10, b"fresh")
        self.run_bus()
        self.assertEqual(self.heard, [b"fresh"])


class NodesOfVersion1(Nodes):
    version = 1


if __name__ == "__main__":
    unittest.main()
