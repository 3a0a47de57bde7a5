# EPS board, virtual, with two MCP2515 for CAN as on the RP2040: pins of pins_unix, and theirs.
from machine import SPI, Pin
from pins_unix import *  # noqa: F403  # pyright: ignore[reportMissingImports]

CAN_SPI = 0
CAN_CS = (17, 9)  # MCP2515 of CAN A, of CAN B
CAN_INT = (15, 14)
CAN_CRYSTAL_HZ = 16_000_000


def make_can(number, bitrate):
    """CAN A (0) or B (1), as machine.CAN."""
    from drivers.mcp2515 import MCP2515

    select = Pin(CAN_CS[number], Pin.OUT, value=1)
    return MCP2515(SPI(CAN_SPI, 10_000_000), select, Pin(CAN_INT[number], Pin.IN), bitrate, CAN_CRYSTAL_HZ)
