import time
import unittest

import machine
import twin
from can_wire import CanWire
from dragonet.flatsat.devices.mcp2515 import MCP2515 as Model
from dragonet.flatsat.devices.mcp2515_map import CONFIGURATION, LISTEN, LOOPBACK, NORMAL, SLEEP
from drivers.can_ring import FRAMES, MOST
from drivers.mcp2515 import MCP2515

CS, INT = (17, 9), (15, 14)
EXT, RTR, UNORDERED = 2, 1, 16
TX, RX, FAILED, STATE = 1, 2, 4, 8


class Bench(unittest.TestCase):
    """A controller on the chip's model, and somebody else on the bus."""

    def setUp(self):
        self.env = twin.bench()
        self.wire = CanWire(self.env)
        self.spi = machine.SPI(0, baudrate=10_000_000)
        self.model = self.chip(0)
        self.can = self.controller(0)
        self.told = []

    def chip(self, number, crystal_hz=16_000_000):
        return self.env.spi(0, CS[number], Model(self.env, number, INT[number], crystal_hz))

    def controller(self, number, bitrate=500_000, **settings):
        select = machine.Pin(CS[number], machine.Pin.OUT, value=1)
        can = MCP2515(self.spi, select, machine.Pin(INT[number], machine.Pin.IN), bitrate, **settings)
        self.wire.look()
        return can

    def listen(self, trigger=TX | RX | STATE, receive=True):
        """Note everything that the interrupt brings."""

        def handler(can):
            flags = can.irq().flags()
            while flags:
                self.told.append((flags & 15, flags >> 16 & 0xFF))
                flags = can.irq().flags()
            frame = can.recv() if receive else None
            while frame is not None:
                self.told.append((frame[0], bytes(frame[1]), frame[2], frame[3]))
                frame = can.recv()

        self.can.irq(handler, trigger=trigger)

    def take_all(self):
        frames = []
        frame = self.can.recv()
        while frame is not None:
            frames.append((frame[0], bytes(frame[1]), frame[2], frame[3]))
            frame = self.can.recv()
        return frames


class SetUp(Bench):
    def test_a_chip_is_found_and_takes_part_in_the_bus(self):
        self.assertEqual(self.model.peek(0x0E), NORMAL)
        self.assertEqual(self.model.bitrate(), 500_000)
        self.assertEqual(self.wire.modes, {0: 0})
        self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)

    def test_a_missing_chip_is_an_oserror(self):
        self.model.dead = True
        with self.assertRaises(OSError):
            self.controller(0)

    def test_each_mode_is_the_chips_own(self):
        for mode, wanted in ((0, NORMAL), (1, SLEEP), (3, LISTEN), (4, LOOPBACK)):
            self.can.deinit()
            self.assertEqual(self.can.state(), self.can.STATE_STOPPED)
            self.assertEqual(self.model.peek(0x0E), CONFIGURATION)
            self.can.init(500_000, mode=mode)
            self.assertEqual(self.model.peek(0x0E) & 0xE0, wanted)
            self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)
        with self.assertRaises(ValueError):
            self.can.init(500_000, mode=2)

    def test_a_stopped_controller_sends_and_receives_nothing(self):
        self.can.set_filters(None)
        self.can.deinit()
        self.wire.look()
        self.wire.give(0, 1, b"x")
        self.assertIsNone(self.can.recv())
        with self.assertRaises(OSError):
            self.can.send(1, b"")
        with self.assertRaises(OSError):
            self.can.restart()

    def test_a_listener_hears_and_cannot_send(self):
        self.can.init(500_000, mode=3)
        self.can.set_filters(None)
        self.wire.look()
        self.wire.give(0, 0x55, b"hear")
        self.assertEqual(self.take_all(), [(0x55, b"hear", 0, 0)])
        with self.assertRaises(OSError):
            self.can.send(1, b"")

    def test_a_loop_inside_needs_no_bus(self):
        self.can.init(500_000, mode=4)
        self.can.set_filters(None)
        self.wire.look()
        self.can.send(0x1ABCDEF0, b"12345678", EXT)
        self.can.send(0x7FF, b"", RTR)
        time.sleep_ms(1)
        self.assertEqual(self.take_all(), [(0x1ABCDEF0, b"12345678", EXT, 0), (0x7FF, b"", RTR, 0)])
        self.assertEqual(self.wire.step(), False)


