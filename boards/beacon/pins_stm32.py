# Beacon board on PYBD-SF6 (STM32F767): names of its pins. Not run on silicon yet.
# CAN1 shares B8 and B9 with I2C1 (X9, X10), so the sensors' bus is I2C2; both CAN controllers are inside.
from machine import CAN, SPI

I2C_ID = 2
I2C_SCL = "Y9"  # its fixed pins
I2C_SDA = "Y10"

RBF = "X1"   # pulled down: 1 = remove-before-flight pin inserted
SEP1 = "X2"  # 1 = pressed, still in the pod
SEP2 = "X3"
SAFE = "Y8"  # pulled up: 0 = no app while the remove-before-flight pin is in

RADIO_CS = "X5"
RADIO_RESET = "Y1"
RADIO_DIO0 = "Y2"
RADIO_DIO1 = "Y3"  # FifoLevel
RADIO_DIO2 = "Y4"

SUPPLY = "X11"  # ADC, behind the divider
ARM = "X4"      # burn wire: pulled down, current flows while both are 1
FIRE = "X12"
ANTENNA = "Y7"  # pulled up: 1 = deployed


def make_can(number, bitrate):
    """CAN A (0) on X9 (RX), X10 (TX), CAN B (1) on Y5 (RX), Y6 (TX): this port counts controllers from 1."""
    return CAN(1 + number, bitrate)


def spi(hz):
    """The radio's SPI, mode 0: fixed pins X6 (SCK), X7 (MISO), X8 (MOSI)."""
    return SPI(1, baudrate=hz)
