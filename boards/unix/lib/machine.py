# MicroPython's `machine`, as its documentation describes it, on the virtual board.
import twin
from twin.buses import ADC, I2C, SPI
from twin.can import CAN
from twin.i2c_target import I2CTarget
from twin.pins import PWM, Pin
from twin.timers import WDT, Timer
from twin.uart import UART

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
SoftI2C = I2C
SoftSPI = SPI


def reset():
    """Never returns."""
    twin.board.reset(HARD_RESET)


def soft_reset():
    twin.board.reset(SOFT_RESET)


def reset_cause():
    return twin.board.reset_cause


def unique_id():
    return twin.board.uid


def freq(*args):
    return 125_000_000


def idle():
    kernel = twin.board.kernel
    kernel.wait(kernel.now + 1000)


def lightsleep(time_ms=None):
    kernel = twin.board.kernel
    kernel.wait(kernel.now + (1 << 40 if time_ms is None else time_ms * 1000))


def disable_irq():
    kernel = twin.board.kernel
    before = kernel._in_handler, kernel.hard_off
    kernel._in_handler = kernel.hard_off = True
    return before


def enable_irq(state):
    kernel = twin.board.kernel
    kernel._in_handler, kernel.hard_off = state
    if kernel._hard and not kernel.hard_off:
        kernel.run_hard()
    kernel.charge(0)
