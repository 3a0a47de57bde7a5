# From a received frame to the handler, to the reply and to the next bus nothing is allocated.
import gc
import micropython
import sys
import unittest

import csp
from csp.can import CanInterface
from csp.connection import Connections
from csp.packet import DATA
from quiet_can import QuietCan, frames_of


class NoAllocation(unittest.TestCase):
    version = 2

    def setUp(self):
        self.can, self.other = QuietCan(), QuietCan()
        self.node = csp.Node(3, version=self.version)
        self.node.add_interface(CanInterface(self.can, name="CANA"))
        self.node.add_interface(CanInterface(self.other, name="CANB"))
        self.node.route("9 CANB")
        self.count = 0
        self.node.bind(10, self.take)
        self.node.bind(11, self.answer)
        self.node.process()

    def take(self, packet):
        if packet.buffer[DATA + packet.size - 1] == 0x55:
            self.count += 1

    def answer(self, packet):
        self.count += 1
        self.node.reply(packet)

    def locked(self, packets, rounds=50):
        """Play packets with the heap locked."""
        node, can, other = self.node, self.can, self.other
        gc.collect()
        micropython.heap_lock()
        try:
            for k in range(rounds):
                can.play(packets[k & 3])
                node.process()
                can.settle()
                other.settle()
        finally:
            micropython.heap_unlock()
        self.assertEqual(node.pool.free, node.pool.count)
        self.assertEqual((node.handler_errors, node.last_error), (0, None))

    def test_receiving_allocates_nothing(self):
        self.locked(frames_of(self.version, 10, bytes(59) + b"\x55"))
        self.assertEqual(self.count, 50)

    def test_a_reply_allocates_nothing(self):
        self.locked(frames_of(self.version, 11, bytes(60)))
        self.assertEqual(self.count, 50)
        self.assertTrue(self.can.sent >= 50 * 9)

    def test_the_services_allocate_nothing(self):
        sent = 0
        for port, data in ((1, bytes(60)), (5, b""), (6, b""), (0, b"\0\1"), (0, b"\0\3CANA" + bytes(7))):
            self.locked(frames_of(self.version, port, data))
            self.assertTrue(self.can.sent >= sent + 50)
            sent = self.can.sent

    def test_forwarding_allocates_nothing(self):
        self.locked(frames_of(self.version, 10, bytes(60), dst=9))
        self.assertTrue(self.other.sent >= 50 * 9)

    def test_recognising_a_duplicate_allocates_nothing(self):
        for interface in self.node.interfaces:
            self.node.know_duplicates(interface)
        packets = frames_of(self.version, 10, bytes(59) + b"\x55")
        gc.collect()
        micropython.heap_lock()
        try:
            for k in range(20):
                self.can.play(packets[k & 3])
                self.other.play(packets[k & 3])
                self.node.process()
        finally:
            micropython.heap_unlock()
        self.assertEqual(self.count, 20)

    def test_losses_repetitions_and_disorder_allocate_nothing(self):
        packets = frames_of(self.version, 10, bytes(59) + b"\x55")
        strange = []
        for frames in packets:
            strange.append(frames[:3] + [frames[2], frames[4], frames[3]] + frames[5:] + frames[-1:] + frames[:2])
        self.locked_loosely(strange)

    def locked_loosely(self, packets):
        gc.collect()
        micropython.heap_lock()
        try:
            for k in range(50):
                self.can.play(packets[k & 3])
                self.node.process()
        finally:
            micropython.heap_unlock()
        self.assertTrue(self.count > 5)

    def test_a_node_with_connections_receives_without_allocation(self):
        Connections(self.node, 8)
        self.locked(frames_of(self.version, 10, bytes(59) + b"\x55"))
        self.assertEqual(self.count, 50)

    def test_the_heap_lock_of_this_test_works(self):
        if sys.implementation.name != "micropython":  # CPython's stand-in locks nothing
            return
        failed = False
        micropython.heap_lock()
        try:
            bytearray(100)
        except MemoryError:
            failed = True
        micropython.heap_unlock()
        self.assertTrue(failed)


class NoAllocationV1(NoAllocation):
    version = 1
