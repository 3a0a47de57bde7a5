# CRC-32C (Castagnoli, RFC 3720 B.4): reflected polynomial 0x82F63B78, start and final xor 0xFFFFFFFF.
#
# libcsp appends it big-endian, over the data alone (1.x, stock 2.x) or over header and data (builds for 2.1).
# The check value of b"123456789" is E3069283. The sum itself never becomes a Python integer on the packet path:
# from 2**30 on that would be an allocation on a 32-bit port.
import sys
from array import array

_POLYNOMIAL = 0x82F63B78  # reflected


def _entry(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ _POLYNOMIAL if byte & 1 else byte >> 1
    return byte


TABLE = array("I", [_entry(byte) for byte in range(256)])


def crc(data):
    """The CRC of data as an integer; for tools and tests."""
    register = 0xFFFFFFFF
    for byte in data:
        register = TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def append_plain(buffer, start, stop):
    """Write the CRC of buffer[start:stop] into the four bytes from stop on."""
    value = crc(memoryview(buffer)[start:stop])
    for k in range(4):
        buffer[stop + k] = value >> (24 - 8 * k) & 0xFF


def matches_plain(buffer, start, stop):
    """True if the four bytes from stop on are the CRC of buffer[start:stop]."""
    return crc(memoryview(buffer)[start:stop]) == int.from_bytes(memoryview(buffer)[stop : stop + 4], "big")


def digest_plain(buffer, start, stop):
    """30 bits of the CRC of buffer[start:stop], to know a packet again."""
    return crc(memoryview(buffer)[start:stop]) & 0x3FFFFFFF


def run_plain(register, start, table, buffer, stop, then):
    """`matches`, with the arguments that the viper version has; then: 1."""
    return 1 if matches_plain(buffer, start, stop) else 0


if sys.implementation.name == "micropython":
    from csp.crc32c_viper import append, digest, matches, run
else:
    append, digest, matches, run = append_plain, digest_plain, matches_plain, run_plain
