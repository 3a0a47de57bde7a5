# Beacon board on RP2040: GPIO numbers. SPI 0 is the radio's, SPI 1 the two MCP2515's, since this MCU has no CAN.
from machine import SPI, Pin

I2C_SDA = 4  # I2C 0
I2C_SCL = 5

RBF = 20   # pulled down: 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in (a jumper to GND beside it)

RADIO_CS = 17
RADIO_RESET = 6
RADIO_DIO0 = 7
RADIO_DIO1 = 2  # FifoLevel
RADIO_DIO2 = 3

SUPPLY = 26   # ADC 0, behind the divider
ARM = 12      # burn wire: pulled down, current flows while both are 1
FIRE = 13
ANTENNA = 14  # pulled up: 1 = deployed

CAN_SCK = 10  # SPI 1
CAN_MOSI = 11
CAN_MISO = 8
CAN_CS = (9, 15)     # MCP2515 of CAN A, of CAN B
CAN_INT = (27, 28)
CAN_CRYSTAL_HZ = 16_000_000


def spi(hz):
    """The radio's SPI, mode 0."""
    return SPI(0, baudrate=hz, sck=Pin(18), mosi=Pin(19), miso=Pin(16))


def make_can(number, bitrate):
    """CAN A (0) or B (1), as machine.CAN. OSError: no MCP2515 answers."""
    from drivers.mcp2515 import MCP2515

    spi = SPI(1, baudrate=10_000_000, sck=Pin(CAN_SCK), mosi=Pin(CAN_MOSI), miso=Pin(CAN_MISO))
    return MCP2515(spi, Pin(CAN_CS[number], Pin.OUT, value=1), Pin(CAN_INT[number], Pin.IN), bitrate, CAN_CRYSTAL_HZ)
