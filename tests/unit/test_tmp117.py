import unittest

import twin
from dragonet.flatsat.devices.tmp117 import TMP117 as Model
from drivers.tmp117 import CYCLE_MS, TMP117
from machine import I2C


def word(model, register):
    buf = bytearray(2)
    model.write(bytes((register,)))
    model.readinto(buf)
    return buf[0] << 8 | buf[1]


def put(model, register, value):
    model.write(bytes((register, value >> 8, value & 0xFF)))


def wait(env, ms):
    env.kernel.sleep_until(env.now() + ms * 1000)


def quiet(celsius):
    env = twin.bench(world=[celsius], seed=1)
    env.noise = lambda: 0.0
    return env


class Driver(unittest.TestCase):
    def setUp(self):
        self.env = quiet(25.0)
        self.model = self.env.i2c(0, 0x48, Model(self.env, 0))
        self.thermometer = TMP117(I2C(0), 0x48)

    def test_reads_the_examples_of_the_data_sheet_in_milli_degrees(self):
        for celsius, raw, mdeg in (
            (0.0, 0x0000, 0), (0.0078125, 0x0001, 8), (25.0, 0x0C80, 25_000), (125.0, 0x3E80, 125_000),
            (-0.0078125, 0xFFFF, -8), (-25.0, 0xF380, -25_000), (-55.0, 0xE480, -55_000),
        ):
            self.env.world[0] = celsius
            wait(self.env, CYCLE_MS)
            self.assertEqual(self.thermometer.millidegrees(), mdeg)
            self.assertEqual(word(self.model, 0x00), raw)

    def test_has_no_temperature_before_the_first_conversion(self):
        with self.assertRaises(OSError):
            self.thermometer.millidegrees()
        wait(self.env, 130)
        self.assertEqual(self.thermometer.millidegrees(), 25_000)

    def test_is_ready_once_for_each_conversion(self):
        wait(self.env, 130)
        self.assertTrue(self.thermometer.ready())
        self.assertFalse(self.thermometer.ready())
        wait(self.env, CYCLE_MS)
        self.assertTrue(self.thermometer.ready())

    def test_restarts_a_part_that_has_stopped_instead_of_repeating_its_last_value(self):
        wait(self.env, 130)
        self.thermometer.millidegrees()
        put(self.model, 0x01, 0x0620)  # shut down
        self.env.world[0] = -10.0
        wait(self.env, 5000)
        with self.assertRaises(OSError):
            self.thermometer.millidegrees()
        wait(self.env, CYCLE_MS)
        self.assertEqual(self.thermometer.millidegrees(), -10_000)

    def test_a_dead_part_raises_and_is_taken_back(self):
        self.model.dead = True
        with self.assertRaises(OSError):
            self.thermometer.millidegrees()
        self.model.dead = False
        wait(self.env, 200)
        self.assertEqual(self.thermometer.millidegrees(), 25_000)

    def test_refuses_another_part_at_its_address(self):
        class Other:
            def write(self, data):
                pass

            def readinto(self, buf):
                buf[0], buf[1] = 0x11, 0x16  # a TMP116

        self.env.i2c(0, 0x49, Other())
        with self.assertRaises(ValueError):
            TMP117(I2C(0), 0x49).millidegrees()

    def test_accepts_another_revision(self):
        class Revised(Model):
            def _load(self, register):
                return 0x2117 if register == 0x0F else Model._load(self, register)

        self.env.i2c(0, 0x49, Revised(self.env, 0))
        wait(self.env, 200)
        self.assertEqual(TMP117(I2C(0), 0x49).millidegrees(), 25_000)


