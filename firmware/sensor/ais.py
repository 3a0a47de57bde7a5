# AIS messages of ITU-R M.1371-5 Annex 8, from six bits a byte (sensor/nmea.py) to fields.
#
# The tables below are the one source of the layout: name (as pyais and gpsd call it), first bit, width, kind, and
# the raw value that means "not available", which decodes to None. Text that is all "@" stays an empty string. They are
# texts (core/lines.py), which stay in flash.
import micropython
from core.lines import Lines
from micropython import const

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

# Message types that are counted one by one; all others count as "other".
TYPES = (1, 2, 3, 5, 18, 19, 24, 27)

_HEAD = Lines(0, """
msg_type|0|6|uint|None
repeat|6|2|uint|None
mmsi|8|30|uint|None
""")

_CLASS_A = Lines(0, """
status|38|4|uint|15
turn|42|8|turn|-128
speed|50|10|tenth|1023
accuracy|60|1|bool|None
lon|61|28|deg_10000|108600000
lat|89|27|deg_10000|54600000
course|116|12|tenth|3600
heading|128|9|uint|511
second|137|6|uint|60
maneuver|143|2|uint|None
raim|148|1|bool|None
radio|149|19|uint|None
""")  # 3.1, types 1 2 3

_STATIC_A = Lines(0, """
ais_version|38|2|uint|None
imo|40|30|uint|None
callsign|70|42|text|None
shipname|112|120|text|None
ship_type|232|8|uint|None
to_bow|240|9|uint|None
to_stern|249|9|uint|None
to_port|258|6|uint|None
to_starboard|264|6|uint|None
epfd|270|4|uint|None
month|274|4|uint|None
day|278|5|uint|None
hour|283|5|uint|None
minute|288|6|uint|None
draught|294|8|tenth|None
destination|302|120|text|None
dte|422|1|bool|None
""")  # 3.3, type 5

_CLASS_B_HEAD = Lines(0, """
reserved_1|38|8|uint|None
speed|46|10|tenth|1023
accuracy|56|1|bool|None
lon|57|28|deg_10000|108600000
lat|85|27|deg_10000|54600000
course|112|12|tenth|3600
heading|124|9|uint|511
second|133|6|uint|60
""")  # 3.16 and 3.17

_CLASS_B = Lines(0, """
reserved_2|139|2|uint|None
cs|141|1|bool|None
display|142|1|bool|None
dsc|143|1|bool|None
band|144|1|bool|None
msg22|145|1|bool|None
assigned|146|1|bool|None
raim|147|1|bool|None
radio|148|20|uint|None
""")  # 3.16, type 18

_CLASS_B_EXTENDED = Lines(0, """
reserved_2|139|4|uint|None
shipname|143|120|text|None
ship_type|263|8|uint|None
to_bow|271|9|uint|None
to_stern|280|9|uint|None
to_port|289|6|uint|None
to_starboard|295|6|uint|None
epfd|301|4|uint|None
raim|305|1|bool|None
dte|306|1|bool|None
assigned|307|1|bool|None
""")  # 3.17, type 19

_STATIC_B_NAME = Lines(0, """
partno|38|2|uint|None
shipname|40|120|text|None
""")  # 3.22, type 24 part A

_STATIC_B_REST = Lines(0, """
partno|38|2|uint|None
ship_type|40|8|uint|None
vendorid|48|18|text|None
model|66|4|uint|None
serial|70|20|uint|None
callsign|90|42|text|None
""")  # 3.22, type 24 part B

_STATIC_B_VESSEL = Lines(0, """
to_bow|132|9|uint|None
to_stern|141|9|uint|None
to_port|150|6|uint|None
to_starboard|156|6|uint|None
""")

_STATIC_B_AUXILIARY = Lines(0, """
mothership_mmsi|132|30|uint|None
""")  # craft of a mother ship, MMSI 98xxxxxxx

_LONG_RANGE = Lines(0, """
accuracy|38|1|bool|None
raim|39|1|bool|None
status|40|4|uint|15
lon|44|18|deg_10|108600
lat|62|17|deg_10|54600
speed|79|6|whole|63
course|85|9|whole|511
gnss|94|1|bool|None
""")  # 3.25, type 27

# A layout: the parts of a message. The static ones, by what they carry: types 5, 19, 24 A, 24 B.
_POSITION_A = (_HEAD, _CLASS_A)
_POSITION_B = (_HEAD, _CLASS_B_HEAD, _CLASS_B)
_VESSEL = (_HEAD, _STATIC_B_REST, _STATIC_B_VESSEL)
_AUXILIARY = (_HEAD, _STATIC_B_REST, _STATIC_B_AUXILIARY)
STATIC = ((_HEAD, _STATIC_A), (_HEAD, _CLASS_B_HEAD, _CLASS_B_EXTENDED), (_HEAD, _STATIC_B_NAME), _VESSEL, _AUXILIARY)

# Type: fewest bits, layout. A field that a short message does not carry whole is None; bits beyond are ignored,
# as type 27 is sometimes sent as 168 bits.
_LAYOUTS = {
    1: (168, _POSITION_A),
    2: (168, _POSITION_A),
    3: (168, _POSITION_A),
    5: (420, STATIC[0]),
    18: (168, _POSITION_B),
    19: (308, STATIC[1]),
    24: (160, STATIC[2]),
    27: (95, (_HEAD, _LONG_RANGE)),
}
_PART_B_BITS = const(162)


class Unsupported(Exception):
    """A type this decoder only counts."""


@micropython.viper
def unsigned(sixes, first: int, width: int) -> int:
    """`width` bits from bit `first`, most significant first: up to 30, all within `sixes`."""
    at = ptr8(sixes)
    i = first // 6
    left = 6 - first % 6
    if width <= left:
        return at[i] >> left - width & (1 << width) - 1
    value = at[i] & (1 << left) - 1
    width -= left
    while width >= 6:
        i += 1
        value = value << 6 | at[i]
        width -= 6
    if width:
        value = value << width | at[i + 1] >> 6 - width
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
    """Of this message, for fields(). Unsupported: a type only counted. ValueError: too short, or no such part."""
    if bits < 38:
        raise ValueError("AIS message of %d bits" % bits)
    kind = sixes[0]
    if kind not in _LAYOUTS:
        raise Unsupported(kind)
    fewest, parts = _LAYOUTS[kind]
    if kind == 24 and bits >= 40:
        part = unsigned(sixes, 38, 2)
        if part > 1:
            raise ValueError("AIS type 24 part %d" % part)
        if part == 1:
            fewest = _PART_B_BITS
            auxiliary = 980000000 <= unsigned(sixes, 8, 30) <= 989999999
            parts = _AUXILIARY if auxiliary else _VESSEL
    if bits < fewest:
        raise ValueError("AIS type %d of %d bits" % (kind, bits))
    return parts


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
            try:
                place = part[part.position(name)][1:3]
            except KeyError:
                pass
        found.extend(place)
    return tuple(found)


# What the ship table needs of a position report.
_POSITION = ("lon", "lat", "speed", "course", "heading", "status")
_A = plan(_POSITION_A, _POSITION)
_B = plan(_POSITION_B, _POSITION)
_L = plan((_LONG_RANGE,), _POSITION)

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
