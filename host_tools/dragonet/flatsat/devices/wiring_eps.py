# What hangs on the virtual EPS board's wires. Addresses come from the board's parts, pins from its pins_unix.
import parts
import pins

from . import world
from .ina226 import INA226
from .wiring import common, error, thermometers

_FLOATING = -1  # the latch's own level stays until it is driven for the first time


def wire(env):
    role = parts.ROLE
    for name, address, shunt_uohm, _ in parts.MONITORS:
        env.i2c(0, address, INA226(
            env, world.index(role, name + "_v"), world.index(role, name + "_a"), shunt_uohm,
            gain=1 + 0.005 * error(address, 5),  # shunt of 0.5 %
            shunt_offset_uv=5 * error(address, 7), bus_offset_mv=2.5 * error(address, 3),
        ))
    thermometers(env)
    common(env)
    for pin in pins.LOADS:
        env.wire(pin).level = _FLOATING
