# Where a board finds what it needs of AIS messages, by number of the layout in sensor/ais_table.py.
# Written by `dragonet generate compact`; do not edit.
# Constant bytes, which stay in flash where tuples of a slot would not.
# fmt: off
# The layout of a message type, 255: only counted.
BY_TYPE = (
    b"\xff\x00\x00\x00\xff\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04\xff\xff\xff\xff\x05\xff\xff\x02"
)
# Fewest bits.
FEWEST = (168, 168, 95, 420, 308, 160, 162, 162)
# First bit and width, u8 each, 0 and 0 where there is none: lon, lat, speed, course, heading, status.
POSITION = (
    # 61, 28, 89, 27, 50, 10, 116, 12, 128, 9, 38, 4
    b"\x3d\x1c\x59\x1b\x32\x0a\x74\x0c\x80\x09\x26\x04",
    # 57, 28, 85, 27, 46, 10, 112, 12, 124, 9, 0, 0
    b"\x39\x1c\x55\x1b\x2e\x0a\x70\x0c\x7c\x09\x00\x00",
    # 44, 18, 62, 17, 79, 6, 85, 9, 0, 0, 40, 4
    b"\x2c\x12\x3e\x11\x4f\x06\x55\x09\x00\x00\x28\x04",
    # none
    b"",
    # 57, 28, 85, 27, 46, 10, 112, 12, 124, 9, 0, 0
    b"\x39\x1c\x55\x1b\x2e\x0a\x70\x0c\x7c\x09\x00\x00",
    # none
    b"",
    # none
    b"",
    # none
    b"",
)
# First bit and width, u16 each, 0 and 0 where there is none: callsign, shipname, destination, ship_type, imo.
STATIC = (
    # none
    b"",
    # none
    b"",
    # none
    b"",
    # 70, 42, 112, 120, 302, 120, 232, 8, 40, 30
    b"\x00\x46\x00\x2a\x00\x70\x00\x78\x01\x2e\x00\x78\x00\xe8\x00\x08\x00\x28\x00\x1e",
    # 0, 0, 143, 120, 0, 0, 263, 8, 0, 0
    b"\x00\x00\x00\x00\x00\x8f\x00\x78\x00\x00\x00\x00\x01\x07\x00\x08\x00\x00\x00\x00",
    # 0, 0, 40, 120, 0, 0, 0, 0, 0, 0
    b"\x00\x00\x00\x00\x00\x28\x00\x78\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    # 90, 42, 0, 0, 0, 0, 40, 8, 0, 0
    b"\x00\x5a\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x28\x00\x08\x00\x00\x00\x00",
    # 90, 42, 0, 0, 0, 0, 40, 8, 0, 0
    b"\x00\x5a\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x28\x00\x08\x00\x00\x00\x00",
)