class Receive(Bench):
    def test_nothing_is_received_before_filters_are_set(self):
        self.wire.give(0, 0x1FFFFFFF, b"", EXT)
        self.wire.give(0, 0x123, b"a")
        self.assertIsNone(self.can.recv())
        self.can.set_filters(None)
        self.assertIsNone(self.can.recv())
        self.wire.give(0, 0x123, b"b")
        self.assertEqual(self.take_all(), [(0x123, b"b", 0, 0)])

    def test_an_empty_list_of_filters_receives_nothing(self):
        self.can.set_filters(None)
        self.can.set_filters([])
        for identifier in (0, 0x7FF):
            self.wire.give(0, identifier, b"\xff\xff")
        self.wire.give(0, 0x1FFFFFFF, b"", EXT)
        self.assertIsNone(self.can.recv())
        self.assertEqual(self.can.get_counters()[7], 0)

    def test_every_field_of_a_frame_arrives(self):
        self.can.set_filters(None)
        for frame in ((0x555, b"", 0), (0x7FF, b"12345678", 0), (0x1FFFFFFF, b"1", EXT), (0x0AAAAAAA, b"12345", EXT)):
            self.wire.give(0, frame[0], frame[1], frame[2])
            self.assertEqual(self.take_all(), [(frame[0], frame[1], frame[2], 0)])

    def test_a_remote_request_has_its_length_and_no_data(self):
        self.can.set_filters(None)
        self.wire.give(0, 0x12345678, b"12345678", EXT)
        self.take_all()
        self.wire.give(0, 0x12345678, bytes(3), EXT | RTR)
        self.wire.give(0, 0x123, bytes(8), RTR)
        self.assertEqual(self.take_all(), [(0x12345678, bytes(3), EXT | RTR, 0), (0x123, bytes(8), RTR, 0)])

    def test_a_list_is_used_again_and_keeps_its_own_memory(self):
        self.can.set_filters(None)
        memory = bytearray(8), bytearray(8)
        first, second = ([0, memoryview(room), 0, 0] for room in memory)
        self.wire.give(0, 1, b"ab")
        self.wire.give(0, 2, b"longer!!")
        self.assertIs(self.can.recv(first), first)
        self.assertIs(self.can.recv(second), second)
        self.assertIsNone(self.can.recv(first))
        self.assertEqual((bytes(first[1]), bytes(second[1])), (b"ab", b"longer!!"))
        self.wire.give(0, 3, b"12345678")
        self.can.recv(first)
        self.assertEqual((bytes(first[1]), bytes(memory[0])), (b"12345678", b"12345678"))

    def test_without_a_handler_two_frames_wait_the_third_is_counted_as_lost(self):
        self.can.set_filters(None)
        for k in range(3):
            self.wire.give(0, 0x100 + k, bytes((k,)))
        self.assertEqual(self.can.get_counters()[6:], [2, 1])
        self.assertEqual(self.take_all(), [(0x100, b"\x00", 0, 2), (0x101, b"\x01", 0, 0)])
        self.wire.give(0, 0x103, b"")
        self.assertEqual(self.take_all(), [(0x103, b"", 0, 0)])
        self.assertEqual(self.model.peek(0x2D), 0)

    def test_frames_keep_their_order_whichever_buffer_was_free(self):
        self.can.set_filters(None)
        sent, got = 0, []
        for gives, takes in ((2, 1), (1, 1), (1, 2), (1, 0), (1, 1), (1, 1), (1, 2), (2, 2), (1, 1), (2, 1), (1, 2)):
            for _ in range(gives):
                self.wire.give(0, sent, b"")
                sent += 1
            for _ in range(takes):
                got.append(self.can.recv()[0])
        self.assertEqual(got, list(range(sent)))
        self.assertEqual(self.can.get_counters()[7], 0)


    def test_the_second_buffer_is_older_than_a_frame_that_came_to_the_first_since(self):
        self.can.set_filters(None)
        for k in range(2):
            self.wire.give(0, k, b"")
        got = [self.can.recv()[0]]
        self.wire.give(0, 2, b"")
        self.assertEqual(self.can.get_counters()[6], 2)
        self.assertEqual(got + [frame[0] for frame in self.take_all()], [0, 1, 2])

    def test_the_order_is_kept_when_frames_come_while_one_is_read(self):
        self.can.set_filters(None)
        self.wire.give(0, 0, b"")
        self.assertEqual(self.can.get_counters()[6], 1)
        self.wire.give(0, 1, b"")  # to RXB1, since RXB0 is full
        deselect = self.model.deselect
        left = [2]

        def free():
            deselect()
            if left and not self.model.registers[0x2C] & 1:
                self.model.take(left.pop(), 0, b"")  # to RXB0, just when it is free

        self.model.deselect = free
        self.assertEqual([frame[0] for frame in self.take_all()], [0, 1, 2])


