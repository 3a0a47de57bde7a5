import unittest

import twin
from dragonet.flatsat.devices.rm3100 import RM3100 as Model
from drivers.rm3100 import PERIOD_MS, RM3100
from machine import I2C


def wait(env, ms):
    env.kernel.sleep_until(env.now() + ms * 1000)


def quiet(*field_ut):
    env = twin.bench(world=field_ut, seed=1)
    env.noise = lambda: 0.0
    return env


def get(model, register, count=1):
    buf = bytearray(count)
    model.write(bytes((register,)))
    model.readinto(buf)
    return bytes(buf)


class Driver(unittest.TestCase):
    def setUp(self):
        self.env = quiet(20.0, -45.5, 0.0)
        self.model = self.env.i2c(0, 0x20, Model(self.env, (0, 1, 2)))
        self.magnetometer = RM3100(I2C(0), 0x20)
        self.field = [0, 0, 0]

    def measure(self):
        wait(self.env, PERIOD_MS)
        self.magnetometer.read(self.field)
        return self.field

    def start(self):
        with self.assertRaises(OSError):
            self.magnetometer.read(self.field)

    def test_reads_nanotesla_along_three_axes(self):
        self.start()
        for got, true_nt in zip(self.measure(), (20_000, -45_500, 0)):
            self.assertAlmostEqual(got, true_nt, delta=60)  # 0.1 % of gain and half a count

    def test_follows_the_field_of_the_whole_globe(self):
        self.start()
        for ut in (-65.0, -1.0, 1.0, 65.0):
            self.env.world[2] = ut
            self.assertAlmostEqual(self.measure()[2], ut * 1000, delta=90)

    def test_has_nothing_new_before_the_next_measurement(self):
        self.start()
        self.measure()
        with self.assertRaises(OSError):
            self.magnetometer.read(self.field)
        self.measure()

    def test_configures_a_part_that_lost_its_settings_again(self):
        self.start()
        self.measure()
        self.model.power_on()
        wait(self.env, 1000)
        self.start()
        self.start()
        self.assertAlmostEqual(self.measure()[0], 20_000, delta=60)

    def test_finds_a_flipped_cycle_count(self):
        self.start()
        self.measure()
        self.model.write(b"\x05\x48")
        for _ in range(64):
            wait(self.env, PERIOD_MS)
            try:
                self.magnetometer.read(self.field)
            except OSError:
                pass
        self.assertEqual(get(self.model, 0x05), b"\xc8")
        self.assertAlmostEqual(self.measure()[0], 20_000, delta=60)

    def test_refuses_another_part(self):
        self.model._registers[0x36] = 0x23
        with self.assertRaises(ValueError):
            self.magnetometer.read(self.field)

    def test_reports_a_dead_part(self):
        self.model.dead = True
        with self.assertRaises(OSError):
            self.magnetometer.read(self.field)


class Part(unittest.TestCase):
    def setUp(self):
        self.env = quiet(10.0, 0.0, 0.0)
        self.model = Model(self.env, (0, 1, 2))

    def test_wakes_with_the_values_of_the_manual(self):
        self.assertEqual(get(self.model, 0x04, 6), b"\x00\xc8" * 3)
        self.assertEqual(get(self.model, 0x0B), b"\x96")
        self.assertEqual(get(self.model, 0x34), b"\x00")
        self.assertEqual(get(self.model, 0x36), b"\x22")

    def test_measures_once_when_polled(self):
        self.model.write(b"\x00\x70")
        wait(self.env, 6)
        self.assertEqual(get(self.model, 0x34), b"\x00")
        wait(self.env, 1)
        self.assertEqual(get(self.model, 0x34), b"\x80")
        self.assertEqual(get(self.model, 0x24, 3), b"\x00\x02\xed")  # 10 uT * 74.92
        wait(self.env, 1000)
        self.assertEqual(get(self.model, 0x34), b"\x00")

    def test_noise_shrinks_with_the_cycles(self):
        env = twin.bench(world=[10.0, 0.0, 0.0], seed=3)
        for cycles, nt in ((200, 15), (50, 30)):
            model = Model(env, (0, 1, 2))
            model.write(bytes((0x04, 0, cycles)))
            gain = 0.3671 * cycles + 1.5
            total = 0
            for _ in range(400):
                model.write(b"\x00\x10")
                wait(env, 5)
                error = ((get(model, 0x25, 2)[0] << 8 | get(model, 0x25, 2)[1]) / gain - 10) * 1000
                total += error * error
            sigma = (total / 400) ** 0.5
            quantised = 1000 / gain / 3.46  # a count, evenly spread
            self.assertAlmostEqual(sigma, (nt * nt + quantised * quantised) ** 0.5, delta=nt * 0.15)
