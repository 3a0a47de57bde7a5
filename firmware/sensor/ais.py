# AIS messages of ITU-R M.1371-5 Annex 8, from six bits a byte (sensor/nmea.py) to fields.
#
# The tables below are the one source of the layout: name (as pyais and gpsd call it), first bit, width, kind, and
# the raw value that means "not available", which decodes to None. Text that is all "@" stays an empty string.
from micropython import const

# How a field's raw bits read.
UINT = const(0)
BOOL = const(1)
TEXT = const(2)      # six-bit characters, ended by "@"
TENTH = const(3)     # raw / 10
WHOLE = const(4)     # raw, with a decimal point
DEG_10000 = const(5)  # signed, 1/10,000 minute = 1/600,000 degree
DEG_10 = const(6)    # signed, 1/10 minute = 1/600 degree (type 27)
TURN = const(7)      # signed, 4.733 * sqrt(degrees per minute)

# Message types that are counted one by one; all others count as "other".
TYPES = (1, 2, 3, 5, 18, 19, 24, 27)

_HEAD = (
    ("msg_type", 0, 6, UINT, None),
    ("repeat", 6, 2, UINT, None),
    ("mmsi", 8, 30, UINT, None),
)

_CLASS_A = _HEAD + (  # 3.1, types 1 2 3
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
)

_STATIC_A = _HEAD + (  # 3.3, type 5
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
)

_CLASS_B_HEAD = _HEAD + (  # 3.16 and 3.17
    ("reserved_1", 38, 8, UINT, None),
    ("speed", 46, 10, TENTH, 1023),
    ("accuracy", 56, 1, BOOL, None),
    ("lon", 57, 28, DEG_10000, 108600000),
    ("lat", 85, 27, DEG_10000, 54600000),
    ("course", 112, 12, TENTH, 3600),
    ("heading", 124, 9, UINT, 511),
    ("second", 133, 6, UINT, 60),
)

_CLASS_B = _CLASS_B_HEAD + (  # 3.16, type 18
    ("reserved_2", 139, 2, UINT, None),
    ("cs", 141, 1, BOOL, None),
    ("display", 142, 1, BOOL, None),
    ("dsc", 143, 1, BOOL, None),
    ("band", 144, 1, BOOL, None),
    ("msg22", 145, 1, BOOL, None),
    ("assigned", 146, 1, BOOL, None),
    ("raim", 147, 1, BOOL, None),
    ("radio", 148, 20, UINT, None),
)

_CLASS_B_EXTENDED = _CLASS_B_HEAD + (  # 3.17, type 19
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
)

_STATIC_B_NAME = _HEAD + (  # 3.22, type 24 part A
    ("partno", 38, 2, UINT, None),
    ("shipname", 40, 120, TEXT, None),
)

_STATIC_B_REST = _HEAD + (  # 3.22, type 24 part B
    ("partno", 38, 2, UINT, None),
    ("ship_type", 40, 8, UINT, None),
    ("vendorid", 48, 18, TEXT, None),
    ("model", 66, 4, UINT, None),
    ("serial", 70, 20, UINT, None),
    ("callsign", 90, 42, TEXT, None),
)
_STATIC_B_VESSEL = _STATIC_B_REST + (
    ("to_bow", 132, 9, UINT, None),
    ("to_stern", 141, 9, UINT, None),
    ("to_port", 150, 6, UINT, None),
    ("to_starboard", 156, 6, UINT, None),
)
_STATIC_B_AUXILIARY = _STATIC_B_REST + (  # craft of a mother ship, MMSI 98xxxxxxx
    ("mothership_mmsi", 132, 30, UINT, None),
)

_LONG_RANGE = _HEAD + (  # 3.25, type 27
    ("accuracy", 38, 1, BOOL, None),
    ("raim", 39, 1, BOOL, None),
    ("status", 40, 4, UINT, 15),
    ("lon", 44, 18, DEG_10, 108600),
    ("lat", 62, 17, DEG_10, 54600),
    ("speed", 79, 6, WHOLE, 63),
    ("course", 85, 9, WHOLE, 511),
    ("gnss", 94, 1, BOOL, None),
)

# Type: fewest bits, fields. A field that a short message does not carry whole is None; bits beyond are ignored,
# as type 27 is sometimes sent as 168 bits.
_LAYOUTS = {
    1: (168, _CLASS_A),
    2: (168, _CLASS_A),
    3: (168, _CLASS_A),
    5: (420, _STATIC_A),
    18: (168, _CLASS_B),
    19: (308, _CLASS_B_EXTENDED),
    24: (160, _STATIC_B_NAME),
    27: (95, _LONG_RANGE),
}
_PART_B_BITS = const(162)


class Unsupported(Exception):
    """A type this decoder only counts."""


def unsigned(sixes, first, width):
    """`width` bits from bit `first`, most significant first. Stays a small integer up to 30 bits."""
    i = first // 6
    left = 6 - first % 6
    if width <= left:
        return sixes[i] >> left - width & (1 << width) - 1
    value = sixes[i] & (1 << left) - 1
    width -= left
    while width >= 6:
        i += 1
        value = value << 6 | sixes[i]
        width -= 6
    if width:
        value = value << width | sixes[i + 1] >> 6 - width
    return value


