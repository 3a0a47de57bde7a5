# Bit timing, the layout of filters, the model's own instructions byte by byte, and memory.
import gc
import micropython
import unittest

import machine
import twin
from can_wire import CanWire
from dragonet.flatsat.devices.mcp2515 import MCP2515 as Model
from drivers import mcp2515_filters, mcp2515_timing
from drivers.mcp2515 import MCP2515

MHZ = 1_000_000


class Timing(unittest.TestCase):
    def test_registers_for_the_usual_crystals_and_rates(self):
        for crystal, rate, registers in (  # CNF3 CNF2 CNF1
            (16 * MHZ, 1_000_000, "018a00"),  # 8 quanta: 1, PropSeg 3, PS1 2, PS2 2
            (16 * MHZ, 500_000, "039e00"),  # 16 quanta: 1, PropSeg 7, PS1 4, PS2 4
            (16 * MHZ, 250_000, "039e01"),
            (16 * MHZ, 125_000, "039e03"),
            (8 * MHZ, 500_000, "018a00"),
            (8 * MHZ, 250_000, "039e00"),
            (8 * MHZ, 125_000, "039e01"),
        ):
            timing = mcp2515_timing.find(crystal, rate)
            self.assertEqual((timing.cnf.hex(), timing.bitrate), (registers, rate))
            self.assertEqual(4 * (1 + timing.tseg1), 3 * (1 + timing.tseg1 + timing.tseg2), "sampled at 75 %")

    def test_8_mhz_cannot_make_1_mbit(self):
        with self.assertRaises(ValueError):
            mcp2515_timing.find(8 * MHZ, 1_000_000)

    def test_the_sample_point_is_as_near_as_the_quanta_allow(self):
        for percent in (60, 75, 80, 87):
            timing = mcp2515_timing.find(16 * MHZ, 250_000, percent)
            quanta = 1 + timing.tseg1 + timing.tseg2
            self.assertLess(abs(100 * (1 + timing.tseg1) / quanta - percent), 3)

    def test_every_timing_keeps_the_rules_of_the_chip(self):
        model = Model(twin.bench(), 0, 15)
        made = 0
        for crystal in (8 * MHZ, 10 * MHZ, 12 * MHZ, 16 * MHZ, 20 * MHZ):
            model._crystal_hz = crystal
            for rate in (10_000, 20_000, 50_000, 83_333, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000):
                for percent in (50, 65, 75, 87):
                    for sjw in (1, 2, 3):
                        try:
                            timing = mcp2515_timing.find(crystal, rate, percent, sjw)
                        except ValueError:
                            continue
                        made += 1
                        model.registers[0x28:0x2B] = timing.cnf
                        self.assertLess(abs(model.bitrate() - rate) * 200, rate + 1)
                        self.assertEqual(timing.bitrate, model.bitrate())
        self.assertLess(400, made)

    def test_segments_may_be_given(self):
        timing = mcp2515_timing.find(16 * MHZ, 500_000, 50, 2, 12, 3)
        self.assertEqual((timing.tseg1, timing.tseg2, timing.sjw, timing.bitrate), (12, 3, 2, 500_000))
        for tseg1, tseg2, sjw in ((12, None, 1), (1, 2, 1), (17, 8, 1), (8, 9, 1), (8, 1, 1), (2, 4, 1), (12, 3, 3)):
            with self.assertRaises(ValueError):
                mcp2515_timing.find(16 * MHZ, 500_000, 75, sjw, tseg1, tseg2)

    def test_what_no_quanta_make_is_refused(self):
        for crystal, rate in ((16, 0), (16, 2_000_000), (16, 3_000), (0, 500_000), (16, 900_000)):
            with self.assertRaises(ValueError):
                mcp2515_timing.find(crystal * MHZ, rate)


