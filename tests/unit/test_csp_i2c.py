# CSP over I2C: the bytes on the wire, collisions, and boards that do not answer.
import time
import unittest

import csp
from csp.can import CanInterface
from csp.i2c import I2cInterface
from csp.node import ANY
from fake_can import FakeCan, Wire


class Irq:
    def __init__(self, target):
        self.target = target

    def flags(self):
        return self.target.event


class Target:
    """A raw machine.I2CTarget."""

    IRQ_ADDR_MATCH_READ, IRQ_ADDR_MATCH_WRITE, IRQ_READ_REQ, IRQ_WRITE_REQ = 1, 2, 4, 8
    IRQ_END_READ, IRQ_END_WRITE = 16, 32

    def __init__(self):
        self.event = 0
        self.byte = 0

    def irq(self, handler=None, trigger=0, hard=False):
        self.handler, self.trigger = handler, trigger
        assert hard
        return Irq(self)

    def readinto(self, buffer):
        buffer[0] = self.byte
        return 1

    def happen(self, event):
        self.event = event
        if event & self.trigger:
            self.handler(self)

    def written(self, data):
        self.happen(self.IRQ_ADDR_MATCH_WRITE)
        for byte in data:
            self.byte = byte
            self.happen(self.IRQ_WRITE_REQ)
        self.happen(self.IRQ_END_WRITE)


class Busy:
    """Wires on which every write fails: when it was tried."""

    def __init__(self, times):
        self.times = times

    def writeto(self, address, data):
        self.times.append(time.ticks_ms())
        raise OSError(110)


class Bus:
    """The wires: writes reach the target of an address; a test may make writes fail."""

    def __init__(self):
        self.targets = {}
        self.log = []
        self.failures = 0
        self.tried = None

    def writeto(self, address, data):
        if self.tried is not None:
            self.tried(address)
        if self.failures:
            self.failures -= 1
            raise OSError(110)
        if address not in self.targets:
            raise OSError(19)
        self.log.append((address, bytes(data)))
        self.targets[address].written(bytes(data))


