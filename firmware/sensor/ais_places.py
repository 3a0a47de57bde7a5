# Where a board finds what it needs of AIS messages, by number of the layout in sensor/ais_table.py.
# Written by `dragonet generate compact`; do not edit.
# Constant tuples, which stay in flash.
# fmt: off
# The layout of a message type, -1: only counted.
BY_TYPE = (-1, 0, 0, 0, -1, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, -1, -1, -1, -1, 5, -1, -1, 2)
# Fewest bits.
FEWEST = (168, 168, 95, 420, 308, 160, 162, 162)
# First bit and width, 0 and 0 where there is none: lon, lat, speed, course, heading, status.
POSITION = (
    (61, 28, 89, 27, 50, 10, 116, 12, 128, 9, 38, 4),
    (57, 28, 85, 27, 46, 10, 112, 12, 124, 9, 0, 0),
    (44, 18, 62, 17, 79, 6, 85, 9, 0, 0, 40, 4),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (57, 28, 85, 27, 46, 10, 112, 12, 124, 9, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
)
# First bit and width, 0 and 0 where there is none: callsign, shipname, destination, ship_type, imo.
STATIC = (
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (70, 42, 112, 120, 302, 120, 232, 8, 40, 30),
    (0, 0, 143, 120, 0, 0, 263, 8, 0, 0),
    (0, 0, 40, 120, 0, 0, 0, 0, 0, 0),
    (90, 42, 0, 0, 0, 0, 40, 8, 0, 0),
    (90, 42, 0, 0, 0, 0, 40, 8, 0, 0),
)
