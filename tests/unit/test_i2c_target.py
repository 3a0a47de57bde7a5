# machine.I2CTarget of the virtual board against MicroPython's documentation and its rp2 port: a board whose I2C 1 and
# peripheral 2 lie on the same wires talks to itself.
import sys
import unittest

import machine
import time
import twin
from machine import I2C, I2CTarget

ADDRESS = 0x43
MATCH_READ, MATCH_WRITE, READ_REQ, WRITE_REQ, END_READ, END_WRITE = 1, 2, 4, 8, 16, 32
EIO, ETIMEDOUT = 5, 110


def errno(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.args[0]
    return 0


class Wired(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench()
        self.env.join_i2c((1, 2))
        self.i2c = I2C(1, freq=400_000)


class Memory(Wired):
    def setUp(self):
        super().setUp()
        self.mem = bytearray(b"01234567")
        self.target = I2CTarget(2, ADDRESS, mem=self.mem)

    def test_it_alone_answers_a_scan(self):
        self.assertEqual(self.i2c.scan(), [ADDRESS])
        self.assertEqual(errno(self.i2c.writeto, ADDRESS + 1, b"x"), EIO)
        self.assertEqual(errno(self.i2c.readfrom, ADDRESS + 1, 1), EIO)

    def test_a_controller_reads_and_writes_it_by_address(self):
        self.i2c.writeto_mem(ADDRESS, 4, b"TEST")
        self.assertEqual(self.mem, bytearray(b"0123TEST"))
        self.assertEqual(self.i2c.readfrom_mem(ADDRESS, 2, 4), b"23TE")
        self.mem[3] = 0x21
        self.assertEqual(self.i2c.readfrom_mem(ADDRESS, 2, 2), b"2!")

    def test_it_wraps_at_its_end(self):
        self.i2c.writeto_mem(ADDRESS, 6, b"test")
        self.assertEqual(self.mem, bytearray(b"st2345te"))
        self.assertEqual(self.i2c.readfrom_mem(ADDRESS, 6, 4), b"test")
        self.assertEqual(self.i2c.readfrom_mem(ADDRESS, 0x0B, 2), b"34")

    def test_its_address_has_the_bytes_it_was_given(self):
        for size, address in ((16, 0x0102), (24, 0x010203), (32, 0x01020304)):
            mem = bytearray(range(256))
            target = I2CTarget(2, ADDRESS, mem=mem, mem_addrsize=size)
            self.assertEqual(self.i2c.readfrom_mem(ADDRESS, address, 3, addrsize=size)[0], address & 0xFF)
            self.assertEqual(target.memaddr, address & 0xFF)
            self.i2c.writeto_mem(ADDRESS, 0x10, b"ab", addrsize=size)
            self.assertEqual(mem[0x0F:0x13], b"\x0fab\x12")

    def test_without_address_bytes_a_write_begins_at_zero(self):
        I2CTarget(2, ADDRESS, mem=self.mem, mem_addrsize=0)
        self.i2c.writeto(ADDRESS, b"ab")
        self.i2c.writeto(ADDRESS, b"c")
        self.assertEqual(self.mem, bytearray(b"cb234567"))
        self.assertEqual(self.i2c.readfrom(ADDRESS, 2), b"b2")

    def test_soft_handlers_hear_the_ends_and_where_they_began(self):
        heard = []
        self.target.irq(lambda target: heard.append((target.irq().flags(), target.memaddr)))
        self.i2c.writeto_mem(ADDRESS, 5, b"xy")
        time.sleep_ms(1)
        self.i2c.readfrom_mem(ADDRESS, 3, 1)  # the write of the address says nothing
        time.sleep_ms(1)
        self.assertEqual(heard, [(END_WRITE, 5), (END_READ, 3)])

    def test_a_handler_that_raises_is_not_called_again(self):
        heard = bytearray(1)

        def bad(target):
            heard[0] += 1
            raise ValueError("expected: a handler that raises")

        self.target.irq(bad, END_WRITE, True)
        self.i2c.writeto_mem(ADDRESS, 5, b"x")
        self.i2c.writeto_mem(ADDRESS, 5, b"y")
        self.assertEqual(heard[0], 1)
        self.assertEqual(self.mem[5], 0x79)

    def test_what_cannot_be_is_refused(self):
        for settings in (
            {"mem": bytearray(8), "mem_addrsize": 12}, {"mem": bytearray(8), "mem_addrsize": 40},
            {"mem": bytearray()}, {"addrsize": 8}, {"addr": 0x80}, {"addr": 0x400, "addrsize": 10},
            {"id": 4}, {"id": -1},
        ):
            with self.assertRaises(ValueError):
                I2CTarget(settings.pop("id", 2), settings.pop("addr", ADDRESS), **settings)
        with self.assertRaises(TypeError):
            I2CTarget(2, ADDRESS, mem=b"read only")

    def test_a_deinitialised_target_is_gone(self):
        self.target.deinit()
        self.assertEqual(self.i2c.scan(), [])
        self.target.deinit()
        I2CTarget(2, 0x21, mem=self.mem)
        self.assertEqual(self.i2c.scan(), [0x21])

    def test_an_address_of_ten_bits_is_not_called_by_one_of_seven(self):
        I2CTarget(2, 0x243, addrsize=10, mem=self.mem)
        self.assertEqual(self.i2c.scan(), [])


class Raw(Wired):
    def setUp(self):
        super().setUp()
        self.target = I2CTarget(2, ADDRESS)
        self.events = bytearray(256)
        self.count = 0
        self.byte = bytearray(1)
        self.irq = self.target.irq(self.on_event, 63, hard=True)

    def on_event(self, target):
        flags = self.irq.flags()
        self.note(flags)
        if flags & READ_REQ:
            target.write(b"Y")
        if flags & WRITE_REQ:
            target.readinto(self.byte)
            self.note(self.byte[0])

    def note(self, value):
        self.events[self.count] = value
        self.count += 1

    def heard(self):
        count, self.count = self.count, 0
        return list(self.events[:count])

    def test_a_scan_is_an_address_and_an_end(self):
        self.assertEqual(self.i2c.scan(), [ADDRESS])
        self.assertEqual(self.heard(), [MATCH_WRITE, END_WRITE])

    def test_each_byte_written_is_an_event(self):
        self.assertEqual(self.i2c.writeto(ADDRESS, b"AB"), 2)
        self.assertEqual(self.heard(), [MATCH_WRITE, WRITE_REQ, 0x41, WRITE_REQ, 0x42, END_WRITE])

    def test_a_read_asks_for_each_byte_and_once_more(self):
        self.assertEqual(self.i2c.readfrom(ADDRESS, 2), b"YY")
        self.assertEqual(self.heard(), [MATCH_READ, READ_REQ, READ_REQ, READ_REQ, END_READ])

    def test_a_repeated_start_ends_the_write(self):
        self.i2c.writeto(ADDRESS, b"A", False)
        self.assertEqual(self.heard(), [MATCH_WRITE, WRITE_REQ, 0x41])
        self.i2c.readfrom(ADDRESS, 1)
        self.assertEqual(self.heard(), [END_WRITE, MATCH_READ, READ_REQ, READ_REQ, END_READ])

    def test_only_the_events_asked_for_come(self):
        self.irq.trigger(END_WRITE)
        self.i2c.writeto(ADDRESS, b"lost: nobody takes these bytes, the peripheral throws them away")
        self.i2c.readfrom(ADDRESS, 3)
        self.assertEqual(self.heard(), [END_WRITE])
        self.assertEqual(self.irq.trigger(), END_WRITE)

    def test_nobody_to_answer_reads_as_zero(self):
        self.target.irq(None)
        self.assertEqual(self.i2c.readfrom(ADDRESS, 3), bytes(3))

    def test_what_has_to_be_answered_at_once_wants_a_hard_handler(self):
        for event in (MATCH_READ, MATCH_WRITE, READ_REQ, WRITE_REQ):
            with self.assertRaises(ValueError):
                self.target.irq(self.on_event, event | END_WRITE)
        self.target.irq(self.on_event, END_READ | END_WRITE)

    def test_a_hard_handler_cannot_allocate(self):
        filled = []

        def greedy(target):
            filled.append(bytearray(1000))

        self.target.irq(greedy, END_WRITE, True)
        self.i2c.writeto(ADDRESS, b"A")
        self.assertEqual(len(filled), 0 if sys.implementation.name == "micropython" else 1)

    def test_a_hard_handler_that_reads_nothing_holds_the_clock_when_the_fifo_is_full(self):
        self.target.irq(lambda target: None, WRITE_REQ, True)
        self.assertEqual(self.i2c.writeto(ADDRESS, bytes(range(16))), 16)
        began = time.ticks_us()
        self.assertEqual(errno(self.i2c.writeto, ADDRESS, b"x"), ETIMEDOUT)
        self.assertAlmostEqual(time.ticks_diff(time.ticks_us(), began), 50_000, delta=500)
        waiting = bytearray(20)
        self.assertEqual(self.target.readinto(waiting), 16)
        self.assertEqual(bytes(waiting[:16]), bytes(range(16)))
        self.assertEqual(self.target.readinto(waiting), 0)

    def test_a_byte_read_late_announces_the_next_and_the_end_comes_when_all_are_read(self):
        self.target.irq(lambda target: self.note(target.irq().flags()), WRITE_REQ | END_WRITE, True)
        self.i2c.writeto(ADDRESS, b"AB")
        self.assertEqual(self.heard(), [WRITE_REQ])
        self.target.readinto(self.byte)
        self.assertEqual(self.heard(), [WRITE_REQ])
        self.target.readinto(self.byte)
        self.assertEqual(self.heard(), [END_WRITE])

    def test_a_handler_that_writes_nothing_holds_the_clock_of_a_read(self):
        self.target.irq(lambda target: None, READ_REQ, True)
        self.assertEqual(errno(self.i2c.readfrom, ADDRESS, 1), ETIMEDOUT)

    def test_the_fifo_takes_sixteen_bytes_for_the_controller(self):
        self.target.irq(lambda target: self.note(target.write(b"0123456789abcdefXYZ")), READ_REQ, True)
        self.assertEqual(self.i2c.readfrom(ADDRESS, 18), b"0123456789abcdef01")
        self.assertEqual(self.heard()[:2], [16, 16])

    def test_a_transfer_takes_its_bits_time(self):
        self.target.irq(None)
        for size, freq in ((20, 400_000), (20, 100_000)):
            i2c = I2C(1, freq=freq)
            began = time.ticks_us()
            i2c.writeto(ADDRESS, bytes(size))
            took = time.ticks_diff(time.ticks_us(), began)
            wire = (10 + 9 * size) * 1_000_000 // freq
            self.assertTrue(wire <= took <= wire + 60 + 2 * size + 10)


class OnePeripheral(Wired):
    def test_a_target_clears_the_controller_of_its_peripheral(self):
        self.env.i2c(0, 0x50, Echo())
        i2c = I2C(0)
        self.assertEqual(i2c.scan(), [0x50])
        I2CTarget(0, ADDRESS)
        began = time.ticks_us()
        self.assertEqual(errno(i2c.writeto, 0x50, b"x"), ETIMEDOUT)
        self.assertEqual(errno(i2c.readfrom_mem, 0x50, 0, 1), ETIMEDOUT)
        self.assertTrue(time.ticks_diff(time.ticks_us(), began) >= 100_000)

    def test_a_controller_disables_the_target_of_its_peripheral(self):
        mem = bytearray(4)
        self.assertEqual(I2CTarget(2, ADDRESS, mem=mem).memaddr, 0)
        self.assertEqual(self.i2c.scan(), [ADDRESS])
        other = I2C(2)
        self.assertEqual(self.i2c.scan(), [])
        self.assertEqual(other.scan(), [])

    def test_a_controller_made_again_works_again(self):
        self.env.i2c(0, 0x50, Echo())
        I2CTarget(0, ADDRESS)
        self.assertEqual(I2C(0).readfrom(0x50, 2), b"ee")

    def test_two_peripherals_do_what_one_cannot(self):
        mem = bytearray(4)
        I2CTarget(2, ADDRESS, mem=mem)
        self.i2c.writeto_mem(ADDRESS, 0, b"both")
        self.assertEqual(mem, bytearray(b"both"))

    def test_machine_has_it(self):
        self.assertIs(machine.I2CTarget, I2CTarget)


class Echo:
    def write(self, data):
        pass

    def readinto(self, buf):
        for k in range(len(buf)):
            buf[k] = 0x65
