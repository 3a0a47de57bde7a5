# Why AIS input was dropped: index into nmea.Receiver.dropped, named by REASONS.
from micropython import const

GARBAGE = const(0)     # bytes that belong to no "!" sentence: noise, $ sentences, cut lines
TOO_LONG = const(1)    # no end of line within LINE_MAX characters, or a message longer than MESSAGE_MAX
CHECKSUM = const(2)    # wrong checksum, or none
FORMAT = const(3)      # not VDM/VDO, or a field that is not as above
ARMOUR = const(4)      # payload character outside 0..W and `..w, or an empty payload
ORPHAN = const(5)      # a later sentence whose first one is missing
INCOMPLETE = const(6)  # a message whose next sentence never came: its place was taken by another
EXPIRED = const(7)     # a message whose next sentence came too late, or not at all
LENGTH = const(8)      # fewer bits than its type needs (counted by the decoder)
PART = const(9)        # type 24 with a part that does not exist (counted by the decoder)
REASONS = ("garbage", "too_long", "checksum", "format", "armour", "orphan", "incomplete", "expired", "length", "part")
