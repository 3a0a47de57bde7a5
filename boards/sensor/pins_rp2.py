# Sensor board on RP2040: GPIO numbers. CAN comes from two MCP2515 on SPI 0, since this MCU has none.
from machine import UART, Pin

I2C_SDA = 4  # I2C 0
I2C_SCL = 5

RBF = 20   # pulled down: 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in (a jumper to GND beside it)

ARM = 10     # AIS antenna: both 1 = the wire is heated; pulled down, so that a reset ends it
FIRE = 11
AIS_ANTENNA = 12  # 1 = deployed

AIS_TX = 8  # UART 1; AIS_TX only configures the receiver
AIS_RX = 9

CAN_SCK = 18  # SPI 0
CAN_MOSI = 19
CAN_MISO = 16
CAN_CS = (17, 13)  # MCP2515 of CAN A, of CAN B
CAN_INT = (15, 14)
CAN_CRYSTAL_HZ = 16_000_000


def make_can(number, bitrate):
    """CAN A (0) or B (1), as machine.CAN. OSError: no MCP2515 answers."""
    from machine import SPI
    from drivers.mcp2515 import MCP2515

    spi = SPI(0, baudrate=10_000_000, sck=Pin(CAN_SCK), mosi=Pin(CAN_MOSI), miso=Pin(CAN_MISO))
    return MCP2515(spi, Pin(CAN_CS[number], Pin.OUT, value=1), Pin(CAN_INT[number], Pin.IN), bitrate, CAN_CRYSTAL_HZ)


def make_ais_uart(baud, rxbuf):
    """The AIS receiver's UART, 8N1; reading it never waits. Nothing but its configuration is ever sent."""
    return UART(1, baud, tx=Pin(AIS_TX), rx=Pin(AIS_RX), rxbuf=rxbuf, txbuf=32, timeout=0)
