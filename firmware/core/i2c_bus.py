# The board's own I2C bus, on which its FRAM and sensors sit: made by the guard and by the board.
#
# A reset within a transfer leaves a part that was about to send a 0 with SDA held low: no controller can begin, and
# the board would be without memory and sensors until its power is cut. Clocks let such a part finish its byte.
import time
import machine
from micropython import const

HZ = const(400_000)
_CLOCKS = const(9)  # NXP UM10204, 3.1.16: a byte and its acknowledge
_HALF_US = const(5)


def make(parts, pins):
    """machine.I2C as parts and pins have it."""
    frequency = getattr(parts, "I2C_HZ", HZ)
    number = getattr(pins, "I2C_ID", None)
    scl = getattr(pins, "I2C_SCL", None)
    if scl is not None:
        clear(scl, pins.I2C_SDA)
    if scl is None or number is not None:  # its pins are the controller's own
        return machine.I2C(number or 0, freq=frequency)
    return machine.I2C(0, scl=machine.Pin(scl), sda=machine.Pin(pins.I2C_SDA), freq=frequency)


def clear(scl, sda):
    """Have a part that holds SDA let go of it, and end what it was in; nothing where SDA is free. Numbers of pins."""
    pin = machine.Pin
    data = pin(sda, pin.IN, pin.PULL_UP)
    if data.value():
        return
    clock = pin(scl, pin.OPEN_DRAIN, value=1)
    clocks = _CLOCKS
    while clocks and not data.value():
        clocks -= 1
        clock(0)
        time.sleep_us(_HALF_US)
        clock(1)
        time.sleep_us(_HALF_US)
    # a STOP
    clock(0)
    data = pin(sda, pin.OPEN_DRAIN, value=0)
    time.sleep_us(_HALF_US)
    clock(1)
    time.sleep_us(_HALF_US)
    data(1)
    time.sleep_us(_HALF_US)
