# The MCP2515 of CAN A and CAN B, on a virtual board whose pins name them; the others' controllers are in the MCU.
import pins


def wire(env):
    if hasattr(pins, "CAN_CS"):
        from .mcp2515 import MCP2515

        for number, select in enumerate(pins.CAN_CS):
            env.spi(pins.CAN_SPI, select, MCP2515(env, number, pins.CAN_INT[number], pins.CAN_CRYSTAL_HZ))
