# What hangs on the virtual beacon board's wires. Addresses come from the board's parts, pins from its pins_unix.
import parts
import pins

from . import world
from .sx1278 import SX1278
from .tmp117 import TMP117
from .wiring import common


def wire(env):
    role = parts.ROLE
    env.spi(0, pins.RADIO_CS, SX1278(env, pins.RADIO_RESET, pins.RADIO_DIO0, pins.RADIO_DIO1, pins.RADIO_DIO2))
    env.i2c(0, parts.PA_THERMOMETER, TMP117(env, world.index(role, "pa_t"), 0.03))
    supply = world.index(role, "supply_v")
    env.adc(pins.SUPPLY, lambda: env.world[supply] / parts.SUPPLY_DIVIDER)
    common(env, "antenna")
