# MicroPython's `time` on the virtual board's clock. Takes the place of the built-in module on the unix port.
import micropython
import twin
from utime import gmtime as _gmtime
from utime import mktime  # noqa: F401

# Ticks have 30 bits. No sum here reaches 1 << 30: on a 32-bit port that is no small int, and allocates.
_TICKS_MASK = (1 << 30) - 1
_TICKS_HALF = 1 << 29
_BOOT_EPOCH_S = 1_609_459_200  # an unset RTC of the RP2040 starts at 2021-01-01


def _read():
    kernel = twin.board.kernel
    kernel.charge(twin.board.costs["ticks"])
    return kernel.now


def _in_hard_handler(read):
    """read() where the firmware can allocate nothing: what the sums take on a 32-bit port is not the firmware's."""
    kernel = twin.board.kernel
    kernel.locked = False
    micropython.heap_unlock()
    try:
        return read()
    finally:
        micropython.heap_lock()
        kernel.locked = True


def ticks_us():
    if twin.board.kernel.locked:
        return _in_hard_handler(ticks_us)
    return _read() & _TICKS_MASK


def ticks_ms():
    if twin.board.kernel.locked:
        return _in_hard_handler(ticks_ms)
    return _read() // 1000 & _TICKS_MASK


def ticks_cpu():
    return ticks_us()


def ticks_add(ticks, delta):
    return (ticks - _TICKS_HALF + delta & _TICKS_MASK) ^ _TICKS_HALF


def ticks_diff(end, start):
    return (end - start & _TICKS_MASK ^ _TICKS_HALF) - _TICKS_HALF


def sleep_us(us):
    if us > 0:
        kernel = twin.board.kernel
        kernel.sleep_until(kernel.now + us)


def sleep_ms(ms):
    sleep_us(ms * 1000)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))


def time_ns():
    return _BOOT_EPOCH_S * 1_000_000_000 + _read() * 1000


def time():
    return _BOOT_EPOCH_S + _read() // 1_000_000


def gmtime(seconds=None):
    return _gmtime(time() if seconds is None else seconds)


localtime = gmtime
