# Moving bytes between buffers without allocation: slices allocate on MicroPython, these do not.
#
# The fast version is viper; it stands beside a plain one, tests compare them. Callers check the bounds.
import sys


def copy_plain(into, at, source, start, count):
    """Copy count bytes of source from start to into at `at`; they are different objects or do not overlap."""
    for k in range(count):
        into[at + k] = source[start + k]


def equal_plain(one, at, other, start, count):
    """True if count bytes of one from `at` are those of other from start."""
    for k in range(count):
        if one[at + k] != other[start + k]:
            return False
    return True


def offset_plain(part, whole):
    """Where a slice lies in the buffer it is of, bytes; only the viper loop of MicroPython asks."""
    return 0


def put16(buffer, at, value):
    """Write value big-endian into two bytes."""
    buffer[at] = value >> 8 & 0xFF
    buffer[at + 1] = value & 0xFF


def put32(buffer, at, value):
    """Write value, 0 to 2**32 - 1, big-endian into four bytes."""
    buffer[at] = value >> 24 & 0xFF
    buffer[at + 1] = value >> 16 & 0xFF
    buffer[at + 2] = value >> 8 & 0xFF
    buffer[at + 3] = value & 0xFF


def get16(buffer, at):
    return buffer[at] << 8 | buffer[at + 1]


if sys.implementation.name == "micropython":
    from csp.block_viper import copy, equal, offset
else:
    copy, equal, offset = copy_plain, equal_plain, offset_plain
