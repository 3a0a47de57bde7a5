# Low halves of the hashes of all boards' dictionaries, as they stand in their heartbeats.
# Written by `dragonet generate hashes`; do not edit.
HASHES = {
    # role: (its housekeeping alone, its dictionary)
    "eps": (0x1653, 0x5BE1),
    "beacon": (0x8734, 0x8322),
    "sensor": (0x8684, 0x8448),
}
