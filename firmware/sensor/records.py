# What the sensor board tells of the ships it heard: packets on CSP port SHIPS.
#
#  byte  type  field
#   0    u8    kind       POSITIONS or STATIC
#   1    u8    count      of records that follow
#   2    u16   sequence   of these packets, so that a lost one shows
#   4    u32   mission    seconds, when it was sent
#   8    records
#
# A position record, 16 bytes, most significant bit first; the units are those of AIS type 1:
#  bit  width  field
#    0    30   mmsi
#   30     2   class      0 A, 1 B, 2 heard by its long-range message (type 27: position to 0.1 minute)
#   32    28   lon        signed, 1/600,000 deg; 181 deg = not available
#   60    27   lat        signed, 1/600,000 deg; 91 deg = not available
#   87    10   speed      0.1 kn; 1023 = not available
#   97    12   course     0.1 deg; 3600 = not available
#  109     9   heading    deg; 511 = not available
#  118     4   status     15 = not available
#  122     6   age        4 s, since it was heard; 63 = older
#
# A static record, 57 bytes: u32 mmsi, u8 which fields it carries, u8 ship type, u32 IMO number,
# call sign 7, name 20, destination 20 (ASCII, zeros at the end).
#
# All big-endian, as CSP is.
import struct

import micropython
from micropython import const

from sensor import ais
from sensor.ais_places import STATIC as STATIC_PLACES

POSITIONS = const(1)
STATIC = const(2)

HEADER_SIZE = const(8)
_HEADER = ">BBHI"

POSITION_SIZE = const(16)
POSITION_FIELDS = (
    # name, first bit, width, signed
    ("mmsi", 0, 30, False),
    ("class", 30, 2, False),
    ("lon", 32, 28, True),
    ("lat", 60, 27, True),
    ("speed", 87, 10, False),
    ("course", 97, 12, False),
    ("heading", 109, 9, False),
    ("status", 118, 4, False),
    ("age", 122, 6, False),
)
AGE_S = const(4)  # unit of age

STATIC_SIZE = const(57)
_STATIC = ">IBBI7s20s20s"
NAME = const(1)         # bits of "which fields it carries"
CALLSIGN = const(2)
SHIP_TYPE = const(4)
IMO = const(8)
DESTINATION = const(16)


def pack_header(buffer, kind, count, sequence, mission_s):
    struct.pack_into(_HEADER, buffer, 0, kind, count, sequence & 0xFFFF, mission_s & 0xFFFFFFFF)


def unpack_header(packet):
    """(kind, count, sequence, mission s); ValueError unless the packet holds exactly what its header says."""
    if len(packet) < HEADER_SIZE:
        raise ValueError("ship packet of %d bytes" % len(packet))
    header = struct.unpack_from(_HEADER, packet, 0)
    size = {POSITIONS: POSITION_SIZE, STATIC: STATIC_SIZE}.get(header[0])
    if size is None:
        raise ValueError("ship packet of kind %d" % header[0])
    if len(packet) != HEADER_SIZE + header[1] * size:
        raise ValueError("ship packet of %d bytes with %d records" % (len(packet), header[1]))
    return header


def pack_position(buffer, at, mmsi, ship_class, lon, lat, speed, course, heading, status, age_s):
    """One position record at buffer[at:]. Nothing is allocated."""
    for i in range(at, at + POSITION_SIZE):
        buffer[i] = 0
    fields = POSITION_FIELDS
    at *= 8
    _put(buffer, at, fields[0], mmsi)
    _put(buffer, at, fields[1], ship_class)
    _put(buffer, at, fields[2], lon)
    _put(buffer, at, fields[3], lat)
    _put(buffer, at, fields[4], speed)
    _put(buffer, at, fields[5], course)
    _put(buffer, at, fields[6], heading)
    _put(buffer, at, fields[7], status)
    _put(buffer, at, fields[8], min(63, age_s // AGE_S))


def unpack_position(packet, at):
    """A dict by field name; age in seconds, not available as above."""
    record = {}
    for name, first, width, is_signed in POSITION_FIELDS:
        value = 0
        for bit in range(first, first + width):
            value = value << 1 | packet[at + (bit >> 3)] >> 7 - (bit & 7) & 1
        if is_signed and value >> width - 1:
            value -= 1 << width
        record[name] = value
    record["age"] *= AGE_S
    return record


@micropython.viper
def _put(buffer, bit: int, field, value: int):
    """The field's bits into a record of zeros that begins at this bit of the buffer."""
    into = ptr8(buffer)
    first = bit + int(field[1])
    width = int(field[2])
    while width:
        free = 8 - (first & 7)
        take = free if free < width else width
        width -= take
        at = first >> 3
        into[at] = into[at] | (value >> width & (1 << take) - 1) << free - take
        first += take


def pack_static(buffer, at, sixes, bits):
    """A static record from a message of type 5, 19 or 24. ValueError when it is none, or too short."""
    places = STATIC_PLACES[ais.layout(sixes, bits)]
    if not places:
        raise ValueError("AIS type %d is not static data" % sixes[0])
    place = struct.unpack(">10H", places)
    fields = 0
    for i in range(at, at + STATIC_SIZE):
        buffer[i] = 0
    if place[1] and place[0] + place[1] <= bits:
        ais.text_into(sixes, place[0], 7, buffer, at + 10)
        fields |= CALLSIGN
    if place[3]:
        ais.text_into(sixes, place[2], 20, buffer, at + 17)
        fields |= NAME
    if place[5] and place[4] + place[5] <= bits:
        ais.text_into(sixes, place[4], 20, buffer, at + 37)
        fields |= DESTINATION
    ship_type = imo = 0
    if place[7]:
        ship_type = ais.unsigned(sixes, place[6], place[7])
        fields |= SHIP_TYPE
    if place[9]:
        imo = ais.unsigned(sixes, place[8], place[9])
        fields |= IMO
    struct.pack_into(">IBBI", buffer, at, ais.unsigned(sixes, 8, 30), fields, ship_type, imo)


def unpack_static(packet, at):
    """A dict of mmsi and those of callsign, shipname, destination, ship_type, imo that the record carries."""
    mmsi, fields, ship_type, imo, callsign, name, destination = struct.unpack_from(_STATIC, packet, at)
    record = {"mmsi": mmsi}
    for flag, key, value in (
        (NAME, "shipname", name),
        (CALLSIGN, "callsign", callsign),
        (DESTINATION, "destination", destination),
        (SHIP_TYPE, "ship_type", ship_type),
        (IMO, "imo", imo),
    ):
        if fields & flag:
            record[key] = value if isinstance(value, int) else _text(value)
    return record


def _text(raw):
    """A text field as pyais gives it; bytes that are no six-bit text become "?"."""
    raw = bytes(c if 32 <= c <= 95 else 63 for c in raw.rstrip(b"\0"))
    return raw.decode().strip()
