import unittest

import twin
from dragonet.flatsat.devices.ina226 import INA226 as Model
from drivers.ina226 import QUICK_MS, STEADY, STEADY_MS, INA226
from machine import I2C


class Quiet:
    """The bench with a noise of our choice."""

    def __init__(self, volts, amps, noise=0.0):
        self.env = twin.bench(world=[volts, amps], seed=1)
        self.env.noise = lambda: noise


def word(model, register):
    buf = bytearray(2)
    model.write(bytes((register,)))
    model.readinto(buf)
    return buf[0] << 8 | buf[1]


def put(model, register, value):
    model.write(bytes((register, value >> 8, value & 0xFF)))


def wait(env, ms):
    env.kernel.sleep_until(env.now() + ms * 1000)


class Driver(unittest.TestCase):
    def setUp(self):
        self.env = Quiet(7.4, -0.5).env
        self.model = self.env.i2c(0, 0x40, Model(self.env, 0, 1, 20_000))
        self.monitor = INA226(I2C(0), 0x40, shunt_uohm=20_000, lsb_ua=125)

    def settled(self):
        self.monitor.check()
        wait(self.env, QUICK_MS)
        return self.monitor

    def test_reads_volts_and_signed_amperes(self):
        self.settled()
        self.assertEqual(self.monitor.millivolts(), 7400)
        self.assertEqual(self.monitor.milliamps(), -500)
        self.env.world[1] = 1.2345
        wait(self.env, 40)
        self.assertEqual(self.monitor.milliamps(), 1235)  # 9876 bits of 125 uA are 1234.5 mA

    def test_writes_the_configuration_and_calibration_of_the_data_sheet(self):
        self.monitor.check()
        self.assertEqual(word(self.model, 0x00), 0x4527)
        self.assertEqual(word(self.model, 0x05), 2048)  # 0.00512 / (125 uA * 20 mohm)

    def test_a_steady_monitor_averages_most_of_a_second(self):
        monitor = INA226(I2C(0), 0x40, shunt_uohm=20_000, lsb_ua=125, config=STEADY)
        monitor.check()
        wait(self.env, 820)
        self.assertEqual(monitor.millivolts(), 0)
        wait(self.env, STEADY_MS - 820)
        self.assertEqual((monitor.millivolts(), monitor.milliamps()), (7400, -500))
        self.assertTrue(monitor.check())

    def test_says_again_until_the_first_conversion_can_have_ended(self):
        with self.assertRaises(OSError):
            self.monitor.milliamps()
        wait(self.env, QUICK_MS)
        self.assertEqual(self.monitor.milliamps(), -500)

    def test_finds_a_part_that_was_reset_and_configures_it_again(self):
        self.settled()
        self.model.power_on()
        with self.assertRaises(OSError):
            self.monitor.milliamps()
        self.assertEqual(word(self.model, 0x00), 0x4527)
        wait(self.env, QUICK_MS)
        self.assertEqual(self.monitor.milliamps(), -500)
        self.assertTrue(self.monitor.check())

    def test_finds_a_flipped_bit_in_the_configuration(self):
        self.settled()
        put(self.model, 0x00, 0x4525)  # shunt only
        self.assertFalse(self.monitor.check())
        self.assertTrue(self.monitor.check())

    def test_a_current_of_exactly_zero_is_believed_only_of_a_configured_part(self):
        self.env.world[1] = 0.0
        self.settled()
        self.assertEqual(self.monitor.milliamps(), 0)

    def test_a_dead_part_raises_at_every_reading_and_not_at_the_start(self):
        self.model.dead = True
        monitor = INA226(I2C(0), 0x40, shunt_uohm=20_000, lsb_ua=125)
        for call in (monitor.check, monitor.millivolts, monitor.milliamps):
            with self.assertRaises(OSError):
                call()
        self.model.dead = False
        monitor.check()
        wait(self.env, QUICK_MS)
        self.assertEqual(monitor.millivolts(), 7400)

    def test_refuses_another_part_at_its_address(self):
        class Other:
            def write(self, data):
                pass

            def readinto(self, buf):
                buf[0] = buf[1] = 0x11

        self.env.i2c(0, 0x41, Other())
        with self.assertRaises(ValueError):
            INA226(I2C(0), 0x41, shunt_uohm=20_000, lsb_ua=125).check()

    def test_refuses_a_shunt_that_it_cannot_be_calibrated_for(self):
        for shunt_uohm, lsb_ua in ((100, 100), (1_000_000, 10_000)):
            with self.assertRaises(ValueError):
                INA226(I2C(0), 0x40, shunt_uohm=shunt_uohm, lsb_ua=lsb_ua)