class Filters(Bench):
    def passes(self, frames):
        """Those frames of (identifier, flags) that get through."""
        got = []
        for identifier, flags in frames:
            self.wire.give(0, identifier, b"\xff\x00", flags)
            got += [(frame[0], frame[2]) for frame in self.take_all()]
        return got

    def test_the_ones_of_csp_fit(self):
        mask = 0x3FFF << 13
        self.can.set_filters(((3 << 13, mask, EXT), (16383 << 13, mask, EXT)))
        wanted = [(3 << 13, EXT), (3 << 13 | 3 << 27 | 0x1FFF, EXT), (16383 << 13, EXT)]
        other = [(2 << 13, EXT), (0x003, 0), (7 << 13, EXT)]
        self.assertEqual(self.passes(wanted + other), wanted)

    def test_two_masks_and_six_filters(self):
        self.can.set_filters(
            [(0x300, 0x700, 0), (0x500, 0x700, 0)] + [(0x50700 + k, 0x1FFFFFFF, EXT) for k in range(4)]
        )
        wanted = [(0x300, 0), (0x3FF, 0), (0x5AA, 0)] + [(0x50700 + k, EXT) for k in range(4)]
        other = [(0x200, 0), (0x400, 0), (0x300, EXT), (0x50704, EXT), (0x40700, EXT)]
        self.assertEqual(self.passes(wanted + other), wanted)

    def test_standard_filters_do_not_look_at_the_data(self):
        self.can.set_filters([(0x123, 0x7FF, 0)])
        for data in (b"", b"\x00\x00", b"\xff\xff", b"\x55"):
            self.wire.give(0, 0x123, data)
            self.assertEqual(self.take_all(), [(0x123, data, 0, 0)])

    def test_six_filters_of_one_mask(self):
        self.can.set_filters([(0x100 + k, 0x7FF, 0) for k in range(6)])
        wanted = [(0x100 + k, 0) for k in range(6)]
        self.assertEqual(self.passes(wanted + [(0x106, 0), (0x0FF, 0)]), wanted)

    def test_what_two_masks_cannot_do_is_refused_and_changes_nothing(self):
        self.can.set_filters([(0x111, 0x7FF, 0)])
        for filters in (
            [(1, 0x7FF, 0), (1, 0x700, 0), (1, 0x0FF, 0)],
            [(k, 0x7FF, 0) for k in range(3)] + [(k << 4, 0x7F0, 0) for k in range(3)],
            [(k, 0x7FF, 0) for k in range(5)] + [(0x400, 0x7F0, 0)],
            [(k, 0x7FF, 0) for k in range(7)],
            [(0x800, 0x7FF, 0)],
            [(0, 1 << 29, EXT)],
            [(0, 0, RTR)],
        ):
            with self.assertRaises(ValueError):
                self.can.set_filters(filters)
        self.assertEqual(self.passes([(0x111, 0), (0x112, 0)]), [(0x111, 0)])

    def test_two_that_one_mask_serves_have_both_buffers(self):
        self.can.set_filters([(1, 0x7FF, 0), (2, 0x7FF, 0)])
        for identifier in (2, 1):
            self.wire.give(0, identifier, b"")
        self.assertEqual([frame[0] for frame in self.take_all()], [2, 1])

    def test_they_survive_a_restart(self):
        self.can.set_filters([(1, 0x7FF, 0)])
        self.can.restart()
        self.assertEqual(self.passes([(1, 0), (2, 0)]), [(1, 0)])


