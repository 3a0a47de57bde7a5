# EPS board, virtual: pins of dragonet.flatsat.devices.wiring_eps.
from machine import Pin

RBF = 20   # 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in

I2C_BUS = (1, 2)  # controller and target on the wires between boards, where parts.BUSES has "i2c"

# Enables of the load switches, 1 = on, in the order of parts.LOADS: beacon, sensor, ais, heater.
LOADS = (10, 11, 12, 13)


def load(index, on):
    """The enable of a load switch, driven to `on` from its first moment: an output that starts low would glitch."""
    return Pin(LOADS[index], Pin.OUT, value=1 if on else 0)
