# What hangs on the virtual sensor board's wires. Addresses come from the board's parts, pins from its pins_unix.
import parts
import pins

from . import fram, world
from .lsm6dsox import LSM6DSOX
from .rm3100 import RM3100
from .tmp117 import TMP117

_AXES = ("x", "y", "z")


def _error(address, step):
    """-1 to 1: this part's place within its tolerance, the same on every flight."""
    return (address * step % 17) / 8 - 1


def _channels(prefix):
    return tuple(world.index(parts.ROLE, prefix + axis) for axis in _AXES)


def wire(env):
    role = parts.ROLE
    for name, address in parts.THERMOMETERS:
        eeprom = env.persist("tmp117_%02x" % address, TMP117.EEPROM)
        env.i2c(0, address, TMP117(env, world.index(role, name + "_t"), 0.1 * _error(address, 5), None, eeprom))
    magnetometer, gyroscope = parts.MAGNETOMETER, parts.GYROSCOPE
    env.i2c(0, magnetometer, RM3100(
        env, _channels("field_"),
        bias_ut=tuple(0.5 * _error(magnetometer + k, 7) for k in range(3)),  # the board's own field, 0.1 to 2 uT
        gain_error=0.005 * _error(magnetometer, 5),
    ))
    env.i2c(0, gyroscope, LSM6DSOX(
        env, _channels("rate_"), world.index(role, "board_t"),
        bias_dps=tuple(_error(gyroscope + k, 3) for k in range(3)),  # 0.5 0.875 -0.875, within 1 deg/s
        gain_error=0.01 * _error(gyroscope, 5),
    ))
    fram.attach(env, 0, parts.FRAM)
    for name in ("rbf", "sep1", "sep2", "ais_antenna"):
        env.switch(getattr(pins, name.upper()), world.index(role, name))
