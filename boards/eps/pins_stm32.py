# EPS board on PYBD-SF6 (STM32F767): names of its pins. Not run on silicon yet.
# CAN1 shares B8 and B9 with I2C1 (X9, X10), so the sensors' bus is I2C2; both CAN controllers are inside.
from machine import CAN, Pin

I2C_ID = 2
I2C_SCL = "Y9"  # its fixed pins
I2C_SDA = "Y10"

RBF = "X1"   # pulled down: 1 = remove-before-flight pin inserted
SEP1 = "X2"  # 1 = pressed, still in the pod
SEP2 = "X3"
SAFE = "Y8"  # pulled up: 0 = no app while the remove-before-flight pin is in

# Enables of the load switches, 1 = on, in the order of parts.LOADS: beacon, sensor, ais, heater.
LOADS = ("X4", "X5", "X6", "X7")


def make_can(number, bitrate):
    """CAN A (0) on X9 (RX), X10 (TX), CAN B (1) on Y5 (RX), Y6 (TX): this port counts controllers from 1."""
    return CAN(1 + number, bitrate)


def load(index, on):
    """The enable of a load switch, driven to `on` from its first moment: an output that starts low would glitch."""
    return Pin(LOADS[index], Pin.OUT, value=1 if on else 0)