class Registers(unittest.TestCase):
    def setUp(self):
        self.env = quiet(25.0)
        self.model = Model(self.env, 0)

    def test_after_power_up_has_the_defaults_of_the_data_sheet(self):
        wait(self.env, 2)
        for register, value in ((0, 0x8000), (1, 0x0220), (2, 0x6000), (3, 0x8000), (4, 0), (7, 0), (0x0F, 0x0117)):
            self.assertEqual(word(self.model, register), value)

    def test_shows_minus_256_until_all_conversions_of_an_average_have_ended(self):
        wait(self.env, 125)  # 1.5 ms to start and 8 times 15.5 ms
        self.assertEqual(word(self.model, 0), 0x8000)
        wait(self.env, 1)
        self.assertEqual(word(self.model, 0), 0x0C80)

    def test_cycle_times_are_those_of_the_data_sheet(self):
        for conv, avg, us in (
            (0, 0, 15500), (0, 1, 125000), (0, 2, 500000), (0, 3, 1000000), (1, 0, 125000), (1, 2, 500000),
            (2, 1, 250000), (3, 2, 500000), (3, 3, 1000000), (4, 0, 1000000),
            (5, 3, 4000000), (6, 1, 8000000), (7, 0, 16000000),
        ):
            put(self.model, 1, conv << 7 | avg << 5)
            self.assertEqual(self.model.cycle_us(), us)

    def test_a_new_result_comes_once_a_cycle(self):
        wait(self.env, 130)
        word(self.model, 0)
        self.env.world[0] = 30.0
        wait(self.env, 900)
        self.assertEqual(word(self.model, 0), 0x0C80)
        wait(self.env, 100)
        self.assertEqual(word(self.model, 0), 0x0F00)

    def test_one_shot_converts_once_and_shuts_down(self):
        put(self.model, 1, 0x0C00)
        wait(self.env, 16)
        self.assertEqual(word(self.model, 1) & 0x2C00, 0x2400)
        self.env.world[0] = 30.0
        wait(self.env, 2000)
        self.assertEqual(word(self.model, 0), 0x0C80)

    def test_the_offset_is_added_and_the_result_saturates(self):
        put(self.model, 7, 0xFF80)  # -1 degC
        wait(self.env, 2000)
        self.assertEqual(word(self.model, 0), 0x0C00)
        put(self.model, 7, 0x7FFF)
        wait(self.env, 2000)
        self.assertEqual(word(self.model, 0), 0x7FFF)

    def test_alert_flags_clear_on_the_look_and_therm_follows_its_hysteresis(self):
        put(self.model, 2, 0x0A00)  # 20 degC
        wait(self.env, 1000)
        self.assertEqual(word(self.model, 1) & 0xC000, 0x8000)
        self.assertEqual(word(self.model, 1) & 0xC000, 0)
        put(self.model, 3, 0x0780)  # 15 degC
        put(self.model, 1, 0x0230)  # therm
        wait(self.env, 1000)
        word(self.model, 0)
        self.env.world[0] = 17.0
        wait(self.env, 1000)
        self.assertEqual(word(self.model, 1) & 0xC000, 0x8000)
        self.env.world[0] = 14.0
        wait(self.env, 1000)
        self.assertEqual(word(self.model, 1) & 0xC000, 0)

    def test_the_eeprom_keeps_what_is_written_while_unlocked(self):
        memory = self.env.persist("eeprom", Model.EEPROM)
        model = Model(self.env, 0, eeprom=memory)
        wait(self.env, 10)
        put(model, 7, 0x0010)
        put(model, 4, 0x8000)
        put(model, 3, 0x1234)
        self.assertEqual(word(model, 4), 0xC000)  # unlocked, busy
        wait(self.env, 8)
        self.assertEqual(word(model, 4), 0x8000)
        model.power_on()
        self.assertEqual((word(model, 7), word(model, 3), word(model, 4) & 0x8000), (0, 0x1234, 0))

    def test_soft_reset_reloads_and_reads_minus_256_again(self):
        put(self.model, 7, 0x0010)
        wait(self.env, 2000)
        put(self.model, 1, 0x0002)
        self.assertEqual((word(self.model, 0), word(self.model, 7)), (0x8000, 0))

    def test_the_alert_pin_can_tell_data_ready(self):
        wire = self.env.wire(9)
        model = Model(self.env, 0, alert=wire)
        put(model, 1, 0x0224)
        self.assertEqual(wire.level, 1)
        wait(self.env, 130)
        self.assertEqual(wire.level, 0)
        word(model, 0)
        self.assertEqual(wire.level, 1)


if __name__ == "__main__":
    unittest.main()
