# Viper versions of crc32c.py: 29 cycles a byte on the RP2040 (256 bytes, the call included); the plain loop, 5,400.
#
# The first three locals of a viper function live in registers on the Cortex-M0+: the loop's come first. Memory is read
# by words, least significant byte first, as on all targets. uint() throughout: ptr32 loads are zero-extended on 64-bit
# ports and signed on ARM. The register only ever shifts right, so it keeps to 32 bits where viper's uint has 64.
import micropython
from micropython import const
from csp.crc32c import TABLE as _TABLE

_APPEND = const(0)
_MATCHES = const(1)
_DIGEST = const(2)


@micropython.viper
def run(register: uint, at: uint, table: ptr32, buffer, stop: int, then: int) -> int:
    """The CRC of buffer[at:stop]; register: 0; table: TABLE. then: what becomes of it, _APPEND, _MATCHES or _DIGEST."""
    end = uint(stop) - at
    at += uint(ptr8(buffer))
    end += at
    register ^= uint(0xFFFFFFFF)
    while at & 3 and at < end:  # to the next whole word
        register = uint(table[(register ^ uint(ptr8(at)[0])) & 0xFF]) ^ (register >> 8)
        at += uint(1)
    end -= uint(7)
    while at < end:
        register ^= uint(ptr32(at)[0])
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register ^= uint(ptr32(at)[1])
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        register = uint(table[register & 0xFF]) ^ (register >> 8)
        at += uint(8)
    end += uint(7)
    while at < end:
        register = uint(table[(register ^ uint(ptr8(at)[0])) & 0xFF]) ^ (register >> 8)
        at += uint(1)
    register ^= uint(0xFFFFFFFF)
    if then == _DIGEST:
        return int(register & 0x3FFFFFFF)
    here = ptr8(at)
    if then == _MATCHES:
        got = uint(here[0]) << 24 | uint(here[1]) << 16 | uint(here[2]) << 8 | uint(here[3])
        return 1 if got == register else 0
    here[0] = register >> 24
    here[1] = register >> 16
    here[2] = register >> 8
    here[3] = register
    return 0


@micropython.viper
def append(buffer, start: int, stop: int):
    run(0, start, _TABLE, buffer, stop, _APPEND)  # pyright: ignore[reportArgumentType]


@micropython.viper
def matches(buffer, start: int, stop: int) -> bool:
    return bool(run(0, start, _TABLE, buffer, stop, _MATCHES))  # pyright: ignore[reportArgumentType]


@micropython.viper
def digest(buffer, start: int, stop: int) -> int:
    return int(run(0, start, _TABLE, buffer, stop, _DIGEST))  # pyright: ignore[reportArgumentType]
