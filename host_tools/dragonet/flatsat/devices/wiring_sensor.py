# What hangs on the virtual sensor board's wires. Addresses come from the board's parts, pins from its pins_unix.
import parts

from . import world
from .lsm6dsox import LSM6DSOX
from .rm3100 import RM3100
from .wiring import common, error, thermometers

_AXES = ("x", "y", "z")


def _channels(prefix):
    return tuple(world.index(parts.ROLE, prefix + axis) for axis in _AXES)


def wire(env):
    thermometers(env)
    magnetometer, gyroscope = parts.MAGNETOMETER, parts.GYROSCOPE
    env.i2c(0, magnetometer, RM3100(
        env, _channels("field_"),
        bias_ut=tuple(0.5 * error(magnetometer + k, 7) for k in range(3)),  # the board's own field, 0.1 to 2 uT
        gain_error=0.005 * error(magnetometer, 5),
    ))
    env.i2c(0, gyroscope, LSM6DSOX(
        env, _channels("rate_"), world.index(parts.ROLE, "board_t"),
        bias_dps=tuple(error(gyroscope + k, 3) for k in range(3)),  # 0.5 0.875 -0.875, within 1 deg/s
        gain_error=0.01 * error(gyroscope, 5),
    ))
    common(env, "ais_antenna")