class Send(Bench):
    def on_the_bus(self):
        self.wire.run()
        return [frame[1] for frame in self.wire.log]

    def test_frames_go_out_as_they_were_given(self):
        self.listen()
        for frame in ((0x7FF, b"", 0), (0x555, b"12345678", 0), (0x1FFFFFFF, b"x", EXT), (0xABCDEF1, b"12", EXT | RTR)):
            slot = self.can.send(frame[0], frame[1], frame[2])
            self.wire.run()
            self.assertEqual(self.told.pop(), (TX, slot))
            data = bytes(len(frame[1])) if frame[2] & RTR else frame[1]
            sent = self.wire.log[-1]
            self.assertEqual((sent[1], sent[2], len(sent[3])), (frame[0], frame[2], len(data)))
            if not frame[2] & RTR:
                self.assertEqual(sent[3], data)

    def test_the_lowest_identifier_leaves_first_in_every_order_of_sending(self):
        for order in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)):
            self.wire.log = []
            for identifier in order:
                self.assertIsNotNone(self.can.send(identifier, b""))
            self.assertEqual([self.model.frame(slot)[0] for slot in self.model.waiting()], [1, 2, 3])
            self.assertEqual(self.on_the_bus(), [1, 2, 3])

    def test_the_order_is_that_of_arbitration_between_long_and_short_identifiers(self):
        self.can.send(0x123 << 18, b"", EXT)
        self.can.send(0x123, b"", RTR)
        self.can.send(0x123, b"")
        self.assertEqual([self.model.frame(slot)[1] for slot in self.model.waiting()], [0, RTR, EXT])

    def test_the_order_looks_at_every_bit_of_a_long_identifier(self):
        for identifier, flags in ((0x0ABCDE02, EXT), (0x0ABCDE01, EXT | RTR), (0x0ABCDE01, EXT)):
            self.can.send(identifier, b"", flags)
        order = [self.model.frame(slot)[:2] for slot in self.model.waiting()]
        self.assertEqual(order, [(0x0ABCDE01, EXT), (0x0ABCDE01, EXT | RTR), (0x0ABCDE02, EXT)])

    def test_the_order_holds_while_frames_come_and_go(self):
        state = 12345
        refused = 0
        for _ in range(300):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            if self.can.send(state >> 16 & 0x3F, b"") is None:
                refused += 1
            order = [self.model.frame(slot)[0] for slot in self.model.waiting()]
            self.assertEqual(order, sorted(order))
            if state >> 8 & 3 or len(order) == 3:
                self.wire.step()
        self.assertLess(refused, 60)

    def test_frames_of_one_identifier_keep_their_order(self):
        sent = 0
        for _ in range(20):
            while self.can.send(0x77, bytes((sent,))) is not None:
                sent += 1
            self.wire.step()
        self.wire.run()
        self.assertEqual([frame[3][0] for frame in self.wire.log], list(range(sent)))
        self.assertLess(30, sent + 12)

    def test_unordered_frames_of_one_identifier_take_any_place(self):
        self.can.send(5, b"a")
        while self.can.send(5, b"b", UNORDERED) is not None:
            pass
        self.assertEqual(len(self.model.waiting()), 3)

    def test_a_full_queue_takes_nothing(self):
        for identifier in (1, 2, 3):
            self.assertIsNotNone(self.can.send(identifier, b""))
        self.assertIsNone(self.can.send(4, b""))
        self.assertEqual(self.can.get_counters()[5], 3)
        self.wire.step()
        self.assertEqual(self.can.get_counters()[5], 2)
        self.assertIsNotNone(self.can.send(4, b""))

    def test_a_buffer_is_free_when_its_interrupt_was_told(self):
        told = []
        self.can.irq(lambda can: told.append(1), trigger=TX)  # leaves its work for later
        slots = [self.can.send(identifier, b"") for identifier in (1, 2, 3)]
        self.wire.run()
        self.assertIsNone(self.can.send(4, b""))
        flags = [self.can.irq().flags() for _ in range(4)]
        self.assertEqual(sorted(f >> 16 for f in flags[:3]), sorted(slots))
        self.assertEqual(flags[3], 0)
        self.assertIsNotNone(self.can.send(4, b""))

    def test_wrong_frames_are_refused(self):
        for identifier, data, flags in ((0x800, b"", 0), (-1, b"", 0), (1 << 29, b"", EXT), (1, bytes(9), 0)):
            with self.assertRaises(ValueError):
                self.can.send(identifier, data, flags)


