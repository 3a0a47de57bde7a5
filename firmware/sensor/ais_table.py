# The fields of AIS messages, ITU-R M.1371-5 Annex 8, and their values: on the host, which decodes all of them. Of these
# tables `dragonet generate compact` writes what a board carries: sensor/ais_places.py.
#
# The tables are the one source of the layout: name (as pyais and gpsd call it), first bit, width, kind, and the raw
# value that means "not available", which decodes to None. Text that is all "@" stays an empty string.
from sensor import ais
from sensor.ais import signed, text_into, unsigned

# How a field's raw bits read.
UINT = "uint"
BOOL = "bool"
TEXT = "text"            # six-bit characters, ended by "@"
TENTH = "tenth"          # raw / 10
WHOLE = "whole"          # raw, with a decimal point
DEG_10000 = "deg_10000"  # signed, 1/10,000 minute = 1/600,000 degree
DEG_10 = "deg_10"        # signed, 1/10 minute = 1/600 degree (type 27)
TURN = "turn"            # signed, 4.733 * sqrt(degrees per minute)
_SIGNED = (DEG_10000, DEG_10, TURN)

_HEAD = (
    ("msg_type", 0, 6, UINT, None),
    ("repeat", 6, 2, UINT, None),
    ("mmsi", 8, 30, UINT, None),
)

_CLASS_A = (
    ("status", 38, 4, UINT, 15),
    ("turn", 42, 8, TURN, -128),
    ("speed", 50, 10, TENTH, 1023),
    ("accuracy", 60, 1, BOOL, None),
    ("lon", 61, 28, DEG_10000, 108600000),
    ("lat", 89, 27, DEG_10000, 54600000),
    ("course", 116, 12, TENTH, 3600),
    ("heading", 128, 9, UINT, 511),
    ("second", 137, 6, UINT, 60),
    ("maneuver", 143, 2, UINT, None),
    ("raim", 148, 1, BOOL, None),
    ("radio", 149, 19, UINT, None),
)  # 3.1, types 1 2 3

_STATIC_A = (
    ("ais_version", 38, 2, UINT, None),
    ("imo", 40, 30, UINT, None),
    ("callsign", 70, 42, TEXT, None),
    ("shipname", 112, 120, TEXT, None),
    ("ship_type", 232, 8, UINT, None),
    ("to_bow", 240, 9, UINT, None),
    ("to_stern", 249, 9, UINT, None),
    ("to_port", 258, 6, UINT, None),
    ("to_starboard", 264, 6, UINT, None),
    ("epfd", 270, 4, UINT, None),
    ("month", 274, 4, UINT, None),
    ("day", 278, 5, UINT, None),
    ("hour", 283, 5, UINT, None),
    ("minute", 288, 6, UINT, None),
    ("draught", 294, 8, TENTH, None),
    ("destination", 302, 120, TEXT, None),
    ("dte", 422, 1, BOOL, None),
)  # 3.3, type 5

_CLASS_B_HEAD = (
    ("reserved_1", 38, 8, UINT, None),
    ("speed", 46, 10, TENTH, 1023),
    ("accuracy", 56, 1, BOOL, None),
    ("lon", 57, 28, DEG_10000, 108600000),
    ("lat", 85, 27, DEG_10000, 54600000),
    ("course", 112, 12, TENTH, 3600),
    ("heading", 124, 9, UINT, 511),
    ("second", 133, 6, UINT, 60),
)  # 3.16 and 3.17

_CLASS_B = (
    ("reserved_2", 139, 2, UINT, None),
    ("cs", 141, 1, BOOL, None),
    ("display", 142, 1, BOOL, None),
    ("dsc", 143, 1, BOOL, None),
    ("band", 144, 1, BOOL, None),
    ("msg22", 145, 1, BOOL, None),
    ("assigned", 146, 1, BOOL, None),
    ("raim", 147, 1, BOOL, None),
    ("radio", 148, 20, UINT, None),
)  # 3.16, type 18

_CLASS_B_EXTENDED = (
    ("reserved_2", 139, 4, UINT, None),
    ("shipname", 143, 120, TEXT, None),
    ("ship_type", 263, 8, UINT, None),
    ("to_bow", 271, 9, UINT, None),
    ("to_stern", 280, 9, UINT, None),
    ("to_port", 289, 6, UINT, None),
    ("to_starboard", 295, 6, UINT, None),
    ("epfd", 301, 4, UINT, None),
    ("raim", 305, 1, BOOL, None),
    ("dte", 306, 1, BOOL, None),
    ("assigned", 307, 1, BOOL, None),
)  # 3.17, type 19

_STATIC_B_NAME = (
    ("partno", 38, 2, UINT, None),
    ("shipname", 40, 120, TEXT, None),
)  # 3.22, type 24 part A

