import unittest

import twin
from dragonet.flatsat.devices.lsm6dsox import LSM6DSOX as Model
from drivers.lsm6dsox import LSM6DSOX, SETTLE_MS
from machine import I2C


def wait(env, ms):
    env.kernel.sleep_until(env.now() + ms * 1000)


def get(model, register, count=1):
    buf = bytearray(count)
    model.write(bytes((register,)))
    model.readinto(buf)
    return bytes(buf)


class Driver(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench(world=[10.0, -0.5, 0.0], seed=1)
        self.env.noise = lambda: 0.0
        self.model = self.env.i2c(0, 0x6A, Model(self.env, (0, 1, 2)))
        self.gyroscope = LSM6DSOX(I2C(0), 0x6A)
        self.rates = [0, 0, 0]

    def measure(self):
        wait(self.env, SETTLE_MS)
        self.gyroscope.read(self.rates)
        return self.rates

    def start(self):
        with self.assertRaises(OSError):
            self.gyroscope.read(self.rates)

    def test_reads_millidegrees_a_second_about_three_axes(self):
        self.start()
        for got, mdps in zip(self.measure(), (10_000, -500, 0)):
            self.assertAlmostEqual(got, mdps, delta=3)

    def test_shows_the_end_of_its_range_beyond_it(self):
        self.start()
        self.env.world[0] = 300.0
        self.env.world[1] = -300.0
        rates = self.measure()
        self.assertEqual((rates[0], rates[1]), (143_356, -143_360))

    def test_has_nothing_new_before_the_next_sample(self):
        self.start()
        self.measure()
        self.start()
        self.measure()

    def test_waits_until_the_gyroscope_has_woken(self):
        self.start()
        wait(self.env, 60)
        self.start()

    def test_configures_a_part_that_lost_its_settings_again(self):
        self.start()
        self.measure()
        self.model.power_on()
        wait(self.env, 1000)
        self.start()
        self.start()
        self.assertAlmostEqual(self.measure()[0], 10_000, delta=3)

    def test_finds_a_flipped_full_scale(self):
        self.start()
        self.measure()
        self.model.write(b"\x11\x2c")
        for _ in range(64):
            wait(self.env, SETTLE_MS)
            try:
                self.gyroscope.read(self.rates)
            except OSError:
                pass
        self.assertEqual(get(self.model, 0x11), b"\x22")

    def test_refuses_another_part(self):
        self.model._registers[0x0F] = 0x6B
        with self.assertRaises(ValueError):
            self.gyroscope.read(self.rates)

    def test_reports_a_dead_part(self):
        self.model.dead = True
        with self.assertRaises(OSError):
            self.gyroscope.read(self.rates)


class Part(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench(world=[1.0, 0.0, 0.0, 35.0], seed=1)
        self.model = Model(self.env, (0, 1, 2), 3)

    def test_wakes_switched_off_with_its_identity(self):
        self.assertEqual(get(self.model, 0x0F), b"\x6c")
        self.assertEqual(get(self.model, 0x10, 3), b"\x00\x00\x04")
        wait(self.env, 1000)
        self.assertEqual(get(self.model, 0x1E), b"\x00")

    def test_shows_its_temperature(self):
        self.model.write(b"\x11\x10")
        wait(self.env, 200)
        self.assertEqual(get(self.model, 0x20, 2), b"\x00\x0a")

    def test_does_not_step_without_address_increment(self):
        self.model.write(b"\x12\x00")
        self.assertEqual(get(self.model, 0x0F, 2), b"\x6c\x6c")

    def test_noise_has_the_density_of_the_data_sheet(self):
        self.model.write(b"\x11\x22")
        wait(self.env, SETTLE_MS)
        total = 0
        for _ in range(400):
            wait(self.env, 50)
            raw = get(self.model, 0x22, 2)
            error = (raw[1] << 8 | raw[0]) * 4.375 - 1000
            total += error * error
        self.assertAlmostEqual((total / 400) ** 0.5, 3.8 * 12.5 ** 0.5, delta=2)