class Cancel(Bench):
    def test_a_frame_that_waits_is_taken_back_and_its_failure_told(self):
        self.listen()
        slot = self.can.send(1, b"")
        keep = self.can.send(2, b"")
        self.wire.look()
        self.assertEqual(self.can.cancel_send(slot), True)
        time.sleep_us(100)
        self.assertEqual(self.told, [(TX | FAILED, slot)])
        self.wire.run()
        self.assertEqual([frame[1] for frame in self.wire.log], [2])
        self.assertEqual(self.told[1:], [(TX, keep)])
        self.assertIsNotNone(self.can.send(1, b""))

    def test_a_frame_on_the_wire_leaves_though_it_was_cancelled(self):
        self.listen()
        slot = self.can.send(1, b"")
        self.wire.look()
        self.wire.holds = True
        self.assertEqual(self.can.cancel_send(slot), False)
        self.wire.run()
        self.assertEqual(self.told, [(TX, slot)])
        self.assertEqual([frame[1] for frame in self.wire.log], [1])

    def test_a_cancelled_frame_that_gives_up_on_the_wire_is_told_as_failed(self):
        self.listen()
        slot = self.can.send(1, b"")
        self.wire.look()
        self.wire.holds = True
        self.assertEqual(self.can.cancel_send(slot), False)
        self.wire.give_up(0, slot)
        self.assertEqual(self.can.irq().flags(), TX | FAILED | slot << 16)
        self.assertIsNotNone(self.can.send(1, b""))

    def test_nothing_to_cancel_is_false(self):
        self.assertEqual(self.can.cancel_send(0), False)
        slot = self.can.send(1, b"")
        self.wire.run()
        self.assertEqual(self.can.cancel_send(slot), False)
        with self.assertRaises(ValueError):
            self.can.cancel_send(3)

    def test_in_the_loop_a_cancelled_frame_is_told_as_failed(self):
        self.can.init(500_000, mode=4)
        self.listen()
        slot = self.can.send(1, b"")
        self.assertEqual(self.can.cancel_send(slot), True)
        time.sleep_ms(1)
        self.assertEqual(self.told, [(TX | FAILED, slot)])


class Errors(Bench):
    def test_states_follow_the_counters_and_are_told_when_they_get_worse(self):
        self.listen()
        for tx, rx, hub, state in ((96, 0, 2, 2), (128, 0, 3, 3), (100, 0, 2, 2), (0, 0, 1, 1), (0, 130, 3, 3)):
            self.told.clear()
            before = self.can.state()
            self.wire.errors(0, tx, rx, hub)
            self.assertEqual(self.told, [(STATE, 0)] if state > before else [])
            self.assertEqual(self.can.state(), state)
            self.assertEqual(self.can.get_counters()[:2], [tx, rx])
        self.assertEqual(self.can.get_counters()[2:5], [2, 2, 0])

    def test_bus_off_lasts_until_restart_and_ends_what_waits(self):
        self.listen()
        slot = self.can.send(1, b"")
        self.wire.look()
        self.wire.errors(0, 256, 0, 4)
        self.assertEqual(self.told, [(STATE, 0), (TX | FAILED, slot)])
        with self.assertRaises(OSError):
            self.can.send(2, b"")
        time.sleep_ms(50)  # the chip alone would be back after 2.8 ms
        self.wire.look()
        self.assertEqual(self.can.state(), self.can.STATE_BUS_OFF)
        self.assertEqual(self.wire.modes[0], 255)
        self.assertEqual(self.can.get_counters()[4], 1)
        self.can.restart()
        self.wire.look()
        self.assertEqual((self.can.state(), self.wire.modes[0]), (self.can.STATE_ACTIVE, 0))
        self.assertEqual(self.can.get_counters(), [0] * 8)
        self.assertIsNotNone(self.can.send(2, b""))
        self.wire.run()
        self.assertEqual([frame[1] for frame in self.wire.log], [2])

    def test_an_error_flag_that_stays_does_not_hold_the_interrupt(self):
        self.model.sticky_errors = True
        self.can.set_filters(None)
        self.listen()
        self.wire.errors(0, 0, 100, 2)
        for k in range(5):
            self.wire.give(0, k, b"")
        self.assertEqual([entry[0] for entry in self.told if len(entry) == 4], [0, 1, 2, 3, 4])
        self.wire.errors(0, 0, 0, 1)
        self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)
        self.told.clear()
        self.wire.errors(0, 0, 100, 2)
        self.assertEqual(self.told, [(STATE, 0)])

    def test_a_chip_that_lost_its_settings_shows_as_bus_off_and_restart_mends_it(self):
        self.can.set_filters([(1, 0x7FF, 0)])
        self.model.reset()
        self.wire.look()
        self.assertEqual(self.can.state(), self.can.STATE_BUS_OFF)
        self.assertEqual(self.can.losses, 1)
        self.can.restart()
        self.wire.look()
        self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)
        self.wire.give(0, 1, b"x")
        self.wire.give(0, 2, b"y")
        self.assertEqual(self.take_all(), [(1, b"x", 0, 0)])

    def test_one_changed_register_is_noticed(self):
        for register in (0x28, 0x29, 0x2A, 0x2B):
            self.model.registers[register] ^= 1
            self.assertEqual(self.can.state(), self.can.STATE_BUS_OFF)
            self.can.restart()
            self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)
        self.assertEqual(self.can.losses, 4)

    def test_a_chip_that_does_not_answer_any_more_stays_bus_off(self):
        self.listen()
        self.model.dead = True
        self.assertEqual(self.can.irq().flags(), STATE)
        self.assertEqual(self.can.state(), self.can.STATE_BUS_OFF)
        self.assertIsNone(self.can.recv())
        started = time.ticks_ms()
        self.can.restart()
        self.assertLess(time.ticks_diff(time.ticks_ms(), started), 50)
        self.assertEqual(self.can.state(), self.can.STATE_BUS_OFF)
        self.model.dead = False
        self.can.restart()
        self.assertEqual(self.can.state(), self.can.STATE_ACTIVE)


