# EPS board on RP2040: GPIO numbers. CAN comes from two MCP2515 on SPI 0, since this MCU has none.
from machine import Pin

I2C_SDA = 4  # I2C 0
I2C_SCL = 5

RBF = 20   # pulled down: 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in (a jumper to GND beside it)

# Enables of the load switches, 1 = on, in the order of parts.LOADS: beacon, sensor, ais, heater.
# The latches behind them hold their state while these pins float, and power up by their own pull resistors.
LOADS = (10, 11, 12, 13)

CAN_SCK = 18  # SPI 0
CAN_MOSI = 19
CAN_MISO = 16
CAN_CS = (17, 9)     # MCP2515 of CAN A, of CAN B
CAN_INT = (15, 14)
CAN_CRYSTAL_HZ = 16_000_000


def make_can(number, bitrate):
    """CAN A (0) or B (1), as machine.CAN. OSError: no MCP2515 answers."""
    from machine import SPI
    from drivers.mcp2515 import MCP2515

    spi = SPI(0, baudrate=10_000_000, sck=Pin(CAN_SCK), mosi=Pin(CAN_MOSI), miso=Pin(CAN_MISO))
    return MCP2515(spi, Pin(CAN_CS[number], Pin.OUT, value=1), Pin(CAN_INT[number], Pin.IN), bitrate, CAN_CRYSTAL_HZ)


def load(index, on):
    """The enable of a load switch, driven to `on` from its first moment: an output that starts low would glitch."""
    return Pin(LOADS[index], Pin.OUT, value=1 if on else 0)