class Registers(unittest.TestCase):
    def setUp(self):
        self.env = Quiet(7.4, 0.5).env
        self.model = Model(self.env, 0, 1, 50_000)

    def test_after_power_up_has_the_defaults_of_the_data_sheet(self):
        self.assertEqual([word(self.model, r) for r in range(8)], [0x4127, 0, 0, 0, 0, 0, 0, 0])
        self.assertEqual([word(self.model, r) for r in (0xFE, 0xFF)], [0x5449, 0x2260])

    def test_arithmetic_is_that_of_section_6_5(self):
        # 0.5 A in 50 mohm: 25 mV = 10000 bits of 2.5 uV; CAL 1024: 5000 bits of 100 uA; 7.4 V = 5920 bits;
        # power 5000 * 5920 / 20000 = 1480 bits of 2.5 mW = 3.7 W
        put(self.model, 5, 1024)
        wait(self.env, 10)
        self.assertEqual([word(self.model, r) for r in (1, 2, 4, 3)], [10000, 5920, 5000, 1480])
        self.env.world[1] = -0.5
        wait(self.env, 10)
        self.assertEqual([word(self.model, r) for r in (1, 4, 3)], [0x10000 - 10000, 0x10000 - 5000, 1480])

    def test_saturates_at_full_scale_and_never_shows_a_negative_bus(self):
        self.env.world[0] = -1.0
        self.env.world[1] = 100.0
        wait(self.env, 10)
        self.assertEqual((word(self.model, 1), word(self.model, 2)), (0x7FFF, 0))
        self.env.world[0] = 50.0
        self.env.world[1] = -100.0
        wait(self.env, 10)
        self.assertEqual((word(self.model, 1), word(self.model, 2)), (0x8000, 0x7FFF))

    def test_tells_an_arithmetic_overflow(self):
        put(self.model, 5, 0x7FFF)
        wait(self.env, 10)
        self.assertTrue(word(self.model, 6) & 0x04)
        self.assertEqual(word(self.model, 4), 0x7FFF)

    def test_shows_nothing_before_the_averaged_conversion_has_ended(self):
        put(self.model, 0, 0x4527)  # 16 * 2.2 ms
        wait(self.env, 35)
        self.assertEqual(word(self.model, 2), 0)
        wait(self.env, 1)
        self.assertEqual(word(self.model, 2), 5920)

    def test_keeps_the_last_result_between_conversions(self):
        put(self.model, 0, 0x4527)
        wait(self.env, 36)
        self.assertEqual(word(self.model, 2), 5920)
        self.env.world[0] = 8.0
        self.assertEqual(word(self.model, 2), 5920)
        wait(self.env, 36)
        self.assertEqual(word(self.model, 2), 6400)

    def test_converts_once_when_triggered_and_only_what_is_asked(self):
        put(self.model, 0, 0x4122)  # bus, triggered
        wait(self.env, 5)
        self.assertEqual((word(self.model, 2), word(self.model, 1)), (5920, 0))
        self.env.world[0] = 8.0
        wait(self.env, 5)
        self.assertEqual(word(self.model, 2), 5920)
        put(self.model, 0, 0x4122)
        wait(self.env, 5)
        self.assertEqual(word(self.model, 2), 6400)

    def test_power_down_keeps_everything_as_it_was(self):
        put(self.model, 0, 0x4120)
        wait(self.env, 50)
        self.assertEqual(word(self.model, 2), 0)

    def test_conversion_ready_is_cleared_by_the_look(self):
        wait(self.env, 5)
        self.assertTrue(word(self.model, 6) & 0x08)
        self.assertFalse(word(self.model, 6) & 0x08)
        wait(self.env, 5)
        self.assertTrue(word(self.model, 6) & 0x08)

    def test_the_reset_bit_restores_the_defaults(self):
        put(self.model, 5, 1024)
        put(self.model, 0, 0x8000)
        self.assertEqual((word(self.model, 0), word(self.model, 5)), (0x4127, 0))

    def test_bit_15_of_the_calibration_and_the_identity_cannot_be_written(self):
        put(self.model, 5, 0xFFFF)
        put(self.model, 0xFE, 0)
        self.assertEqual((word(self.model, 5), word(self.model, 0xFE)), (0x7FFF, 0x5449))

    def test_averaging_reduces_the_noise_by_its_root(self):
        spread = []
        for config in (0x4127, 0x4527):  # 1 and 16 samples
            env = twin.bench(world=[7.4, 0.5], seed=5)
            model = Model(env, 0, 1, 50_000)
            put(model, 0, config)
            total = 0
            for _ in range(400):
                wait(env, 40)
                total += (word(model, 1) - 10000) ** 2
            spread.append(total / 400)
        self.assertAlmostEqual(spread[0], 1.0 + 1 / 12, delta=0.25)  # noise of one bit, and its quantisation
        self.assertAlmostEqual(spread[1], 0.045, delta=0.03)         # of a quarter: beyond half a bit in 4.5 %

    def test_a_write_cut_after_one_byte_changes_nothing(self):
        self.model.write(b"\x05\x04")
        self.assertEqual(word(self.model, 5), 0)


class Alert(unittest.TestCase):
    def setUp(self):
        self.env = Quiet(7.4, 0.5).env
        self.wire = self.env.wire(7)
        self.model = Model(self.env, 0, 1, 50_000, alert=self.wire)

    def test_pulls_the_pin_low_at_the_conversion_that_passes_the_limit(self):
        put(self.model, 7, 6000)      # 7.5 V
        put(self.model, 6, 0x2000)    # bus over limit
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 1)
        self.env.world[0] = 8.0
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 0)
        self.env.world[0] = 7.0
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 1)

    def test_latched_it_stays_until_the_look(self):
        put(self.model, 7, 6000)
        put(self.model, 6, 0x2001)
        self.env.world[0] = 8.0
        wait(self.env, 10)
        self.env.world[0] = 7.0
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 0)
        self.assertTrue(word(self.model, 6) & 0x10)
        self.assertEqual(self.wire.level, 1)

    def test_the_highest_function_enabled_counts_and_the_shunt_is_signed(self):
        put(self.model, 7, 0x10000 - 100)
        put(self.model, 6, 0x5000)  # shunt under limit, before bus under limit
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 1)
        self.env.world[1] = -0.5
        wait(self.env, 10)
        self.assertEqual(self.wire.level, 0)


if __name__ == "__main__":
    unittest.main()
