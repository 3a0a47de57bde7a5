# What hangs on the virtual EPS board's wires. Addresses come from the board's parts, pins from its pins_unix.
import parts
import pins

from . import fram, world
from .ina226 import INA226
from .tmp117 import TMP117

_FLOATING = -1  # the latch's own level stays until it is driven for the first time


def _error(address, step):
    """-1 to 1: this part's place within its tolerance, the same on every flight."""
    return (address * step % 17) / 8 - 1


def wire(env):
    role = parts.ROLE
    for name, address, shunt_uohm, _ in parts.MONITORS:
        env.i2c(0, address, INA226(
            env, world.index(role, name + "_v"), world.index(role, name + "_a"), shunt_uohm,
            gain=1 + 0.005 * _error(address, 5),  # shunt of 0.5 %
            shunt_offset_uv=5 * _error(address, 7), bus_offset_mv=2.5 * _error(address, 3),
        ))
    for name, address in parts.THERMOMETERS:
        eeprom = env.persist("tmp117_%02x" % address, TMP117.EEPROM)
        env.i2c(0, address, TMP117(env, world.index(role, name + "_t"), 0.1 * _error(address, 5), None, eeprom))
    fram.attach(env, 0, parts.FRAM)
    for name in ("rbf", "sep1", "sep2"):
        env.switch(getattr(pins, name.upper()), world.index(role, name))
    for pin in pins.LOADS:
        env.wire(pin).level = _FLOATING
