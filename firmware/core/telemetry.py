# Housekeeping of a board: one table a board, from which it is packed, unpacked, scaled and described (DESIGN, rule 6).
#
# Fields stand one after the other as the table lists them, big-endian, without gaps. A value is a raw integer;
# raw * scale is in the field's unit. None, "not available", travels as the type's reserved value:
#
#   type  bytes  range                  reserved
#   u8    1      0 .. 254               255
#   i8    1      -127 .. 127            -128
#   u16   2      0 .. 65,534            65,535
#   i16   2      -32,767 .. 32,767      -32,768
#   u32   4      0 .. 4,294,967,294     4,294,967,295
#   i32   4      -(2^31 - 1) .. 2^31-1  -2^31
import struct
from binascii import crc32
from core.lines import position
from micropython import const

_NAMES = ("u8", "i8", "u16", "i16", "u32", "i32")
_KINDS = (  # code of struct, bytes, lowest, highest, reserved
    (">B", 1, 0, 0xFE, 0xFF),
    (">b", 1, -0x7F, 0x7F, -0x80),
    (">H", 2, 0, 0xFFFE, 0xFFFF),
    (">h", 2, -0x7FFF, 0x7FFF, -0x8000),
    (">I", 4, 0, 0xFFFFFFFE, 0xFFFFFFFF),
    (">i", 4, -0x7FFFFFFF, 0x7FFFFFFF, -0x80000000),
)
_TYPES = {_NAMES[k]: _KINDS[k] for k in range(6)}

_NAME = const(0)  # positions in a field
_TYPE = const(1)
_UNIT = const(2)
_SCALE = const(3)


def hash_of(lines):
    """CRC-32 of lines joined by line feeds; the whole text never is on the heap."""
    crc = None
    for line in lines:
        crc = crc32(line.encode(), 0 if crc is None else crc32(b"\n", crc))
    return (crc or 0) & 0xFFFFFFFF


class Set:
    """A board's table. fields: (name, type, unit, scale, description) each, a tuple or core.lines.Lines.

    size: bytes when packed. saturated: values that did not fit. hash: None: found when it is asked for.
    ValueError: the table is wrong.
    """

    def __init__(self, name, fields, hash=None):
        self.name = name
        self.fields = fields
        kinds = []
        places = []
        names = set()
        at = 0
        for field in fields:
            if field[_TYPE] not in _TYPES:
                raise ValueError("%s.%s is of unknown type %s" % (name, field[_NAME], field[_TYPE]))
            if field[_NAME] in names:
                raise ValueError("%s.%s stands twice" % (name, field[_NAME]))
            names.add(field[_NAME])
            kind = _NAMES.index(field[_TYPE])
            kinds.append(kind)
            places.append(at)
            at += _KINDS[kind][1]
        self._kinds = bytes(kinds)
        self._places = bytes(places)
        self.size = at
        self.saturated = 0
        self._hash = hash

    @property
    def names(self):
        """Of all fields, a tuple made anew each time."""
        return tuple([field[_NAME] for field in self.fields])

    @property
    def hash(self):
        """CRC-32 of the text."""
        if self._hash is None:
            self._hash = hash_of(self.lines())
        return self._hash

    def text(self):
        """The canonical text: what a receiver must agree on. Descriptions may be reworded."""
        return "\n".join(self.lines())

    def lines(self):
        """The text, line by line."""
        yield "housekeeping %s" % self.name
        for field in self.fields:
            yield "%s %s %g %s" % (field[_NAME], field[_TYPE], field[_SCALE], field[_UNIT])

    def index(self, name):
        """Position of a field. ValueError: there is none of this name."""
        try:
            return position(self.fields, _NAME, name)
        except KeyError:
            raise ValueError("%s.%s" % (self.name, name))

    def values(self):
        """A list for this table, every value not available yet."""
        return [None] * len(self.fields)

    def pack_into(self, buffer, values, offset=0):
        """Packs values, by position, into size bytes of buffer."""
        k = 0
        kinds = _KINDS
        for kind in self._kinds:
            code, size, low, high, reserved = kinds[kind]
            value = values[k]
            if value is None:
                value = reserved
            elif type(value) is not int or value < low or value > high:
                value = self._fit(value, low, high, reserved)
            struct.pack_into(code, buffer, offset, value)
            offset += size
            k += 1

    def unpack(self, data):
        """dict of raw values, None where not available. ValueError: data is not of this table's size."""
        if len(data) != self.size:
            raise ValueError("housekeeping %s of %d bytes, not %d" % (self.name, len(data), self.size))
        raw = {}
        for k, name in enumerate(self.names):
            raw[name] = self.get(data, k)
        return raw

    def get(self, data, position):
        """One raw value of packed data, None when not available. IndexError: data is too short."""
        _, size, low, _, reserved = _KINDS[self._kinds[position]]
        at = self._places[position]
        value = data[at]
        for k in range(at + 1, at + size):
            value = value << 8 | data[k]
        if low < 0 and value >> (8 * size - 1):
            value -= 1 << (8 * size)
        return None if value == reserved else value

    def scaled(self, raw):
        """dict of values in their units from a dict of raw values."""
        values = {}
        for field in self.fields:
            value = raw[field[_NAME]]
            values[field[_NAME]] = None if value is None else value * field[_SCALE]
        return values

    def _fit(self, value, low, high, reserved):
        # The nearest value that fits; what is no number is not available.
        try:
            if value < low:
                value = low
            elif value > high:
                value = high
            else:  # a float or a bool in range
                return int(value + 0.5 if value >= 0 else value - 0.5)
        except (TypeError, ValueError):
            value = reserved
        self.saturated += 1
        return value
