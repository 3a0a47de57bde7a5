# The board's I2C bus at boot: a part that a reset left in the middle of a byte lets go of it.
import unittest

from core import i2c_bus

SCL, SDA = 5, 4


class Wires:
    """Two lines with pull-ups and a part that holds SDA low until it was clocked so often, then waits for a STOP."""

    def __init__(self, holds):
        self.holds = holds
        self.low = {SCL: False, SDA: False}  # by the board
        self.clocks = 0
        self.stops = 0
        self.starts = 0
        self.made = []

    def level(self, number):
        if self.low[number]:
            return 0
        return 0 if number == SDA and self.holds else 1

    def drive(self, number, value):
        before = self.level(number)
        self.low[number] = not value
        after = self.level(number)
        if number == SCL and before > after:
            self.clocks += 1
            self.holds = max(0, self.holds - 1)
        if number == SDA and before != after and self.level(SCL):
            if after:
                self.stops += 1
            else:
                self.starts += 1


class Machine:
    """Of the module `machine`, what makes a bus."""

    def __init__(self, wires):
        class Pin:
            IN, OPEN_DRAIN, PULL_UP = 0, 2, 1

            def __init__(self, number, mode=-1, pull=-1, value=None):
                self.number = number
                if mode == self.IN:
                    wires.drive(number, 1)
                elif value is not None:
                    wires.drive(number, value)

            def value(self):
                return wires.level(self.number)

            def __call__(self, value):
                wires.drive(self.number, value)

        self.Pin = Pin
        self.wires = wires

    def I2C(self, number, **settings):
        self.wires.made.append((number, settings["freq"], self.wires.level(SCL), self.wires.level(SDA)))
        return self


class Pins:
    I2C_SCL, I2C_SDA = SCL, SDA


class Boot(unittest.TestCase):
    def make(self, holds, pins=Pins):
        wires = Wires(holds)
        real = i2c_bus.machine
        i2c_bus.machine = Machine(wires)
        try:
            i2c_bus.make(None, pins)
        finally:
            i2c_bus.machine = real
        return wires

    def test_a_free_bus_is_left_alone(self):
        wires = self.make(0)
        self.assertEqual((wires.clocks, wires.starts, wires.stops), (0, 0, 0))
        self.assertEqual(wires.made, [(0, 400_000, 1, 1)])

    def test_a_part_in_the_middle_of_a_byte_is_clocked_until_it_lets_go_and_told_to_stop(self):
        for holds in range(1, 10):
            wires = self.make(holds)
            self.assertEqual((wires.starts, wires.stops), (0, 1))
            self.assertLessEqual(wires.clocks, 10)
            self.assertEqual(wires.made, [(0, 400_000, 1, 1)])

    def test_a_line_that_is_short_to_ground_costs_nine_clocks(self):
        wires = self.make(1_000_000)
        self.assertEqual(wires.clocks, 10)  # the last one is the STOP's
        self.assertEqual(wires.made, [(0, 400_000, 1, 0)])

    def test_a_controller_with_pins_of_its_own_is_asked_for_by_its_number(self):
        class Fixed(Pins):
            I2C_ID = 2

        wires = self.make(3, Fixed)
        self.assertEqual(wires.made, [(2, 400_000, 1, 1)])
