# The FRAM driver against the memory's register-level model, on the virtual board's I2C.
import unittest

import machine
import twin
from core.record import Record
from dragonet.flatsat.devices import fram as model
from drivers.fram import FRAM, SIZE


class Cells:
    """env.persist that loses power after `budget` bytes."""

    def __init__(self, size, fill):
        self.bytes = bytearray([fill] * size)
        self.budget = None

    def read(self, offset, length):
        return bytes(self.bytes[offset : offset + length])

    def write(self, offset, data):
        for k in range(len(data)):
            if self.budget is not None:
                if not self.budget:
                    raise SystemExit("power cut")
                self.budget -= 1
            self.bytes[offset + k] = data[k]


class Stranger:
    """Answers the device ID of no FRAM that we know."""

    def write(self, data):
        pass

    def readinto(self, buf):
        buf[:] = b"\x12\x34\x56"


class Noisy:
    """An I2C whose first reads of registers fail."""

    def __init__(self, i2c, failures):
        self._i2c = i2c
        self._failures = failures
        self.writeto = i2c.writeto
        self.readfrom_into = i2c.readfrom_into

    def readfrom_mem_into(self, address, register, buffer, addrsize):
        if self._failures:
            self._failures -= 1
            raise OSError(5)
        self._i2c.readfrom_mem_into(address, register, buffer, addrsize=addrsize)


def wired():
    env = twin.bench()
    memory = model.attach(env, 0, 0x50)
    return env, memory, FRAM(machine.I2C(0, freq=400_000), 0x50)


class Driver(unittest.TestCase):
    def test_what_is_written_is_read_back(self):
        _, _, fram = wired()
        fram.write(0x1234, b"dragonet")
        buffer = bytearray(10)
        fram.read_into(0x1233, buffer)
        self.assertEqual(bytes(buffer), b"\0dragonet\0")

    def test_one_that_does_not_answer_twice_is_no_dead_one(self):
        for failures, lives in ((0, True), (1, True), (2, True), (3, False)):
            env = twin.bench()
            model.attach(env, 0, 0x50)
            bus = Noisy(machine.I2C(0, freq=400_000), failures)
            try:
                FRAM(bus, 0x50)
                self.assertTrue(lives)
            except OSError:
                self.assertFalse(lives)

    def test_the_last_byte_is_reachable_and_nothing_beyond(self):
        _, _, fram = wired()
        fram.write(SIZE - 1, b"z")
        for address, data in ((SIZE, b"z"), (SIZE - 1, b"zz"), (-1, b"z")):
            with self.assertRaises(ValueError):
                fram.write(address, data)
            with self.assertRaises(ValueError):
                fram.read_into(address, bytearray(len(data)))

    def test_the_identity_is_the_datasheets(self):
        _, _, fram = wired()
        self.assertEqual(fram.identity, 0x00A510)

    def test_a_bus_that_refuses_reserved_targets_is_tolerated(self):
        env = twin.bench()
        env.i2c(0, 0x50, model.FRAM(env))
        self.assertIsNone(FRAM(machine.I2C(0, freq=400_000), 0x50).identity)

    def test_an_absent_memory_raises(self):
        twin.bench()
        with self.assertRaises(OSError):
            FRAM(machine.I2C(0, freq=400_000), 0x50)

    def test_another_part_is_refused(self):
        env = twin.bench()
        env.i2c(0, 0x50, model.FRAM(env))
        env.i2c(0, model.RESERVED, Stranger())
        with self.assertRaises(ValueError):
            FRAM(machine.I2C(0, freq=400_000), 0x50)


class Model(unittest.TestCase):
    def test_addresses_roll_over_at_the_end(self):
        memory = model.FRAM(twin.bench())
        memory.write(b"\x7f\xffAB")
        buffer = bytearray(2)
        memory.write(b"\x7f\xff")
        memory.readinto(buffer)
        self.assertEqual(bytes(buffer), b"AB")
        memory.write(b"\x00\x00")
        memory.readinto(buffer)
        self.assertEqual(bytes(buffer), b"B\0")

    def test_a_current_address_read_goes_on_where_the_last_access_ended(self):
        memory = model.FRAM(twin.bench())
        memory.write(b"\x00\x10abc")
        memory.write(b"\x00\x10")
        one = bytearray(1)
        seen = b""
        for _ in range(3):
            memory.readinto(one)
            seen += bytes(one)
        self.assertEqual(seen, b"abc")

    def test_the_identity_answers_for_its_own_address_only(self):
        identity = model.Identity(0x50)
        with self.assertRaises(OSError):
            identity.write(b"\xa2")
        with self.assertRaises(OSError):
            identity.readinto(bytearray(3))
        identity.write(b"\xa0")
        buffer = bytearray(4)
        identity.readinto(buffer)
        self.assertEqual(bytes(buffer), b"\x00\xa5\x10\x00")


class Cuts(unittest.TestCase):
    def test_a_record_survives_a_cut_after_every_byte_on_the_bus(self):
        for cut in range(9 + 12):
            env = twin.bench()
            cells = Cells(32768, 0)
            env.persist = lambda name, size, fill, cells=cells: cells
            model.attach(env, 0, 0x50)
            record = Record(FRAM(machine.I2C(0, freq=400_000), 0x50), 0x40, 9)
            record.load()
            record.data[:] = b"old value"
            self.assertTrue(record.save())
            cells.budget = cut
            record.data[:] = b"new value"
            with self.assertRaises(SystemExit):
                record.save()
            cells.budget = None
            again = Record(FRAM(machine.I2C(0, freq=400_000), 0x50), 0x40, 9)
            self.assertTrue(again.load())
            self.assertIn(bytes(again.data), (b"old value", b"new value"))
