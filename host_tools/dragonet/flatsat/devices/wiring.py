# What the wiring of every virtual board has in common: memory, switches, thermometers, and where parts lie within
# their tolerance. Runs in the virtual board's MicroPython and in tests.
import parts
import pins

from . import fram, world
from .tmp117 import TMP117

_HOLD_SWITCHES = ("rbf", "sep1", "sep2", "safe")


def error(address, step):
    """-1 to 1: this part's place within its tolerance, the same on every flight."""
    return (address * step % 17) / 8 - 1


def common(env, *switches):
    """The FRAM, the inputs of the holds, the pin SAFE, and `switches`: more inputs, by the names of their channels."""
    fram.attach(env, 0, parts.FRAM)
    for name in _HOLD_SWITCHES + switches:
        env.switch(getattr(pins, name.upper()), world.index(parts.ROLE, name))


def thermometers(env):
    """Those of parts.THERMOMETERS: (name, I2C address)."""
    for name, address in parts.THERMOMETERS:
        eeprom = env.persist("tmp117_%02x" % address, TMP117.EEPROM)
        celsius = world.index(parts.ROLE, name + "_t")
        env.i2c(0, address, TMP117(env, celsius, 0.1 * error(address, 5), None, eeprom))