class Filters(unittest.TestCase):
    def test_registers_of_an_extended_and_a_standard_filter(self):
        layout = mcp2515_filters.lay_out([(0x12345678, 0x1FFFFFFF, 2), (0x555, 0x7F0, 0)])
        first, second, masks = (data for _, data in layout.blocks)
        self.assertEqual(first[:4], b"\x91\xa8\x56\x78")  # SIDH, SIDL with EXIDE and EID17:16, EID8, EID0
        self.assertEqual(first[8:12], b"\xaa\x00\x00\x00")
        self.assertEqual(second, b"\xaa\x00\x00\x00" * 3)
        self.assertEqual(masks, b"\xff\xe3\xff\xff\xfe\x00\x00\x00")


class Instructions(unittest.TestCase):
    """The model against figures 12-2 to 12-9."""

    def setUp(self):
        self.env = twin.bench()
        self.model = Model(self.env, 0, 15)
        self.wire = CanWire(self.env)
        self.env.kernel.now = 100

    def spi(self, *out):
        into = bytearray(len(out))
        self.model.select()
        self.model.transfer(bytes(out), into)
        self.model.deselect()
        return into

    def go(self, mode=0x00):
        self.spi(0x02, 0x28, 0x03, 0x9E, 0x00)
        self.spi(0x02, 0x0F, mode)
        self.wire.look()

    def test_after_a_reset_it_is_in_configuration_mode(self):
        self.go()
        self.assertEqual(self.spi(0x03, 0x0E, 0, 0)[2:], b"\x00\x00")
        self.spi(0xC0)
        self.assertEqual(self.spi(0x03, 0x0E, 0, 0)[2:], b"\xff\xff")  # until its oscillator has made 128 periods
        self.env.kernel.now += 10
        self.assertEqual(self.spi(0x03, 0x0E, 0, 0)[2:], b"\x80\x87")

    def test_reading_and_writing_go_on_to_the_next_register(self):
        self.spi(0x02, 0x28, 0x02, 0x90, 0x41)
        self.assertEqual(self.spi(0x03, 0x28, 0, 0, 0)[2:], b"\x02\x90\x41")

    def test_bit_timing_filters_and_masks_change_in_configuration_mode_only(self):
        self.spi(0x02, 0x00, 0xAA, 0xE3, 0x55, 0x77)
        self.go()
        self.spi(0x02, 0x2A, 0x41)
        self.spi(0x02, 0x00, 0x11)
        self.assertEqual(self.spi(0x03, 0x2A, 0)[2], 0)
        self.assertEqual(self.spi(0x03, 0x00, 0, 0, 0, 0)[2:], bytes(4))
        self.spi(0x02, 0x0F, 0x80)
        self.assertEqual(self.spi(0x03, 0x00, 0, 0, 0, 0)[2:], b"\xaa\xe3\x55\x77")

    def test_bit_modify_changes_some_registers_and_overwrites_the_others(self):
        self.spi(0x02, 0x2B, 0xF0)
        self.spi(0x05, 0x2B, 0x0F, 0xAA)
        self.assertEqual(self.spi(0x03, 0x2B, 0)[2], 0xFA)
        self.spi(0x02, 0x36, 0xF0)
        self.spi(0x05, 0x36, 0x0F, 0xAA)
        self.assertEqual(self.spi(0x03, 0x36, 0)[2], 0xAA)

    def test_a_loaded_buffer_leaves_by_rts_and_read_status_shows_it(self):
        self.go()
        self.spi(0x42, 0x24, 0x60, 0, 0, 2, 0xCA, 0xFE)
        self.assertEqual(self.spi(0xA0, 0)[1], 0)
        self.spi(0x82)
        self.assertEqual(self.spi(0xA0, 0)[1], 0x10)  # TXB1: TXREQ
        self.wire.run()
        self.assertEqual(self.wire.log, [(0, 0x123, 0, b"\xca\xfe")])
        self.assertEqual(self.spi(0xA0, 0)[1], 0x20)  # TXB1: TX1IF

    def test_the_highest_txp_leaves_first_then_the_highest_buffer(self):
        self.go()
        for slot, txp in ((0, 2), (1, 1), (2, 1)):
            self.spi(0x40 | slot << 1, 0x10 + slot, 0, 0, 0, 0)
            self.spi(0x02, 0x30 + 16 * slot, 0x08 | txp)
        self.wire.run()
        self.assertEqual([frame[1] >> 3 for frame in self.wire.log], [0x10, 0x12, 0x11])

    def test_a_received_frame_is_read_from_its_header_or_from_its_data(self):
        self.spi(0x02, 0x60, 0x64)  # RXM: everything
        self.go()
        self.wire.give(0, 0x12345678, b"\x01\x02\x03", 2)
        self.assertEqual(self.spi(0xB0, 0)[1], 0x50)  # RXB0, extended data frame, RXF0
        self.assertEqual(self.spi(0x03, 0x2C, 0)[2], 0x01)
        self.assertEqual(self.spi(0x92, 0, 0, 0)[1:], b"\x01\x02\x03")
        self.assertEqual(self.spi(0x03, 0x2C, 0)[2], 0x00)
        self.wire.give(0, 0x123, b"\x09", 0)
        self.assertEqual(self.spi(0x90, 0, 0, 0, 0, 0, 0)[1:], b"\x24\x60\x00\x00\x01\x09")

    def test_without_rollover_the_second_frame_is_an_overflow_of_rxb0(self):
        for bukt, eflg, full in ((0, 0x40, 0x21), (4, 0x00, 0x03)):
            self.spi(0xC0)
            self.env.kernel.now += 10
            self.spi(0x02, 0x60, bukt)
            self.go()
            for _ in range(2):
                self.wire.give(0, 0, b"")  # masks and filters are 0
            self.assertEqual(self.spi(0x03, 0x2C, 0, 0)[2:], bytes((full, eflg)))

    def test_int_is_low_while_an_enabled_flag_is_set(self):
        self.spi(0x02, 0x60, 0x60)
        self.go()
        self.wire.give(0, 1, b"")
        self.assertEqual(self.env.wire(15).level, 1)
        self.spi(0x02, 0x2B, 0x01)
        self.assertEqual(self.env.wire(15).level, 0)
        self.assertEqual(self.spi(0x03, 0x0E, 0)[2], 0x0C)  # ICOD: RXB0
        self.spi(0x05, 0x2C, 0x01, 0x00)
        self.assertEqual(self.env.wire(15).level, 1)

    def test_configuration_mode_waits_for_what_is_to_be_sent_unless_that_is_aborted(self):
        self.go()
        self.spi(0x40, 0x10, 0, 0, 0, 0)
        self.spi(0x81)
        self.spi(0x02, 0x0F, 0x80)
        self.assertEqual(self.spi(0x03, 0x0E, 0)[2] & 0xE0, 0x00)
        self.spi(0x02, 0x0F, 0x90)
        self.wire.look()
        self.assertEqual(self.spi(0x03, 0x0E, 0)[2] & 0xE0, 0x80)
        self.assertEqual(self.spi(0x03, 0x30, 0)[2], 0x40)  # ABTF

    def test_it_comes_back_from_bus_off_by_itself(self):
        self.go()
        self.wire.errors(0, 256, 0, 4)
        self.assertEqual(self.spi(0x03, 0x2D, 0)[2], 0x35)  # TXBO TXEP TXWAR EWARN
        self.env.at(self.env.now() + 2_900, lambda: None)
        self.env.kernel.sleep_until(self.env.now() + 2_900)  # 128 x 11 bits at 500 kbit/s are 2,816 us
        self.assertEqual(self.spi(0x03, 0x2D, 0)[2], 0)