class I2c(unittest.TestCase):
    version = 2

    def setUp(self):
        self.bus = Bus()
        self.nodes = [self.node_on(7, (5, 6)), self.node_on(5, (7, 6)), self.node_on(6, (7, 5))]
        self.got = []
        for node in self.nodes[1:]:
            node.bind(ANY, lambda packet, node=node: self.got.append((node.address, packet.src, bytes(packet.data))))

    def node_on(self, address, neighbours):
        target = self.bus.targets[address] = Target()
        node = csp.Node(address, version=self.version)
        node.add_interface(I2cInterface(self.bus, target, neighbours=neighbours))
        return node

    def work(self, ms):
        for _ in range(ms):
            for node in self.nodes:
                node.process()
            time.sleep_ms(1)

    def settle(self, ms=100):
        self.work(ms)
        for node in self.nodes:
            self.assertEqual(node.pool.free, node.pool.count)

    def test_the_bytes_are_libcsps(self):
        self.nodes[0].send(5, 20, b"hello", sport=33)
        self.settle()
        wanted = "8005001d484168656c6c6f9a71bb4c" if self.version == 2 else "8e55210168656c6c6f9a71bb4c"
        self.assertEqual([(address, data.hex()) for address, data in self.bus.log], [(5, wanted)])
        self.assertEqual(self.got, [(5, 7, b"hello")])

    def test_a_reply_is_a_write_by_the_other_node(self):
        self.nodes[0].send(5, 1, b"ping", sport=33)
        answers = []
        self.nodes[0].bind(ANY, lambda packet: answers.append(bytes(packet.data)))
        self.settle()
        self.assertEqual(answers, [b"ping"])

    def test_a_collision_is_tried_again_after_a_wait(self):
        self.bus.failures = 3
        self.nodes[0].send(5, 12, b"x" * 252)
        self.settle()
        self.assertEqual(self.got, [(5, 7, b"x" * 252)])
        self.assertEqual(self.nodes[0].interfaces[0].stats.tx_error, 0)

    def test_waits_differ_between_nodes_that_collided(self):
        waits = []
        for node in self.nodes:
            interface = node.interfaces[0]
            self.bus.failures = 6
            node.send(5 if node.address != 5 else 6, 12, b"x")
            began = time.ticks_ms()
            while interface.stats.tx == 0:
                node.process()
                time.sleep_ms(1)
            waits.append(time.ticks_diff(time.ticks_ms(), began))
        self.assertEqual(len(set(waits)), 3)

    def test_a_board_that_does_not_answer_costs_one_packet_and_some_time(self):
        self.nodes[0].send(9, 12, b"nobody")
        self.nodes[0].send(5, 12, b"somebody")
        self.settle(400)
        stats = self.nodes[0].interfaces[0].stats
        self.assertEqual(self.got, [(5, 7, b"somebody")])
        self.assertEqual((stats.tx, stats.tx_error, stats.refused), (1, 1, 1))

    def test_a_broadcast_reaches_each_neighbour_even_when_one_is_gone(self):
        self.nodes[0].broadcast(12, b"all")
        self.settle()
        self.assertEqual(self.got, [(5, 7, b"all"), (6, 7, b"all")])
        del self.got[:]
        del self.bus.targets[5]
        self.nodes[0].broadcast(12, b"all")
        self.settle(400)
        self.assertEqual(self.got, [(6, 7, b"all")])

    def test_a_neighbour_that_does_not_answer_is_tried_once_a_broadcast_until_it_is_heard(self):
        bus, node, stats = self.bus, self.nodes[0], self.nodes[0].interfaces[0].stats
        gone = bus.targets.pop(5)
        tries = []
        bus.tried = tries.append
        for _ in range(3):
            node.broadcast(12, b"all")
            self.settle(400)
        self.assertEqual([tries.count(address) for address in (5, 6)], [8 + 1 + 1, 3])
        self.assertEqual(stats.refused, 3)
        bus.targets[5] = gone
        self.nodes[1].send(7, 12, b"here I am")
        self.settle()
        bus.failures = 1  # somebody else's write: it is tried again, as before
        del self.got[:], tries[:]
        node.broadcast(12, b"all")
        self.settle()
        self.assertEqual(self.got, [(5, 7, b"all"), (6, 7, b"all")])
        self.assertEqual(tries, [5, 5, 6])

    def test_boards_that_collided_do_not_try_together_for_ever(self):
        for began in range(20):
            self.setUp()
            time.sleep_ms(began * 997)
            times = {}
            for node in self.nodes:
                times[node.address] = []
                node.interfaces[0]._controller = Busy(times[node.address])
                node.send(9, 12, b"at once")
            self.settle(700)
            for one in times:
                for other in times:
                    self.assertEqual(len(times[one]), 8)
                    alone = [at for at in times[one] if at not in times[other]]
                    self.assertTrue(one == other or len(alone) > 2, times)

    def test_the_same_board_waits_otherwise_after_another_boot(self):
        found = set()
        for began in range(8):
            self.setUp()
            time.sleep_ms(began * 997)
            times = []
            node = self.nodes[0]
            node.interfaces[0]._controller = Busy(times)
            node.send(9, 12, b"again")
            self.settle(700)
            found.add(tuple([at - times[0] for at in times]))
        self.assertTrue(len(found) > 4, found)

    def test_writes_of_wrong_length_are_counted(self):
        target = self.bus.targets[5]
        for size in (0, 1, 3, 263, 300):
            target.written(bytes(size))
            self.settle(2)
        stats = self.nodes[1].interfaces[0].stats
        self.assertEqual((stats.malformed, stats.rx), (5, 0))

    def test_frames_beyond_what_the_task_takes_are_counted(self):
        header = b"\x80\x05\x00\x1d\x48\x40" if self.version == 2 else b"\x8e\x55\x21\x00"
        for _ in range(6):
            self.bus.targets[5].written(header + b"hello")
        self.settle(2)
        stats = self.nodes[1].interfaces[0].stats
        self.assertEqual((stats.rx, stats.overrun), (3, 3))


    def test_a_broadcast_by_can_and_i2c_is_delivered_once(self):
        """As core/buses.py makes a node of parts.BUSES = ("can", "i2c"): broadcasts go by both."""
        wire = Wire()
        for node in self.nodes:
            node.add_interface(CanInterface(FakeCan(wire), name="CANA"))
            for interface in node.interfaces:
                if interface is not node.loop:
                    node.know_duplicates(interface)
        sender = self.nodes[0]
        for k in range(3):
            self.assertTrue(sender.broadcast(12, b"hello, all of you %d" % k))
            if k == 1:  # by CAN first
                wire.run(*self.nodes)
            self.work(20)
            wire.run(*self.nodes)
            self.settle(500)
        self.assertEqual(len(self.bus.log), 6)
        self.assertTrue(len(wire.log) >= 9)
        heard = [(address, data) for address, _, data in self.got]
        self.assertEqual(sorted(heard), sorted([(a, b"hello, all of you %d" % k) for k in range(3) for a in (5, 6)]))
        self.assertEqual(sum([one.stats.duplicate for node in self.nodes[1:] for one in node.interfaces]), 6)
        del self.got[:]
        for _ in range(2):  # twice on one bus is two packets
            self.bus.targets[5].written(self.bus.log[-1][1])
            self.settle(2)
        self.assertEqual(len(self.got), 2)


class I2cV1(I2c):
    version = 1
