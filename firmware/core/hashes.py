# Low halves of the hashes of all boards' dictionaries, as they stand in their heartbeats.
# Written by `dragonet generate hashes`; do not edit.
HASHES = {
    # role: (its housekeeping alone, its dictionary)
    "eps": (0x4C61, 0x6B9E),
    "beacon": (0x3FA6, 0xB3FE),
    "sensor": (0x00E7, 0x22F2),
}