class QuietSpi:
    """The chip's registers without anything that allocates: frames are always there, what is sent is gone at once."""

    def __init__(self):
        self.registers = bytearray(0x80)
        self.registers[0x0E] = 0x80
        self.registers[0x0F] = 0x87
        self.frames = 0
        self.command = 0

    def write(self, out):
        command = out[0]
        if command == 0x02:
            at = out[1]
            for k in range(2, len(out)):
                self.registers[at + k - 2] = out[k]
            if at == 0x0F:
                self.registers[0x0E] = self.registers[0x2E] = out[2] & 0xE0
                self.registers[0x2F] = out[2]
            elif at & 0x0F == 0 and 0x30 <= at < 0x60 and out[2] & 8:
                self.registers[at] = 0
                self.registers[0x2C] |= 4 << (at >> 4) - 3
        elif command == 0x05:
            self.registers[out[1]] = self.registers[out[1]] & ~out[2] | out[3] & out[2]

    def write_readinto(self, out, into):
        command = out[0]
        if command == 0x03:
            at = out[1]
            for k in range(2, len(out)):
                into[k] = self.registers[at + k - 2]
        else:
            into[1], into[2], into[3], into[4], into[5], into[6] = 0x24, 0x68, 1, 2, 8, 7
            self.frames -= 1
            if not self.frames:
                self.registers[0x2C] &= 0xFC

    def give(self, frames):
        self.frames = frames
        self.registers[0x2C] |= 1


