# The radio chip's model against its datasheet, and the driver against the model, healthy and failing.
import asyncio
import unittest

import machine
import twin
from beacon_ear import transmissions
from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.sx1278 import SX1278 as Model
from drivers.sx1278 import SX1278, Modulation
from machine import Pin

CS, RESET, DIO0, DIO1, DIO2 = 17, 6, 7, 2, 3
FSK = Modulation(13200, 3000)
OOK = Modulation(1200)


class Source:
    """Bytes 0, 1, 2 ... `size` of them; broken: raises instead of giving byte number `broken`."""

    def __init__(self, size, broken=None):
        self.size = size
        self.broken = broken
        self.at = 0

    def fill(self, buffer):
        made = 0
        while made < len(buffer) and self.at < self.size:
            if self.at == self.broken:
                raise ValueError("broken source")
            buffer[made] = self.at & 0xFF
            self.at += 1
            made += 1
        return made


def counting(size):
    return bytes([k & 0xFF for k in range(size)])


class Bench(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench(seed=1)
        self.model = self.env.spi(0, CS, Model(self.env, RESET, DIO0, DIO1, DIO2))
        self.spi = machine.SPI(0, 4_000_000)
        self.cs = Pin(CS, Pin.OUT, value=1)
        self.reset = Pin(RESET, Pin.OUT, value=1)

    def wait(self, us):
        self.env.kernel.sleep_until(self.env.now() + us)

    def put(self, register, *values):
        self.cs(0)
        self.spi.write(bytes((0x80 | register,) + values))
        self.cs(1)

    def get(self, register, count=1):
        out = bytearray(count + 1)
        into = bytearray(count + 1)
        out[0] = register
        self.cs(0)
        self.spi.write_readinto(out, into)
        self.cs(1)
        return bytes(into[1:])

    def level(self, dio):
        return self.env.wire(dio).level

    def sent(self):
        return transmissions(self.env.emitted)


class Chip(Bench):
    def setUp(self):
        super().setUp()
        self.wait(10_000)

    def unlimited(self, ook=False):
        """1,200 bit/s: a byte each 6,667 us. Starts when not empty, FifoLevel above 31."""
        self.put(0x01, 0x28 if ook else 0x08)
        self.put(0x01, 0x29 if ook else 0x09)
        self.put(0x02, 0x68, 0x2B, 0x00, 0x31)
        self.put(0x25, 0, 0, 0)
        self.put(0x30, 0x00, 0x40, 0x00)
        self.put(0x35, 0x9F)
        self.put(0x5D, 0x00)

    def test_wakes_with_the_datasheets_register_values(self):
        self.assertEqual(self.get(0x01, 10), b"\x09\x1a\x0b\x00\x52\x6c\x80\x00\x4f\x09")
        self.assertEqual(self.get(0x42), b"\x12")
        self.assertEqual(self.get(0x35), b"\x0f")
        self.assertEqual(self.get(0x3F), b"\x40")

    def test_addresses_go_up_by_themselves_and_the_version_cannot_be_written(self):
        self.put(0x06, 1, 2, 3)
        self.assertEqual(self.get(0x05, 4), b"\x52\x01\x02\x03")
        self.put(0x42, 0)
        self.assertEqual(self.get(0x42), b"\x12")

    def test_does_not_answer_for_10_ms_after_power_and_5_after_a_reset(self):
        self.put(0x06, 1)
        self.reset(0)
        self.wait(200)
        self.assertEqual(self.get(0x42), b"\x00")
        self.reset(1)
        self.wait(4_000)
        self.assertEqual(self.get(0x42), b"\x00")
        self.wait(1_100)
        self.assertEqual(self.get(0x42), b"\x12")
        self.assertEqual(self.get(0x06), b"\x6c")

    def test_flags_follow_the_fifo_and_the_65th_byte_is_lost(self):
        self.put(0x35, 0x9F)
        self.put(0x00, *counting(31))
        self.assertEqual((self.get(0x3F), self.level(DIO1)), (b"\x00", 0))
        self.put(0x00, 31)
        self.assertEqual((self.get(0x3F), self.level(DIO1)), (b"\x20", 1))
        self.put(0x00, *counting(32))
        self.assertEqual((self.get(0x3F), self.level(DIO2)), (b"\xa0", 1))
        self.put(0x00, 99)
        self.assertEqual(self.get(0x3F), b"\xb0")
        self.put(0x3F, 0x10)
        self.assertEqual((self.get(0x3F), self.level(DIO1), self.level(DIO2)), (b"\x40", 0, 0))

    def test_the_fifo_empties_at_the_bit_rate_and_tells_when_half_is_left(self):
        self.unlimited()
        self.put(0x00, *counting(64))
        self.put(0x01, 0x0B)
        self.wait(1_000)
        start = self.sent()[0].start_us
        falls = []
        Pin(DIO1, Pin.IN).irq(lambda pin: falls.append(self.env.now()), Pin.IRQ_FALLING)
        self.wait(64 * 6_667 + 1_000)
        # The first byte leaves at once; FifoLevel falls when the 33rd leaves.
        self.assertEqual(len(falls), 1)
        self.assertAlmostEqual(falls[0], start + 32 * 6667, delta=100)
        self.assertEqual(self.get(0x3F)[0] & 0x48, 0x48)
        self.assertEqual(self.level(DIO0), 1)
        self.assertEqual(self.sent()[0].data, counting(64))

    def test_modes_take_their_time(self):
        self.unlimited(ook=True)
        self.put(0x01, 0x28)
        began = self.env.now()
        self.put(0x01, 0x2B)
        self.wait(5_000)
        # oscillator 250, synthesizer 60, transmitter 5 us and half a bit
        self.assertAlmostEqual(self.sent()[0].start_us - began, 250 + 60 + 5 + 416, delta=30)

    def test_preamble_and_sync_word_go_before_the_data(self):
        self.unlimited()
        self.put(0x25, 0, 3, 0x11, 0xC1, 0xA7)
        self.put(0x00, 0x5A)
        self.put(0x01, 0x0B)
        self.wait(100_000)
        self.assertEqual(self.sent()[0].data, b"\xaa\xaa\xaa\xc1\xa7\x5a")

    def test_leaving_transmit_mode_ends_the_carrier_and_clears_the_fifo(self):
        self.unlimited()
        self.put(0x00, *counting(64))
        self.put(0x01, 0x0B)
        self.wait(20_000)
        self.put(0x01, 0x09)
        self.assertEqual(self.get(0x3F), b"\x40")
        sent = self.sent()[0]
        self.assertEqual(sent.data, b"\x00\x01\x02")
        self.assertAlmostEqual(sent.seconds, 0.0195, delta=0.002)

    def test_an_empty_fifo_leaves_a_gap_and_goes_on_with_what_comes(self):
        self.unlimited()
        self.put(0x00, 1, 2)
        self.put(0x01, 0x0B)
        self.wait(50_000)
        self.put(0x00, 3)
        self.wait(50_000)
        self.put(0x01, 0x09)
        self.assertEqual(self.sent()[0].data, b"\x01\x02\x03")

    def test_a_mode_that_is_not_modelled_is_a_carrier_without_data(self):
        self.unlimited()
        self.put(0x32, 20)
        self.put(0x00, 1, 2, 3)
        self.put(0x01, 0x0B)
        self.wait(50_000)
        self.put(0x01, 0x09)
        self.assertEqual(self.sent()[0].data, b"")


class Driver(Bench):
    def setUp(self):
        super().setUp()
        self.radio = self.make()
        self.checks = 0

    def make(self, **settings):
        settings.setdefault("frequency_hz", 437_365_000)
        return SX1278(self.spi, self.cs, self.reset, Pin(DIO1, Pin.IN), **settings)

    def checkin(self):
        self.checks += 1

    def transmit(self, source, modulation=FSK, limit_ms=20_000, meanwhile=None):
        async def main():
            task = asyncio.create_task(self.radio.transmit(source, modulation, limit_ms, self.checkin))
            if meanwhile is not None:
                await meanwhile(task)
            return await task

        return asyncio.run(main())

    def counters(self):
        radio = self.radio
        return radio.transmissions, radio.underruns, radio.stalls, radio.overtimes, radio.failures

    def assertSilent(self):
        self.assertEqual(self.model.registers[1] & 7, 0)
        self.assertIsNotNone(self.sent()[-1].stop_us)

    def test_every_byte_goes_out_in_order_whatever_the_length(self):
        for size in (1, 2, 31, 32, 33, 63, 64, 65, 95, 96, 97, 128, 1000):
            self.assertTrue(self.transmit(Source(size)))
            self.assertEqual(self.sent()[-1].data, counting(size))
            self.assertSilent()
        self.assertEqual(self.counters(), (13, 0, 0, 0, 0))

    def test_nothing_to_send_ends_at_once(self):
        self.assertTrue(self.transmit(Source(0)))
        self.assertSilent()

    def test_tells_the_chip_what_the_datasheet_wants(self):
        self.transmit(Source(8), FSK)
        registers = self.sent()[-1].registers
        self.assertEqual(registers[0x01 - 1], 0x0B)
        self.assertEqual(registers[0x02 - 1 : 0x06 - 1], b"\x09\x78\x00\x31")  # 2424 4/16; 49 steps = 2,991 Hz
        self.assertEqual(registers[0x5D - 1] & 15, 4)
        self.assertEqual(registers[0x06 - 1 : 0x09 - 1], b"\x6d\x57\x5c")  # 437.365 MHz
        self.assertEqual(registers[0x09 - 1], 0xFF)  # PA_BOOST, 17 dBm
        self.assertEqual(registers[0x4D - 1], 0x84)
        self.transmit(Source(8), OOK)
        registers = self.sent()[-1].registers
        self.assertEqual(registers[0x01 - 1], 0x2B)
        self.assertEqual(registers[0x02 - 1 : 0x04 - 1], b"\x68\x2b")  # 26,667: 1,200 bit/s
        self.assertEqual(registers[0x25 - 1 : 0x28 - 1], b"\x00\x00\x00")
        self.assertEqual(registers[0x30 - 1 : 0x33 - 1], b"\x00\x40\x00")

    def test_the_carrier_ends_soon_after_the_last_bit(self):
        for modulation, size, seconds in ((FSK, 1000, 8000 / 13200), (OOK, 100, 800 / 1200)):
            self.transmit(Source(size), modulation)
            self.assertAlmostEqual(self.sent()[-1].seconds, seconds + 0.05, delta=0.051 if modulation is FSK else 0.25)

    def test_power_is_held_to_what_the_chip_may_do_all_the_time(self):
        for asked, written in ((30, 0xFF), (17, 0xFF), (10, 0xF8), (2, 0xF0), (-5, 0xF0)):
            self.radio = self.make(power_dbm=asked)
            self.transmit(Source(4))
            self.assertEqual(self.sent()[-1].registers[0x09 - 1], written)

    def test_refuses_a_frequency_that_the_chip_does_not_reach(self):
        for hertz in (0, 144_000_000, 868_000_000):
            with self.assertRaises(ValueError):
                self.make(frequency_hz=hertz)

    def test_refuses_a_modulation_outside_of_the_datasheet(self):
        for settings in ((1199,), (40_000,), (300_001, 3000), (1200, 599), (1200, 200_001)):
            with self.assertRaises(ValueError):
                Modulation(*settings)

    def test_lets_its_task_check_in_while_it_sends(self):
        self.transmit(Source(600), OOK)
        self.assertGreater(self.checks, 15)

    def test_ends_a_source_that_never_ends(self):
        self.assertFalse(self.transmit(Source(1 << 30), FSK, limit_ms=2_000))
        self.assertSilent()
        self.assertAlmostEqual(self.sent()[-1].seconds, 2.0, delta=0.15)
        self.assertEqual(self.counters(), (0, 0, 0, 1, 0))

    def test_a_source_that_breaks_leaves_the_transmitter_off(self):
        self.assertFalse(self.transmit(Source(500, broken=200)))
        self.assertSilent()
        self.assertTrue(self.transmit(Source(50)))

    def test_a_cancelled_transmission_leaves_the_transmitter_off(self):
        async def cancel(task):
            await asyncio.sleep_ms(150)
            task.cancel()

        with self.assertRaises(asyncio.CancelledError):
            self.transmit(Source(100_000), meanwhile=cancel)
        self.assertSilent()
        self.assertTrue(self.transmit(Source(50)))

    def test_an_underrun_is_seen_counted_and_ends_the_transmission(self):
        async def hog(task):
            await asyncio.sleep_ms(55)
            state = machine.disable_irq()  # as a flash erase does
            self.env.kernel.now += 60_000
            machine.enable_irq(state)

        self.assertFalse(self.transmit(Source(5000), meanwhile=hog))
        self.assertSilent()
        self.assertEqual(self.counters(), (0, 1, 0, 0, 0))
        self.assertTrue(self.transmit(Source(5000)))

    def test_other_work_on_the_board_does_not_disturb_it(self):
        async def work(task):
            for _ in range(40):
                self.env.kernel.charge(15_000)  # soft interrupts still come
                await asyncio.sleep_ms(1)

        self.assertTrue(self.transmit(Source(1300), meanwhile=work))
        self.assertEqual(self.sent()[-1].data, counting(1300))

    def test_a_chip_that_loses_its_registers_is_noticed_and_set_up_again(self):
        async def upset(task):
            await asyncio.sleep_ms(170)
            self.model.power_on_reset()

        self.assertFalse(self.transmit(Source(5000), meanwhile=upset))
        self.assertSilent()
        self.assertEqual(self.counters(), (0, 0, 1, 0, 0))
        self.assertTrue(self.transmit(Source(200)))
        self.assertEqual(self.sent()[-1].data, counting(200))

    def test_a_flipped_register_is_put_right_before_each_transmission(self):
        for register in (0x02, 0x06, 0x09, 0x25, 0x27, 0x30, 0x32, 0x35, 0x40):
            self.model.registers[register] ^= 0x11
            self.assertTrue(self.transmit(Source(100)))
            self.assertEqual(self.sent()[-1].data, counting(100))

    def test_a_chip_that_does_not_answer_is_reset_counted_and_given_up_for_now(self):
        answer = self.model.transfer
        self.model.transfer = lambda out, into: None
        before = self.radio.resets
        self.assertFalse(self.transmit(Source(100)))
        self.assertGreater(self.radio.resets, before)
        self.assertEqual(self.counters(), (0, 0, 0, 0, 1))
        self.model.transfer = answer
        self.assertTrue(self.transmit(Source(100)))

    def test_a_register_that_cannot_be_written_is_a_failure(self):
        write = self.model._write
        self.model._write = lambda register, value: None if register == 0x09 else write(register, value)
        self.assertFalse(self.transmit(Source(100)))
        self.assertEqual(self.counters(), (0, 0, 0, 0, 1))
        self.assertEqual(self.sent(), [])

    def test_a_transmitter_that_does_not_stop_by_command_is_stopped_by_its_reset_pin(self):
        mode = self.model._mode

        def stuck(value):
            if self.model.registers[1] & 7 == 3 and value & 7 != 3:
                return
            mode(value)

        self.model._mode = stuck
        self.transmit(Source(100))
        self.assertIsNotNone(self.sent()[-1].stop_us)
        self.assertEqual(self.model.registers[1] & 7, 1)

    def test_a_missed_edge_is_made_good(self):
        wire = self.env.wire(DIO1)
        edge = wire.pin_irq
        lost = []

        def sometimes(level):
            if not level and not lost:
                lost.append(level)
            else:
                edge(level)

        wire.pin_irq = sometimes
        self.assertTrue(self.transmit(Source(100), OOK))
        self.assertEqual(self.sent()[-1].data, counting(100))
        self.assertEqual(lost, [0])

    def test_one_transmission_at_a_time(self):
        async def second(task):
            await asyncio.sleep_ms(50)
            self.assertFalse(await self.radio.transmit(Source(10), FSK, 1000))

        self.assertTrue(self.transmit(Source(1000), meanwhile=second))
        self.assertEqual(len(self.sent()), 1)
        self.assertEqual(self.sent()[0].data, counting(1000))

    def test_a_board_that_restarts_silences_a_chip_that_was_left_on(self):
        self.transmit(Source(1))
        self.put(0x01, 0x09)
        self.put(0x00, 1)
        self.put(0x01, 0x0B)
        self.wait(10_000)
        self.assertIsNone(self.sent()[-1].stop_us)
        self.make()
        self.assertIsNotNone(self.sent()[-1].stop_us)

    def test_what_the_hub_is_told_costs_one_record_for_half_a_fifo(self):
        self.transmit(Source(3200))
        count = len([1 for _, kind, _ in self.env.emitted if kind == records.RADIO])
        self.assertLess(count, 3200 // 32 + 8)