class Interrupts(Bench):
    def test_each_frame_comes_by_itself(self):
        self.can.set_filters(None)
        self.listen()
        for k in range(10):
            self.wire.give(0, k, bytes((k,)))
        frames = [entry for entry in self.told if len(entry) == 4]
        self.assertEqual(frames, [(k, bytes((k,)), 0, 0) for k in range(10)])

    def test_sending_and_receiving_at_once_loses_nothing(self):
        self.can.set_filters(None)
        self.listen()
        for k in range(40):
            self.can.send(k & 7, b"12")
            self.wire.give(0, 0x100 + k, b"")
            self.wire.step()
        self.wire.run()
        got = [entry[0] for entry in self.told if len(entry) == 4]
        self.assertEqual(got, [0x100 + k for k in range(40)])
        sent = [entry for entry in self.told if len(entry) == 2 and entry[0] == TX]
        self.assertEqual(len(sent), len(self.wire.log))
        self.assertEqual(self.env.wire(INT[0]).level, 1)

    def test_a_handler_that_takes_one_frame_is_called_for_the_next(self):
        self.can.set_filters(None)
        got = []
        self.can.irq(lambda can: got.append(can.recv()[0]), trigger=RX)
        self.env.kernel._in_handler = True  # interrupts wait meanwhile
        self.wire.give(0, 1, b"")
        self.wire.give(0, 2, b"")
        self.env.kernel._in_handler = False
        time.sleep_us(10)
        self.assertEqual(got, [1, 2])

    def test_work_left_for_later_does_not_stop_interrupts(self):
        self.can.set_filters(None)
        calls = []
        self.can.irq(calls.append, trigger=RX)
        for k in range(5):
            self.wire.give(0, 2 * k, b"")
            self.wire.give(0, 2 * k + 1, b"")
            time.sleep_us(10)
            self.assertEqual([frame[0] for frame in self.take_all()], [2 * k, 2 * k + 1])
        self.assertEqual(self.can.get_counters()[7], 0)
        self.assertLess(4, len(calls))

    def test_a_program_that_takes_one_frame_for_each_interrupt_gets_them_all(self):
        self.can.set_filters(None)
        calls = []
        self.can.irq(calls.append, trigger=RX)
        self.wire.give(0, 0, b"")
        self.wire.give(0, 1, b"")
        got = []
        for k in range(2, 12):
            self.assertLess(len(got), len(calls))
            got.append(self.can.recv()[0])
            self.wire.give(0, k, b"")
        self.assertEqual(got, list(range(10)))

    def test_a_busy_bus_lets_the_program_run_and_is_served(self):
        self.can.set_filters(None)
        got = []

        def handler(can):
            got.append(can.recv()[0])
            if len(got) < 40:
                self.wire.give(0, len(got) + 1, b"")

        self.can.irq(handler, trigger=RX)
        self.env.kernel._in_handler = True
        self.wire.give(0, 0, b"")
        self.wire.give(0, 1, b"")
        self.env.kernel._in_handler = False
        time.sleep_ms(5)
        self.assertEqual(got, list(range(41)))
        self.assertLess(3, self.env.kernel.interrupts)

    def test_only_what_was_asked_for_interrupts(self):
        self.can.set_filters(None)
        self.listen(trigger=TX, receive=False)
        self.wire.give(0, 1, b"")
        self.assertEqual(self.told, [])
        slot = self.can.send(2, b"")
        self.wire.run()
        self.assertEqual(self.told, [(TX, slot)])
        self.assertEqual([frame[0] for frame in self.take_all()], [1])
        with self.assertRaises(ValueError):
            self.can.irq(self.told.append, trigger=FAILED)

    def test_an_overrun_is_told_by_the_next_frame_and_the_bus_goes_on(self):
        self.can.set_filters(None)
        self.listen()
        before = machine.disable_irq()
        for k in range(4):
            self.wire.give(0, k, b"")
        machine.enable_irq(before)
        time.sleep_us(10)
        self.wire.give(0, 9, b"")
        frames = [entry for entry in self.told if len(entry) == 4]
        self.assertEqual(frames, [(0, b"", 0, 2), (1, b"", 0, 0), (9, b"", 0, 0)])
        self.assertEqual(self.can.get_counters()[7], 1)
        self.assertEqual([entry for entry in self.told if entry[0] == STATE], [])

    def burst(self, count):
        """Frames that come while no handler can be called: as long as garbage is collected."""
        self.can.set_filters(None)
        self.listen()
        self.env.kernel._in_handler = True
        for k in range(count):
            self.wire.give(0, k, bytes((k,)))
        waiting = self.can.ring.waiting()
        self.env.kernel._in_handler = False
        time.sleep_us(10)
        frames = [entry for entry in self.told if len(entry) == 4]
        return waiting, frames

    def test_a_burst_that_comes_while_no_handler_can_be_called_arrives_whole(self):
        waiting, frames = self.burst(FRAMES)
        self.assertEqual(waiting, FRAMES)
        self.assertEqual([frame[:3] for frame in frames], [(k, bytes((k,)), 0) for k in range(FRAMES)])
        self.assertEqual(self.can.get_counters()[7], 0)
        self.assertEqual(self.can.ring.state[MOST], FRAMES)

    def test_what_the_ring_has_no_room_for_is_counted_and_told(self):
        waiting, frames = self.burst(FRAMES + 3)
        self.assertEqual(waiting, FRAMES)
        self.assertEqual([frame[0] for frame in frames], list(range(FRAMES)))
        self.assertEqual([frame[3] & 2 for frame in frames], [2] + [0] * (FRAMES - 1))
        self.assertEqual(self.can.get_counters()[7], 3)
        self.wire.give(0, 99, b"")
        self.assertEqual(self.told[-1], (99, b"", 0, 0))

    def test_an_interrupt_that_was_switched_off_is_found_dead_and_comes_again(self):
        self.can.set_filters(None)
        self.listen()
        self.env.wire(INT[0]).pin_irq = None  # as MicroPython does when a hard handler raises
        self.wire.give(0, 1, b"")
        self.assertEqual(self.told, [])
        self.can.irq().flags()
        self.assertEqual(self.can.recv()[0], 1)
        self.wire.give(0, 2, b"")
        self.assertEqual([entry[0] for entry in self.told if len(entry) == 4], [2])

    def test_frames_are_taken_while_another_handler_runs(self):
        self.can.set_filters(None)
        self.listen()
        seen = []

        def slow(_):
            for k in range(5):
                self.wire.give(0, k, b"")
            seen.append(self.can.ring.waiting())

        self.env.kernel.interrupt(slow, None)
        time.sleep_us(10)
        self.assertEqual(seen, [5])
        self.assertEqual(len([entry for entry in self.told if len(entry) == 4]), 5)

    def test_two_chips_share_their_spi(self):
        self.chip(1)
        other = self.controller(1)
        got = {0: [], 1: []}
        for number, can in ((0, self.can), (1, other)):
            can.set_filters(None)
            can.irq(lambda can, number=number: got[number].append(can.recv()[0]), trigger=RX)
        for k in range(20):
            self.can.send(0x200 + k, b"12345678")
            other.send(0x300 + k, b"1234")
            self.wire.run()
        self.assertEqual(got[1], [0x200 + k for k in range(20)])
        self.assertEqual(got[0], [0x300 + k for k in range(20)])


if __name__ == "__main__":
    unittest.main()
