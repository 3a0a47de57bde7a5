# Arguments of a command, as its line of the table lists them: one after the other, big-endian, without gaps.
#
#   type                 bytes
#   u8 i8 u16 i16 u32 i32  1 1 2 2 4 4; raw integer, value in unit = raw * scale
#   bytes                the rest of the command; lowest and highest are its length in bytes
#   text                 the rest of the command, UTF-8; lowest and highest are its length in bytes
#
# A limit that is None is the type's own.
import struct
from core.telemetry import _TYPES
from micropython import const

_KIND = const(1)  # positions in an argument's line
_LOW = const(4)
_HIGH = const(5)


class BadLength(ValueError):
    """The bytes are not those of these arguments."""


class BadValue(ValueError):
    """args: position of the argument that is out of its range, or no text."""


def pack(fields, values):
    """bytes of the values (raw integers, bytes, str), by position. BadLength: their number. BadValue: which one."""
    if len(values) != len(fields):
        raise BadLength("%d arguments, not %d" % (len(values), len(fields)))
    packed = b""
    for k, field in enumerate(fields):
        value = values[k]
        kind = field[_KIND]
        if kind == "text":
            if not isinstance(value, str):
                raise BadValue(k)
            value = value.encode()
        if kind == "text" or kind == "bytes":
            if isinstance(value, int) or not _fits(field, len(value)):
                raise BadValue(k)
            packed += bytes(value)
            continue
        code, size = _TYPES[kind][:2]
        low, high = _range(kind, size)
        if type(value) is not int or not low <= value <= high or not _fits(field, value):
            raise BadValue(k)
        packed += struct.pack(code, value)
    return packed


def unpack(fields, data):
    """The values, by position; "bytes" is a memoryview of data, which the caller copies if he keeps it.

    data: memoryview. BadLength: too short or too long. BadValue: which one is out of range.
    """
    values = []
    at = 0
    end = len(data)
    for k, field in enumerate(fields):
        kind = field[_KIND]
        if kind == "bytes" or kind == "text":
            value = data[at:]
            if not _fits(field, end - at):
                raise BadValue(k)
            at = end
            if kind == "text":
                try:
                    value = bytes(value).decode()
                except UnicodeError:
                    raise BadValue(k)
        else:
            code, size = _TYPES[kind][:2]
            if at + size > end:
                raise BadLength("%d bytes" % end)
            value = struct.unpack_from(code, data, at)[0]
            at += size
            if not _fits(field, value):
                raise BadValue(k)
        values.append(value)
    if at != end:
        raise BadLength("%d bytes, not %d" % (end, at))
    return tuple(values)


def _range(kind, size):
    bits = 8 * size
    return (0, (1 << bits) - 1) if kind[0] == "u" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def _fits(field, value):
    low, high = field[_LOW], field[_HIGH]
    return (low is None or value >= low) and (high is None or value <= high)
