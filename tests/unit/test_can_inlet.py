# The hard interrupt of a machine.CAN: frames into the ring, events noted, nothing allocated.
import gc
import unittest

import micropython
from drivers.can_inlet import Inlet
from drivers.can_ring import FRAMES, LOST
from quiet_can import PlainCan

TX, STATE = 1, 8


class Hard(unittest.TestCase):
    def setUp(self):
        self.can = PlainCan()
        self.can.frames = [(0x1000_0000 | k, memoryview(bytes((k,)) * (k % 9))) for k in range(100)]
        self.inlet = Inlet(self.can)
        self.scheduled = [0]
        self.full = False
        self.inlet._schedule = self.schedule
        self.calls = [0]
        self.inlet.irq(self.handle, 11)

    def schedule(self, function, argument):
        if self.full:
            raise RuntimeError
        self.scheduled[0] += 1

    def handle(self, can):
        self.calls[0] += 1

    def come(self, count):
        """So many frames more, and the interrupt."""
        self.can.limit += count
        self.can.handler(self.can)

    def take(self):
        taken = []
        into = [0, memoryview(bytearray(8)), 0, 0]
        while self.inlet.ring.take(into):
            taken.append((into[0], bytes(into[1]), into[2]))
        return taken

    def wanted(self, first, last):
        return [(0x1000_0000 | k, bytes((k,)) * (k % 9), 2) for k in range(first, last)]

    def test_frames_go_into_the_ring_and_the_handler_is_scheduled_once(self):
        self.come(3)
        self.come(2)
        self.assertEqual((self.scheduled, self.calls), ([1], [0]))
        self.inlet.serve(self.can)
        self.assertEqual(self.calls, [1])
        self.assertEqual(self.take(), self.wanted(0, 5))
        self.come(1)
        self.assertEqual(self.scheduled, [2])

    def test_what_the_ring_has_no_room_for_waits_in_the_controller(self):
        self.come(FRAMES + 5)
        self.assertEqual(self.take(), self.wanted(0, FRAMES))
        self.assertFalse(self.inlet.poll(self.can))
        self.assertEqual(self.take(), self.wanted(FRAMES, FRAMES + 5))
        self.assertEqual(self.inlet.ring.state[LOST], 0)

    def test_events_are_told_in_their_order_and_each_once(self):
        for flags in (TX, TX | 1 << 16, STATE, TX | 4 | 2 << 16):
            self.can._flags = flags
            self.come(0)
        told = [self.inlet.flags() for _ in range(5)]
        self.assertEqual(told, [TX, TX | 1 << 16, STATE, TX | 4 | 2 << 16, 0])

    def test_an_interrupt_that_comes_while_the_program_asks_is_served_by_it(self):
        flags = self.can.flags
        asked = []

        def meanwhile():
            if not asked:
                asked.append(1)
                self.come(2)
                self.assertEqual(self.inlet.ring.waiting(), 0)
            return flags()

        self.can.flags = meanwhile
        self.inlet.irq(self.handle, 11)
        self.inlet.poll(None)
        self.assertEqual(self.take(), self.wanted(0, 2))
        self.assertEqual(self.scheduled, [0])

    def test_when_nothing_can_be_scheduled_the_next_interrupt_tries_again(self):
        self.full = True
        self.come(1)
        self.full = False
        self.come(1)
        self.assertEqual(self.scheduled, [1])
        self.assertEqual(self.take(), self.wanted(0, 2))

    def test_the_interrupt_allocates_nothing(self):
        self.come(1)
        self.inlet.serve(self.can)
        gc.collect()
        micropython.heap_lock()
        try:
            self.can._flags = TX | 2 << 16
            self.come(FRAMES + 3)
        finally:
            micropython.heap_unlock()
        self.assertEqual(self.inlet.flags(), TX | 2 << 16)
        self.assertEqual(self.scheduled, [2])


if __name__ == "__main__":
    unittest.main()
