# EPS board, virtual: the pins of dragonet.flatsat.devices.wiring_eps.
from machine import CAN, I2C, WDT, Pin

RBF = 20         # 1 = remove-before-flight pin inserted
SEP1 = 21        # 1 = pressed, still in the pod
SEP2 = 22
EN_BEACON = 10   # load switches, 1 = on; a pull-up keeps beacon and sensor on without the MCU
EN_SENSOR = 11
EN_AIS = 12
EN_HEATER = 13

LOAD_PINS = (EN_BEACON, EN_SENSOR, EN_AIS, EN_HEATER)  # in the order of parts.LOADS


def i2c():
    return I2C(0, freq=400_000)


def can_a():
    return CAN(0, 500_000)


def can_b():
    return CAN(1, 500_000)


def wdt(ms):
    return WDT(timeout=ms)


def rbf():
    return Pin(RBF, Pin.IN)


def sep1():
    return Pin(SEP1, Pin.IN)


def sep2():
    return Pin(SEP2, Pin.IN)


def load(index, on):
    """The enable pin of a load switch, driven to `on` from its first moment: an output that starts low would glitch."""
    return Pin(LOAD_PINS[index], Pin.OUT, value=1 if on else 0)
