# Map of every board's FRAM (MB85RC256V, 32,768 bytes): the one table of who writes where.
# A region belongs to one file; records inside it are core/record.py's. From END on it is free: rings, parameters, keys.

#   name          address  bytes
REGIONS = (
    ("hold",       0x0000, 0x0040),  # core/hold.py
    ("boots",      0x0040, 0x0040),  # core/board.py
    ("supervisor", 0x0080, 0x0080),  # core/supervisor.py
    ("eps",        0x0100, 0x0300),  # eps/
    ("beacon",     0x0400, 0x0300),  # beacon/
    ("sensor",     0x0700, 0x0300),  # sensor/
    ("config",     0x0A00, 0x0300),  # core/config.py
)
END = 0x0D00


def region(name):
    """(address, bytes) of a region. KeyError: there is none of this name."""
    for entry in REGIONS:
        if entry[0] == name:
            return entry[1], entry[2]
    raise KeyError(name)
