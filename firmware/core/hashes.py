# Low halves of the hashes of all boards' dictionaries, as they stand in their heartbeats.
# Written by `dragonet generate hashes`; do not edit.
HASHES = {
    # role: (its housekeeping alone, its dictionary)
    "eps": (0x1653, 0xDA15),
    "beacon": (0x8734, 0xF17C),
    "sensor": (0x8684, 0x596B),
}
