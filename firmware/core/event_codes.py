# Numbers of the core's events and of severities; what they mean: core/event_table.py.
# Numbers: 0 core, 0x10 parameters, 0x20 schedule, 0x30 time, 0x40 files, 0x50 update, 0x60 commands, as the opcodes.
from micropython import const

DEBUG, INFO, WARNING, ERROR = const(0), const(1), const(2), const(3)

BOOT = const(0)
FAULT = const(1)
TASK_FAILED = const(2)
DICTIONARY = const(3)
LIMIT_WARNING = const(4)
LIMIT_ERROR = const(5)
LIMIT_OVER = const(6)
ANTENNA_BURN = const(7)
ANTENNA_RELEASED = const(8)
LIMIT_ACTION = const(9)
FILE_RECEIVED = const(0x40)
FILE_DELETED = const(0x41)
LOG_LOST = const(0x42)
SCRUBBED = const(0x43)
UPDATE = const(0x50)

SCHEDULE_DONE = const(0x20)
SCHEDULE_MISSED = const(0x21)
SCHEDULE_CUT = const(0x22)
SCHEDULE_STORAGE = const(0x23)
SEQUENCE_ENDED = const(0x24)
SEQUENCE_STOPPED = const(0x25)

TIME_SET = const(0x30)
TIME_STEP = const(0x31)
TIME_SYNCHRONISED = const(0x32)
TIME_FAR = const(0x33)

PARAM_SET = const(0x10)
PARAM_REVERTED = const(0x11)
COMMAND_REFUSED = const(0x60)
KEY_SLOT = const(0x61)