_STATIC_B_REST = (
    ("partno", 38, 2, UINT, None),
    ("ship_type", 40, 8, UINT, None),
    ("vendorid", 48, 18, TEXT, None),
    ("model", 66, 4, UINT, None),
    ("serial", 70, 20, UINT, None),
    ("callsign", 90, 42, TEXT, None),
)  # 3.22, type 24 part B

_STATIC_B_VESSEL = (
    ("to_bow", 132, 9, UINT, None),
    ("to_stern", 141, 9, UINT, None),
    ("to_port", 150, 6, UINT, None),
    ("to_starboard", 156, 6, UINT, None),
)

_STATIC_B_AUXILIARY = (
    ("mothership_mmsi", 132, 30, UINT, None),
)  # craft of a mother ship, MMSI 98xxxxxxx

_LONG_RANGE = (
    ("accuracy", 38, 1, BOOL, None),
    ("raim", 39, 1, BOOL, None),
    ("status", 40, 4, UINT, 15),
    ("lon", 44, 18, DEG_10, 108600),
    ("lat", 62, 17, DEG_10, 54600),
    ("speed", 79, 6, WHOLE, 63),
    ("course", 85, 9, WHOLE, 511),
    ("gnss", 94, 1, BOOL, None),
)  # 3.25, type 27

# A layout: the parts of a message.
LAYOUTS = (
    (_HEAD, _CLASS_A),
    (_HEAD, _CLASS_B_HEAD, _CLASS_B),
    (_HEAD, _LONG_RANGE),
    (_HEAD, _STATIC_A),
    (_HEAD, _CLASS_B_HEAD, _CLASS_B_EXTENDED),
    (_HEAD, _STATIC_B_NAME),
    (_HEAD, _STATIC_B_REST, _STATIC_B_VESSEL),     # 6 and 7 by these numbers in ais.py
    (_HEAD, _STATIC_B_REST, _STATIC_B_AUXILIARY),
)

# Fewest bits of each layout. A field that a short message does not carry whole is None; bits beyond are ignored, as
# type 27 is sometimes sent as 168 bits.
FEWEST = (168, 168, 95, 420, 308, 160, 162, 162)

# Layouts by message type; of type 24 that of part A.
TYPES = {1: 0, 2: 0, 3: 0, 5: 3, 18: 1, 19: 4, 24: 5, 27: 2}

# What the ship table needs of a position report, and what a static record carries.
POSITION = ("lon", "lat", "speed", "course", "heading", "status")
STATIC = ("callsign", "shipname", "destination", "ship_type", "imo")


def layout(sixes, bits):
    """The parts of this message, for fields(); errors as ais.layout()."""
    return LAYOUTS[ais.layout(sixes, bits)]


def fields(parts):
    """All fields of a layout: (name, first bit, width, kind, not available)."""
    for part in parts:
        yield from part


def raw(sixes, bits, field):
    """A field's raw value: integer, text, or None when it is not available or not in the message."""
    _, first, width, kind, missing = field
    if first + width > bits:
        return None
    if kind == TEXT:
        characters = bytearray(width // 6)
        length = text_into(sixes, first, width // 6, characters, 0)
        return bytes(characters[:length]).decode().strip()
    value = signed(sixes, first, width) if kind in _SIGNED else unsigned(sixes, first, width)
    return None if value == missing else value


def natural(kind, value):
    """A raw value in the unit people use: degrees, knots, degrees per minute, metres of draught."""
    if value is None or kind == UINT or kind == TEXT:
        return value
    if kind == BOOL:
        return bool(value)
    if kind == TENTH:
        return value / 10
    if kind == WHOLE:
        return float(value)
    if kind == TURN:
        return float(turn(value))
    return microdegrees(kind, value) / 1000000


def microdegrees(kind, value):
    """Nearest millionth of a degree, half up; never exactly half."""
    return (10 * value + 3) // 6 if kind == DEG_10000 else (10000 * value + 3) // 6


def turn(value):
    """Degrees per minute, right positive, from the raw rate of turn; +-127 is "faster than 5 deg in 30 s"."""
    if value == 127 or value == -127:
        return value
    rate = round((value / 4.733) ** 2)
    return -rate if value < 0 else rate


def decode(sixes, bits):
    """All fields of a message by name, in natural units; errors as layout()."""
    return {field[0]: natural(field[3], raw(sixes, bits, field)) for field in fields(layout(sixes, bits))}


def plan(parts, names):
    """First bit and width of each name, one after the other; 0, 0 for what this layout does not have."""
    found = []
    for name in names:
        place = (0, 0)
        for part in parts:
            for field in part:
                if field[0] == name:
                    place = field[1:3]
        found.extend(place)
    return tuple(found)
