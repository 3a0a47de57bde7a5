# machine.CAN of the virtual board: what its modes send and hear.
import time
import unittest

import machine
import twin
from can_wire import CanWire

CAN = machine.CAN


class Modes(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench()
        self.wire = CanWire(self.env)

    def make(self, mode, number=0):
        can = CAN(number, 500_000, mode=mode)
        can.set_filters(None)
        return can

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
