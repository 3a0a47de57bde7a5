# Sensor board, virtual: pins of dragonet.flatsat.devices.wiring_sensor.
from machine import UART

RBF = 20   # 1 = remove-before-flight pin inserted
SEP1 = 21  # 1 = pressed, still in the pod
SEP2 = 22
SAFE = 1   # pulled up: 0 = no app while the remove-before-flight pin is in

I2C_BUS = (1, 2)  # controller and target on the wires between boards, where parts.BUSES has "i2c"

ARM = 10     # AIS antenna: both 1 = the wire is heated
FIRE = 11
AIS_ANTENNA = 12  # 1 = deployed

AIS_UART = 1


def make_ais_uart(baud, rxbuf):
    """The AIS receiver's UART, 8N1; reading it never waits."""
    return UART(AIS_UART, baud, rxbuf=rxbuf, timeout=0)