def signed(sixes, first, width):
    """As unsigned(), two's complement."""
    value = unsigned(sixes, first, width)
    return value - (1 << width) if value >> width - 1 else value


def text_into(sixes, first, count, into, at):
    """ASCII of `count` six-bit characters to into[at:]; after the end ("@") zeros. Returns the length."""
    length = count
    for k in range(count):
        c = 0
        if k < length:
            c = unsigned(sixes, first + 6 * k, 6)
            if c == 0:
                length = k
            elif c < 32:
                c += 64
        into[at + k] = c
    return length


def layout(sixes, bits):
    """The fields of this message. Unsupported: a type only counted. ValueError: too few bits, or no such part."""
    if bits < 38:
        raise ValueError("AIS message of %d bits" % bits)
    kind = sixes[0]
    if kind not in _LAYOUTS:
        raise Unsupported(kind)
    fewest, fields = _LAYOUTS[kind]
    if kind == 24 and bits >= 40:
        part = unsigned(sixes, 38, 2)
        if part > 1:
            raise ValueError("AIS type 24 part %d" % part)
        if part == 1:
            fewest = _PART_B_BITS
            auxiliary = 980000000 <= unsigned(sixes, 8, 30) <= 989999999
            fields = _STATIC_B_AUXILIARY if auxiliary else _STATIC_B_VESSEL
    if bits < fewest:
        raise ValueError("AIS type %d of %d bits" % (kind, bits))
    return fields


def raw(sixes, bits, field):
    """A field's raw value: integer, text, or None when it is not available or not in the message."""
    _, first, width, kind, missing = field
    if first + width > bits:
        return None
    if kind == TEXT:
        characters = bytearray(width // 6)
        length = text_into(sixes, first, width // 6, characters, 0)
        return bytes(characters[:length]).decode().strip()
    value = signed(sixes, first, width) if kind >= DEG_10000 else unsigned(sixes, first, width)
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
    fields = layout(sixes, bits)
    return {field[0]: natural(field[3], raw(sixes, bits, field)) for field in fields}


def plan(fields, names):
    """First bit and width of each name, one after the other; 0, 0 for what these fields do not have."""
    places = {field[0]: (field[1], field[2]) for field in fields}
    found = []
    for name in names:
        found.extend(places.get(name, (0, 0)))
    return tuple(found)


# What the ship table needs of a position report.
_POSITION = ("lon", "lat", "speed", "course", "heading", "status")
_A = plan(_CLASS_A, _POSITION)
_B = plan(_CLASS_B_HEAD, _POSITION)
_L = plan(_LONG_RANGE, _POSITION)

# Ship classes
CLASS_A = const(0)
CLASS_B = const(1)
LONG_RANGE = const(2)

# Index into the list that position() fills. Units: 1/600,000 deg, 0.1 kn, 0.1 deg, deg.
MMSI = const(0)
LON = const(1)
LAT = const(2)
SPEED = const(3)
COURSE = const(4)
HEADING = const(5)
STATUS = const(6)
CLASS = const(7)

NO_LON = const(108600000)
NO_LAT = const(54600000)
NO_SPEED = const(1023)
NO_COURSE = const(3600)
NO_HEADING = const(511)
NO_STATUS = const(15)


def is_position(kind):
    """Whether position() reads this message type."""
    return 1 <= kind <= 3 or kind == 18 or kind == 19 or kind == 27


def position(sixes, bits, out):
    """Fills the list `out` from a position report (types 1 2 3 18 19 27). False if it is shorter than its type.

    Not available is the type 1 sentinel (NO_LON ...), whatever the type. Nothing is allocated.
    """
    kind = sixes[0]
    if bits < _LAYOUTS[kind][0]:
        return False
    at = _A if kind <= 3 else _L if kind == 27 else _B
    out[MMSI] = unsigned(sixes, 8, 30)
    lon = signed(sixes, at[0], at[1])
    lat = signed(sixes, at[2], at[3])
    speed = unsigned(sixes, at[4], at[5])
    course = unsigned(sixes, at[6], at[7])
    if kind == 27:  # coarser units
        lon *= 1000
        lat *= 1000
        speed = NO_SPEED if speed == 63 else speed * 10
        course = NO_COURSE if course >= 360 else course * 10
        out[HEADING] = NO_HEADING
        out[CLASS] = LONG_RANGE
    else:
        out[HEADING] = unsigned(sixes, at[8], at[9])
        out[CLASS] = CLASS_A if kind <= 3 else CLASS_B
    # a place off the globe is no place: 181 and 91 mean so, others are faulty senders
    out[LON] = lon if -108000000 <= lon <= 108000000 else NO_LON
    out[LAT] = lat if -54000000 <= lat <= 54000000 else NO_LAT
    out[SPEED] = speed
    out[COURSE] = course if course < 3600 else NO_COURSE
    out[STATUS] = unsigned(sixes, at[10], at[11]) if at[11] else NO_STATUS
    return True
