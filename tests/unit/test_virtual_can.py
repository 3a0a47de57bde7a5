# machine.CAN of the virtual board: what its modes send and hear, remote requests, filters, queue, interrupts, states.
import sys
import time
import unittest

import machine
import twin
from can_wire import CanWire

CAN = machine.CAN


class Base(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench()
        self.wire = CanWire(self.env)

    def make(self, mode=CAN.MODE_NORMAL, number=0):
        can = CAN(number, 500_000, mode=mode)
        can.set_filters(None)
        return can

    def pair(self):
        return self.make(), self.make(number=1)

    def received(self, can):
        """(identifier, flags, data) of all that waits."""
        got = []
        while True:
            frame = can.recv()
            if frame is None:
                return got
            got.append((frame[0], frame[2], bytes(frame[1])))


class Modes(Base):
    def test_a_controller_that_only_listens_or_sleeps_sends_nothing(self):
        for mode in (CAN.MODE_SILENT, CAN.MODE_SLEEP):
            can = self.make(mode)
            with self.assertRaises(OSError):
                can.send(0x42, b"no")
            can.init(500_000)
            self.assertEqual(can.send(0x42, b"yes"), 0)
            self.wire.run()
        self.assertEqual([data for _, _, _, data in self.wire.log], [b"yes"] * 2)

    def test_a_controller_that_only_listens_hears(self):
        sender, listener = self.make(CAN.MODE_NORMAL), self.make(CAN.MODE_SILENT, 1)
        sender.send(0x42, b"hello")
        self.wire.run()
        self.assertEqual(bytes(listener.recv()[1]), b"hello")

    def test_a_silent_loopback_hears_itself_and_stays_off_the_bus(self):
        can = self.make(CAN.MODE_SILENT_LOOPBACK)
        can.send(0x42, b"self")
        time.sleep_ms(1)
        self.assertEqual(bytes(can.recv()[1]), b"self")
        self.wire.run()
        self.assertEqual(self.wire.log, [])

    def test_a_loopback_hears_itself(self):
        can = self.make(CAN.MODE_LOOPBACK)
        self.assertEqual(can.send(0x42, b"self"), 0)
        self.wire.look()
        self.assertEqual(self.wire.modes, {0: CAN.MODE_LOOPBACK})  # the hub echoes it: tests/host/test_hub_can.py


class Frames(Base):
    def test_a_remote_request_has_a_length_and_no_data(self):
        sender, other = self.pair()
        for flags in (CAN.FLAG_RTR, CAN.FLAG_RTR | CAN.FLAG_EXT_ID):
            sender.send(0x42, b"\1\2\3", flags)
            self.wire.run()
            self.assertEqual(self.received(other), [(0x42, flags, bytes(3))])

    def test_a_silent_loopback_carries_remote_requests(self):
        can = self.make(CAN.MODE_SILENT_LOOPBACK)
        can.send(0x42, bytes(5), CAN.FLAG_RTR)
        time.sleep_ms(1)
        self.assertEqual(self.received(can), [(0x42, CAN.FLAG_RTR, bytes(5))])

    def test_filters_tell_remote_requests_and_long_identifiers(self):
        can = self.make(CAN.MODE_SILENT_LOOPBACK)
        for filters, wanted in (
            ([], []),
            ([(0x42, 0x7FF, 0)], [0, CAN.FLAG_RTR]),
            ([(0x42, 0x7FF, CAN.FLAG_RTR)], [CAN.FLAG_RTR]),
            ([(0x42, 0x1FFFFFFF, CAN.FLAG_EXT_ID)], [CAN.FLAG_EXT_ID]),
            ([(0, 0, 0), (0, 0, CAN.FLAG_EXT_ID)], [0, CAN.FLAG_RTR, CAN.FLAG_EXT_ID]),
        ):
            can.set_filters(filters)
            for flags in (0, CAN.FLAG_RTR, CAN.FLAG_EXT_ID):
                can.send(0x42, b"", flags)
                time.sleep_ms(1)
            self.assertEqual(sorted([flags for _, flags, _ in self.received(can)]), sorted(wanted))

    def test_impossible_frames_and_filters_are_refused(self):
        can = self.make()
        for identifier, data, flags in (
            (0x800, b"", 0),
            (1 << 29, b"", CAN.FLAG_EXT_ID),
            (-1, b"", 0),
            (1, bytes(9), 0),
        ):
            with self.assertRaises(ValueError):
                can.send(identifier, data, flags)
        for filters in ([(0x800, 0, 0)], [(0, 1 << 29, CAN.FLAG_EXT_ID)], [(0, 0, 0)] * (CAN.FILTERS_MAX + 1)):
            with self.assertRaises(ValueError):
                can.set_filters(filters)

    def test_the_fourth_frame_that_nobody_takes_is_lost_and_told(self):
        sender, other = self.pair()
        for k in range(4):
            sender.send(0x42, bytes((k,)))
            self.wire.run()
        first = other.recv()
        self.assertEqual((bytes(first[1]), first[3]), (b"\0", CAN.RECV_ERR_FULL | CAN.RECV_ERR_OVERRUN))
        self.assertEqual(other.recv()[3], 0)
        self.assertEqual(other.get_counters()[7], 1)


class Queue(Base):
    def test_the_lowest_identifier_leaves_first_and_a_fourth_frame_finds_no_room(self):
        sender, other = self.pair()
        slots = [sender.send(identifier, b"") for identifier in (0x300, 0x100, 0x200, 0x50)]
        self.assertEqual(sorted(slots[:3]) + slots[3:], [0, 1, 2, None])
        self.assertEqual(sender.get_counters()[5], CAN.TX_QUEUE_LEN)
        self.wire.run()
        self.assertEqual([identifier for _, identifier, _, _ in self.wire.log], [0x100, 0x200, 0x300])

    def test_frames_of_one_identifier_wait_for_each_other_unless_they_need_no_order(self):
        sender, _ = self.pair()
        self.assertEqual(sender.send(0x42, b"1"), 0)
        self.assertIsNone(sender.send(0x42, b"2"))
        self.assertEqual(sender.send(0x42, b"3", CAN.FLAG_UNORDERED), 1)

    def test_a_frame_that_is_taken_back_is_told_as_failed(self):
        sender, other = self.pair()
        told = []
        sender.irq(lambda can: told.append(can.irq().flags()), CAN.IRQ_TX)
        slot = sender.send(0x42, b"late")
        self.assertTrue(sender.cancel_send(slot))
        time.sleep_ms(1)
        self.assertEqual(told, [CAN.IRQ_TX | CAN.IRQ_TX_FAILED | slot << CAN.IRQ_TX_IDX_SHIFT])
        self.assertFalse(sender.cancel_send(slot))
        with self.assertRaises(ValueError):
            sender.cancel_send(CAN.TX_QUEUE_LEN)
        self.wire.run()
        self.assertEqual(self.received(other), [])


class Interrupts(Base):
    def exchange(self, handler, hard):
        sender, other = self.pair()
        other.irq(handler, CAN.IRQ_RX, hard)
        for k in range(6):
            sender.send(0x42, bytes((k,)))
            self.wire.run()
            time.sleep_ms(1)
        return other

    def test_a_handler_that_takes_the_frames_is_called_for_each(self):
        frame = [0, memoryview(bytearray(8)), 0, 0]
        for hard in (False, True):
            self.setUp()
            got = bytearray(6)
            count = [0]

            def take(can, got=got, count=count):
                while can.recv(frame) is not None:
                    got[count[0]] = frame[1][0]
                    count[0] += 1

            self.exchange(take, hard)
            self.assertEqual(bytes(got), b"\0\1\2\3\4\5")

    def test_a_handler_that_takes_one_flag_a_call_is_called_for_the_rest(self):
        sender, other = self.pair()
        told = []
        sender.irq(lambda can: told.append(can.irq().flags()), CAN.IRQ_TX | CAN.IRQ_RX | CAN.IRQ_STATE)
        sender.irq().flags()
        other.send(0x41, b"x")
        sender.send(0x42, b"y")
        self.wire.errors(0, 128, 0, CAN.STATE_PASSIVE)
        self.wire.run()
        time.sleep_ms(1)
        self.assertEqual(sorted(told), [CAN.IRQ_TX, CAN.IRQ_RX, CAN.IRQ_STATE])

    def test_a_hard_handler_cannot_allocate_and_is_called_no_more(self):
        filled = []

        def greedy(can):
            filled.append(bytearray(1000))
            can.recv()

        self.exchange(greedy, True)
        self.assertEqual(len(filled), 0 if sys.implementation.name == "micropython" else 6)

    def test_nothing_interrupts_that_was_not_asked_for(self):
        sender, other = self.pair()
        told = []
        other.irq(told.append, CAN.IRQ_TX | CAN.IRQ_STATE)
        sender.send(0x42, b"x")
        self.wire.run()
        self.assertEqual(told, [])
        self.assertEqual(other.irq().trigger(), CAN.IRQ_TX | CAN.IRQ_STATE)


class States(Base):
    def test_states_and_counters_follow_errors_and_a_restart_clears_them(self):
        can = self.make()
        told = []
        can.irq(lambda can: told.append((can.irq().flags(), can.state())), CAN.IRQ_STATE | CAN.IRQ_TX)
        for errors, state in ((96, CAN.STATE_WARNING), (128, CAN.STATE_PASSIVE)):
            self.wire.errors(0, errors, 3, state)
        self.assertEqual(can.get_counters()[:5], [128, 3, 1, 1, 0])
        can.send(0x42, b"x")
        self.wire.errors(0, 256, 3, CAN.STATE_BUS_OFF)
        time.sleep_ms(1)
        failed = CAN.IRQ_TX | CAN.IRQ_TX_FAILED
        self.assertEqual(sorted([flags for flags, _ in told]), [failed] + [CAN.IRQ_STATE] * 3)
        with self.assertRaises(OSError):
            can.send(0x42, b"y")
        can.restart()
        self.assertEqual((can.state(), can.get_counters()[:5]), (CAN.STATE_ACTIVE, [0] * 5))
        self.assertEqual(can.send(0x42, b"z"), 0)

    def test_a_stopped_controller_does_nothing_until_it_is_started(self):
        can = self.make()
        can.deinit()
        self.assertEqual(can.state(), CAN.STATE_STOPPED)
        for what in (can.restart, lambda: can.send(1, b"")):
            with self.assertRaises(OSError):
                what()
        can.init(250_000)
        self.assertEqual((can.state(), can.get_timings()[0]), (CAN.STATE_ACTIVE, 250_000))

    def test_impossible_settings_are_refused(self):
        for settings in ({"mode": 5}, {"sjw": 5}, {"sample_point": 0}, {"tseg1": 3}, {"tseg1": 17, "tseg2": 2}):
            with self.assertRaises(ValueError):
                CAN(0, 500_000, **settings)
        for bitrate in (9_999, 1_000_001):
            with self.assertRaises(ValueError):
                CAN(0, bitrate)
