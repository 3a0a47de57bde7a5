# The node on a CAN bus: handlers, requests, services, what is refused, and that no buffer is ever lost.
import asyncio
import unittest

import csp
from csp.can import CanInterface
from csp.errors import AddressError, InterfaceError, PacketTooLong, PortError
from csp.node import ANY
from csp.packet import DATA
from fake_can import FakeCan, Wire


def node_on(wire, address, **settings):
    node = csp.Node(address, hostname="n%d" % address, **settings)
    node.add_interface(CanInterface(FakeCan(wire), name="CANA"))
    return node


class Pair(unittest.TestCase):
    version = 2

    def setUp(self):
        self.wire = Wire()
        self.eps = node_on(self.wire, 2, version=self.version)
        self.beacon = node_on(self.wire, 3, version=self.version)
        self.got = []

    def keep(self, packet):
        self.got.append((packet.src, packet.dport, bytes(packet.data)))

    def run_bus(self):
        self.wire.run(self.eps, self.beacon)

    def tearDown(self):
        for node in (self.eps, self.beacon):
            self.assertEqual(node.pool.free, node.pool.count)

    def test_a_handler_gets_what_was_sent_to_its_port(self):
        self.beacon.bind(10, self.keep)
        self.assertTrue(self.eps.send(3, 10, b"housekeeping of the power board"))
        self.run_bus()
        self.assertEqual(self.got, [(2, 10, b"housekeeping of the power board")])

    def test_a_packet_of_full_length_goes_through(self):
        self.beacon.bind(10, self.keep)
        data = bytes(range(252))
        self.assertTrue(self.eps.send(3, 10, data))
        self.run_bus()
        self.assertEqual(self.got, [(2, 10, data)])

    def test_a_broadcast_reaches_the_others(self):
        self.beacon.bind(9, self.keep)
        self.assertTrue(self.eps.broadcast(9, b"alive and well, all of us"))
        self.run_bus()
        self.assertEqual(self.got, [(2, 9, b"alive and well, all of us")])

    def test_services_never_answer_each_other(self):
        services = (csp.services.PING, csp.services.MEMFREE, csp.services.BUF_FREE, csp.services.UPTIME)
        for port in services:
            for other in services:
                self.eps.send(3, port, b"to whom", other)
                for _ in range(20):  # what runs until nothing moves would not end
                    while self.wire.step():
                        pass
                    self.eps.process()
                    self.beacon.process()
                self.assertFalse(self.wire.step(), "port %d answers port %d" % (port, other))
        self.assertEqual(self.beacon.interfaces[0].stats.unserved, 16)

    def test_a_node_reaches_itself(self):
        self.eps.bind(9, self.keep)
        self.eps.send(2, 9, b"note")
        self.eps.send(0, 9, b"note by loopback")
        self.run_bus()
        self.assertEqual(self.got, [(2, 9, b"note"), (2, 9, b"note by loopback")])

    def test_packets_of_one_priority_arrive_in_the_order_they_were_sent(self):
        self.beacon.bind(10, self.keep)
        for k in range(8):
            self.assertTrue(self.eps.send(3, 10, bytes(20) + bytes([k])))
        self.run_bus()
        self.assertEqual([data[20] for _, _, data in self.got], [0, 1, 2, 3, 4, 5, 6, 7])

    def test_an_urgent_packet_passes_between_the_fragments_of_another(self):
        self.beacon.bind(10, self.keep)
        self.eps.send(3, 10, bytes(200), pri=csp.LOW)
        self.wire.step()
        self.wire.step()
        self.eps.send(3, 10, b"now", pri=csp.CRITICAL)
        self.run_bus()
        self.assertEqual([len(data) for _, _, data in self.got], [3, 200])

    def test_at_most_one_fragment_of_each_priority_waits_in_the_controller(self):
        for priority in (csp.LOW, csp.NORMAL, csp.LOW):
            self.eps.send(3, 10, bytes(60), pri=priority)
        self.run_bus()
        self.assertEqual(self.wire.cans[0].most_waiting, 2)

    def test_a_handler_that_raises_is_counted_and_stops_nothing(self):
        def handler(packet):
            raise ValueError("bad day")

        self.beacon.bind(10, handler)
        self.beacon.bind(11, self.keep)
        self.eps.send(3, 10, b"x")
        self.eps.send(3, 11, b"y")
        self.run_bus()
        self.assertEqual(self.beacon.handler_errors, 1)
        self.assertEqual(str(self.beacon.last_error), "bad day")
        self.assertEqual(self.got, [(2, 11, b"y")])

    def test_an_unbound_port_is_counted(self):
        self.eps.send(3, 12, b"anyone?")
        self.run_bus()
        stats = self.beacon.interfaces[0].stats
        self.assertEqual((stats.rx, stats.no_port, stats.drop), (1, 1, 1))

    def test_any_takes_the_ports_that_nobody_else_has(self):
        self.beacon.bind(ANY, self.keep)
        self.eps.send(3, 12, b"a")
        self.eps.send(3, 40, b"b")
        self.run_bus()
        self.assertEqual(self.got, [(2, 12, b"a"), (2, 40, b"b")])

    def test_replies_go_back_and_keep_the_priority(self):
        seen = []
        self.beacon.bind(10, lambda packet: self.beacon.reply(packet, b"pong"))
        self.eps.bind(ANY, lambda got: seen.append((got.src, got.dport, got.sport, got.pri, got.size)))
        self.eps.send(3, 10, b"ping", sport=30, pri=csp.HIGH)
        self.run_bus()
        self.assertEqual(seen, [(3, 30, 10, csp.HIGH, 4)])

    def test_a_request_gets_its_answer(self):
        self.beacon.bind(10, lambda packet: self.beacon.reply(packet, b"state of charge 81 percent"))
        self.assertEqual(self.ask(3, 10), b"state of charge 81 percent")

    def test_a_request_to_nobody_ends_in_time(self):
        self.assertIsNone(self.ask(4, 10))

    def test_a_request_takes_no_answer_from_another_node(self):
        def impostor(packet):
            self.beacon.send(2, packet.sport, b"lie", sport=11)

        self.beacon.bind(10, impostor)
        self.assertIsNone(self.ask(3, 10))
        self.assertEqual(self.eps.interfaces[0].stats.no_port, 1)

    def ask(self, dst, port):
        async def main():
            tasks = [asyncio.create_task(node.run()) for node in (self.eps, self.beacon)]
            pump = asyncio.create_task(self.pump())
            reply = await self.eps.request(dst, port, b"?", timeout_ms=300)
            for task in tasks + [pump]:
                task.cancel()
            await asyncio.sleep_ms(0)
            return reply

        return asyncio.run(main())

    async def pump(self):
        while True:
            self.wire.step()
            await asyncio.sleep_ms(1)

    def test_the_task_checks_in_on_a_silent_bus_too(self):
        times = []

        async def main():
            task = asyncio.create_task(self.eps.run(lambda: times.append(self.eps.uptime_s)))
            await asyncio.sleep_ms(10_500)
            task.cancel()
            await asyncio.sleep_ms(0)

        asyncio.run(main())
        self.assertTrue(9 <= len(times) <= 13)
        self.assertTrue(8 <= self.eps.uptime_s <= 10)

    def test_wrong_lengths_get_no_answer_from_cmp(self):
        answers = []
        self.eps.bind(ANY, lambda packet: answers.append(packet.size))
        for size in range(120):
            for code in (1, 3, 6):
                data = bytearray(size)
                if size > 1:
                    data[1] = code
                if code == 3 and size > 5:
                    data[2:6] = b"CANA"
                self.eps.send(3, 0, data, sport=30)
                self.run_bus()
        # ident with 2 and 93 bytes, if_stats with 13 and 53, clock with 10
        self.assertEqual(sorted(answers), [10, 53, 53, 93, 93])
        self.assertEqual(self.beacon.interfaces[0].stats.unserved, 360 - 5)
        self.assertEqual(self.beacon.handler_errors, 0)

    def test_what_changes_a_node_does_not_exist_in_flight(self):
        answers = []
        self.eps.bind(ANY, lambda packet: answers.append(packet.size))
        self.eps.send(3, 4, b"\x80\x07\x80\x07", sport=30)  # reboot
        for code in (2, 4, 5, 7):  # route_set, peek, poke, route_set
            for size in (15, 20, 14):
                self.eps.send(3, 0, bytes([0, code]) + bytes(size - 2), sport=30)
                self.run_bus()
        self.eps.send(3, 0, bytes([0, 6, 0, 0, 3, 0xE8, 0, 0, 0, 5]), sport=30)  # clock set
        self.run_bus()
        self.assertEqual(answers, [])

    def test_packets_behind_one_whose_handler_raises_are_delivered(self):
        def bad(packet):
            raise ValueError("no")

        self.beacon.bind(11, bad)
        self.beacon.bind(10, self.keep)
        for k in range(4):
            self.eps.send(3, 11, b"bad")
            self.eps.send(3, 10, bytes([k]))
        self.run_bus()
        self.assertEqual([data for _, _, data in self.got], [bytes([k]) for k in range(4)])
        self.assertEqual(self.beacon.handler_errors, 4)
        self.assertEqual(self.beacon.pool.free, self.beacon.pool.count)

    def test_what_raises_on_the_way_to_a_handler_costs_its_packet_and_no_buffer(self):
        class Watch:
            def is_duplicate(self, packet):
                if packet.dport == 11:
                    raise RuntimeError("no")
                return False

        self.beacon.interfaces[0].watch = Watch()
        self.beacon.bind(10, self.keep)
        for k in range(40):
            self.eps.send(3, 11, b"bad")
            self.eps.send(3, 10, bytes([k]))
            self.run_bus()
        self.assertEqual([data for _, _, data in self.got], [bytes([k]) for k in range(40)])
        self.assertEqual((self.beacon.handler_errors, self.beacon.interfaces[0].stats.unserved), (40, 40))
        self.assertEqual(self.beacon.pool.free, self.beacon.pool.count)

    def test_a_packet_has_no_attributes_but_its_own(self):
        packet = self.beacon.take()
        packet.size = 2
        packet.buffer[DATA] = 7
        self.assertEqual(bytes(packet.data), b"\x07\0")
        with self.assertRaises(AttributeError):
            self.got.append(packet.payload)
        self.beacon.release(packet)

    def test_a_flood_is_counted_and_leaves_buffers_to_answer_with(self):
        can = self.wire.cans[1]
        frame = b"\x00\x80\xa2\x80"  # 2:10 -> 10, no CRC, no data
        for k in range(40):
            can.take(2 << 27 | 3 << 13 | 2 << 7 | (k & 3) << 5 | 3, frame + bytes([k]))
        self.wire.serve()
        stats = self.beacon.interfaces[0].stats
        self.assertEqual((stats.rx, stats.no_buffer, stats.drop), (14, 26, 26))
        self.assertTrue(self.beacon.send(2, 9, b"I am still here"))
        self.beacon.bind(10, self.keep)
        self.run_bus()
        self.assertEqual(len(self.got), 14)

    def test_a_full_queue_refuses_and_counts(self):
        self.wire.cut = True
        sent = [self.eps.send(3, 10, b"?") for _ in range(10)]
        self.assertEqual(sent, [True] * 8 + [False] * 2)
        self.assertEqual(self.eps.interfaces[0].stats.queue_full, 2)
        self.wire.cut = False
        self.run_bus()

    def test_wrong_arguments_say_what_is_wrong(self):
        with self.assertRaises(AddressError):
            self.eps.send(16384, 10, b"")
        with self.assertRaises(PortError):
            self.eps.send(3, 64, b"")
        with self.assertRaises(PacketTooLong):
            self.eps.send(3, 10, bytes(253))
        with self.assertRaises(PortError):
            self.eps.bind(1, self.keep)
        with self.assertRaises(PortError):
            self.eps.bind(17, self.keep)
        with self.assertRaises(AddressError):
            csp.Node(0)
        with self.assertRaises(AddressError):
            csp.Node(31, version=1)
        with self.assertRaises(InterfaceError):
            self.eps.add_interface(CanInterface(FakeCan(self.wire), name="CANA"))

    def test_a_packet_from_an_impossible_source_is_dropped_and_counted(self):
        last = 31 if self.version == 1 else 16383
        self.beacon.bind(10, self.keep)
        for source in (3, 0, last):
            packet = self.eps.take()
            self.eps._fill(packet, 3, 10, b"who?", 40, 2, 1)
            packet.src = source
            self.eps.emit(packet)
            self.eps.release(packet)
            self.run_bus()
        self.assertEqual(self.got, [])
        self.assertEqual(self.beacon.interfaces[0].stats.bad_source, 3)

    def test_an_interrupt_while_the_tables_are_held_is_served_afterwards(self):
        self.beacon.bind(10, self.keep)
        self.eps.send(3, 10, b"late")
        self.beacon.held = True
        while self.wire.step():
            pass
        self.assertTrue(self.beacon.deferred)
        self.assertEqual(self.beacon.interfaces[0].stats.rx, 0)
        self.beacon.release(self.beacon.pool.take())
        self.assertEqual(self.beacon.interfaces[0].stats.rx, 1)
        self.run_bus()
        self.assertEqual(self.got, [(2, 10, b"late")])

    def test_a_run_that_ended_by_an_exception_can_be_started_again(self):
        interface = self.eps.interfaces[0]

        def broken(now):
            raise OSError(5)

        async def main():
            interface.tick = broken
            with self.assertRaises(OSError):
                await self.eps.run()
            del interface.tick
            task = asyncio.create_task(self.eps.run())
            await asyncio.sleep_ms(10)
            self.assertFalse(self.eps.held)
            task.cancel()
            await asyncio.sleep_ms(0)

        asyncio.run(main())

    def test_counters_stay_small_integers(self):
        stats = self.eps.interfaces[0].stats
        stats.txbytes = stats.irq = (1 << 30) + 5
        for turn in range(10):
            stats.wrap(turn)
        self.assertEqual((stats.txbytes, stats.irq), (5, 5))

    def test_the_buffer_keeps_a_packet_where_the_documentation_says(self):
        self.beacon.bind(10, lambda packet: self.got.append(bytes(packet.buffer[DATA : DATA + packet.size])))
        self.eps.send(3, 10, b"here")
        self.run_bus()
        self.assertEqual(self.got, [b"here"])


class PairV1(Pair):
    version = 1

    def test_a_flood_is_counted_and_leaves_buffers_to_answer_with(self):
        can = self.wire.cans[1]
        for k in range(40):
            can.take(2 << 24 | 3 << 19 | k, b"\x84\x32\x9e\x00\x00\x01" + bytes([k]))
        self.wire.serve()
        stats = self.beacon.interfaces[0].stats
        self.assertEqual((stats.rx, stats.no_buffer, stats.drop), (14, 26, 26))
        self.assertTrue(self.beacon.send(2, 9, b"I am still here"))
        self.run_bus()

    def test_wrong_arguments_say_what_is_wrong(self):
        with self.assertRaises(AddressError):
            self.eps.send(32, 10, b"")
