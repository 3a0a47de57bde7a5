# AIS messages of ITU-R M.1371-5 Annex 8, from six bits a byte (sensor/nmea.py) to what the ship table needs of them.
# Where a field stands in a message: sensor/ais_table.py, the one source, from which ais_places.py is written.
import micropython
from micropython import const

from sensor.ais_places import BY_TYPE, FEWEST, POSITION

# Message types that are counted one by one; all others count as "other".
TYPES = (1, 2, 3, 5, 18, 19, 24, 27)

_COUNTED = const(255)           # in BY_TYPE: no layout
_VESSEL, _AUXILIARY = const(6), const(7)  # part B of type 24: index into ais_table.LAYOUTS


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
    """Number of this message's layout. Unsupported: a type only counted. ValueError: too short, or no such part."""
    if bits < 38:
        raise ValueError("AIS message of %d bits" % bits)
    kind = sixes[0]
    found = BY_TYPE[kind] if kind < len(BY_TYPE) else _COUNTED
    if found == _COUNTED:
        raise Unsupported(kind)
    if kind == 24 and bits >= 40:
        part = unsigned(sixes, 38, 2)
        if part > 1:
            raise ValueError("AIS type 24 part %d" % part)
        if part == 1:
            auxiliary = 980000000 <= unsigned(sixes, 8, 30) <= 989999999
            found = _AUXILIARY if auxiliary else _VESSEL
    if bits < FEWEST[found]:
        raise ValueError("AIS type %d of %d bits" % (kind, bits))
    return found


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
    found = BY_TYPE[kind]
    if bits < FEWEST[found]:
        return False
    at = POSITION[found]
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
