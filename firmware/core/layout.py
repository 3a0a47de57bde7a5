# Map of every board's FRAM (MB85RC256V, 32,768 bytes): the one table of who writes where.
# A region belongs to one file; records inside it are core/record.py's. From END on it is free.

#   name          address  bytes
REGIONS = (
    ("hold",       0x0000, 0x0040),  # core/hold.py
    ("boots",      0x0040, 0x0040),  # core/board.py
    ("supervisor", 0x0080, 0x0080),  # core/supervisor.py
    ("eps",        0x0100, 0x0300),  # eps/
    ("beacon",     0x0400, 0x0300),  # beacon/
    ("sensor",     0x0700, 0x0300),  # sensor/
    ("config",     0x0A00, 0x0300),  # core/config.py
    ("params",     0x0D00, 0x0400),  # core/params.py
    ("keys",       0x1100, 0x0300),  # core/keys.py
    ("schedule",   0x1400, 0x0800),  # core/schedule.py
    ("time",       0x1C00, 0x0080),  # core/time_sync.py
    ("limits",     0x1C80, 0x0080),  # core/limits.py
    ("files",      0x1D00, 0x0200),  # core/files.py
    ("update",     0x1F00, 0x0200),  # core/update.py and the guard
    ("events",     0x2100, 0x1800),  # core/events.py
    ("log",        0x3900, 0x0A00),  # core/store.py: housekeeping on its way to flash
    ("window",     0x4300, 0x2500),  # core/files.py: blocks of an upload on their way to flash
)
END = 0x6800


def region(name):
    """(address, bytes) of a region. KeyError: there is none of this name."""
    for entry in REGIONS:
        if entry[0] == name:
            return entry[1], entry[2]
    raise KeyError(name)
