# The board's own I2C bus, on which its FRAM and sensors sit: made by the guard and by the board.
import machine
from micropython import const

HZ = const(400_000)


def make(parts, pins):
    """machine.I2C as parts and pins have it."""
    number = getattr(pins, "I2C_ID", 0)
    frequency = getattr(parts, "I2C_HZ", HZ)
    scl = getattr(pins, "I2C_SCL", None)
    if scl is None:
        return machine.I2C(number, freq=frequency)
    return machine.I2C(number, scl=machine.Pin(scl), sda=machine.Pin(pins.I2C_SDA), freq=frequency)
