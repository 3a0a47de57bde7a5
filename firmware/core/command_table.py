# Commands of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py, from FIRST_OF_APP on.
#
# The opcode is the first byte of a command; its arguments follow, packed as core/arguments.py says.
from micropython import const

FIRST_OF_APP = const(0x80)
READ = const(1)  # flag: changes nothing, so whoever is on the bus may ask

# Opcodes: 0x00 core, 0x10 parameters, 0x20 schedule, 0x30 time, 0x40 files, 0x50 update, 0x60 keys.
COMMANDS = (
    # opcode, name, ((argument, type, unit, scale, lowest, highest), ...), flags, description
    (0x00, "noop", (("data", "bytes", "", 1, 0, 64),), READ, "nothing; the reply carries the same bytes"),
    (0x01, "reset", (), 0, "reset the board after the reply has left"),
    (0x30, "time_get", (), READ, "time and the state of its synchronisation: core/README.md"),
    (0x31, "time_set", (
        ("seconds", "u32", "s", 1, None, None),
        ("microseconds", "u32", "us", 1, 0, 999_999),
        ("restart", "u8", "", 1, 0, 1),
    ), 0, "the time at the arrival of this; more than a minute back only with restart; returns the correction"),
)

# Status of a reply.
ACCEPTED, COMPLETED, REFUSED, FAILED = const(0), const(1), const(2), const(3)
STATUSES = ("accepted", "completed", "refused", "failed")

# Reasons of a refusal or failure. The first 32 have counters. The byte after ARGUMENT is the argument's position.
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

REASONS = (
    # number, name, meaning
    (FORM, "form", "too short for a command, or to all"),
    (OPCODE, "opcode", "this board knows no such command"),
    (UNSIGNED, "unsigned", "it needs a signature"),
    (NO_KEY, "no_key", "the slot has no key here"),
    (CLOSED, "closed", "the slot is closed: recover it by its challenge"),
    (FORGED, "forged", "the MAC is wrong"),
    (REPEATED, "repeated", "this sequence was used before"),
    (OLD, "old", "the sequence is below the window"),
    (AHEAD, "ahead", "the sequence is too far ahead"),
    (TOO_MANY, "too_many", "too many wrong MACs this second: not looked at"),
    (LENGTH, "length", "the arguments are too short or too long"),
    (ARGUMENT, "argument", "an argument is out of its range"),
    (STATE, "state", "not in this state"),
    (BUSY, "busy", "something of the kind is still being done"),
    (NOT_FOUND, "not_found", "there is nothing of this name or number"),
    (NO_ROOM, "no_room", "no room"),
    (STORAGE, "storage", "the memory did not take it"),
    (CONTENT, "content", "what it carries is not acceptable"),
    (ABSENT, "absent", "the part or service that does it is not there"),
    (ERROR, "error", "it raised an exception"),
    (TIMEOUT, "timeout", "it took too long"),
)