class QuietPin:
    def __init__(self, spi=None):
        self.spi = spi
        self.edge = None

    def __call__(self, level):
        pass

    def value(self):
        return 0 if self.spi.registers[0x2C] & self.spi.registers[0x2B] else 1

    def irq(self, handler, trigger=0, hard=False):
        self.edge = handler


class NoAllocation(unittest.TestCase):
    def test_interrupts_frames_and_sending_allocate_nothing(self):
        spi = QuietSpi()
        pin = QuietPin(spi)
        can = MCP2515(spi, QuietPin(), pin, 500_000)
        can.set_filters(None)
        frame = [0, memoryview(bytearray(8)), 0, 0]
        data = bytes(8)
        counts = [0, 0]
        irq = can.irq()

        def handler(can):
            flags = irq.flags()
            while flags:
                if flags & 1:
                    counts[1] += 1
                flags = irq.flags()
            while can.recv(frame) is not None:
                counts[0] += 1

        can.irq(handler, trigger=11, hard=True)
        counters = [0] * 8
        spi.give(1)
        pin.edge(pin)
        gc.collect()
        micropython.heap_lock()
        try:
            for _ in range(50):
                spi.give(2)
                pin.edge(pin)
                can.send(0x1FFFFFF0, data, 2)
                can.send(0x123, data)
                pin.edge(pin)
                can.state()
                can.get_counters(counters)
        finally:
            micropython.heap_unlock()
        self.assertEqual(counts, [101, 100])
        self.assertEqual((frame[0], bytes(frame[1][:1]), frame[2]), (0x24 << 21 | 3 << 18 | 1 << 8 | 2, b"\x07", 2))


class Crystal(unittest.TestCase):
    def test_a_board_with_8_mhz_meets_one_with_16(self):
        env = twin.bench()
        wire = CanWire(env)
        spi = machine.SPI(0)
        cans = []
        for number, crystal in ((0, 8 * MHZ), (1, 16 * MHZ)):
            env.spi(0, 10 + number, Model(env, number, 20 + number, crystal))
            select = machine.Pin(10 + number, machine.Pin.OUT, value=1)
            cans.append(MCP2515(spi, select, machine.Pin(20 + number, machine.Pin.IN), 500_000, crystal))
            cans[number].set_filters(None)
        wire.look()
        self.assertEqual(wire.bitrates, {0: 500_000, 1: 500_000})
        cans[0].send(0x42, b"hello")
        wire.run()
        self.assertEqual(bytes(cans[1].recv()[1]), b"hello")
        with self.assertRaises(ValueError):
            cans[0].init(1_000_000)


if __name__ == "__main__":
    unittest.main()
