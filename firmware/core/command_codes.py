# Numbers that commands and their replies carry; the commands and the meanings of the reasons: core/command_table.py.
from micropython import const

SLOT_STATUS = const(0x60)  # opcodes
SLOT_RECOVER = const(0x62)
READ = const(1)            # flag: changes nothing, so whoever is on the bus may ask

# Status of a reply.
ACCEPTED, COMPLETED, REFUSED, FAILED = const(0), const(1), const(2), const(3)

# Reasons of a refusal or failure. The first COUNTED have counters. The byte after ARGUMENT is the argument's position.
FORM = const(1)
OPCODE = const(2)
UNSIGNED = const(3)
NO_KEY = const(4)
CLOSED = const(5)
FORGED = const(6)
REPEATED = const(7)
OLD = const(8)
AHEAD = const(9)
TOO_MANY = const(10)
LENGTH = const(11)
ARGUMENT = const(12)
STATE = const(13)
BUSY = const(14)
NOT_FOUND = const(15)
NO_ROOM = const(16)
STORAGE = const(17)
CONTENT = const(18)
ABSENT = const(19)
ERROR = const(20)
TIMEOUT = const(21)
COUNTED = const(32)
