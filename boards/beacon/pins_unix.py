# Beacon board, virtual: the pins of dragonet.flatsat.devices.wiring_beacon.
import machine

RBF = 20   # 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in

I2C_BUS = (1, 2)  # controller and target on the wires between boards, where parts.BUSES has "i2c"

RADIO_CS = 17
RADIO_RESET = 6
RADIO_DIO0 = 7
RADIO_DIO1 = 2  # FifoLevel
RADIO_DIO2 = 3

SUPPLY = 26   # ADC, behind the divider
ARM = 12      # burn wire: current flows while both are 1
FIRE = 13
ANTENNA = 14  # 1 = deployed


def spi(hz):
    """The radio's SPI, mode 0."""
    return machine.SPI(0, hz)
