# Events of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py, from FIRST_OF_APP on.
#
# An event is a number, a severity, and two signed 32-bit values whose meaning stands here: core/events.py.
# Numbers: 0 core, 0x10 parameters, 0x20 schedule, 0x30 time, 0x40 files, 0x50 update, 0x60 commands, as the opcodes.
from micropython import const

DEBUG, INFO, WARNING, ERROR = const(0), const(1), const(2), const(3)
SEVERITIES = ("debug", "info", "warning", "error")
FIRST_OF_APP = const(128)

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

EVENTS = (
    # number, name, severity, a, b, description
    (BOOT, "boot", INFO, "reset cause", "boots", "the board started"),
    (FAULT, "fault", WARNING, "faults since boot", "", "something was survived: storage, configuration, a bus, a part"),
    (TASK_FAILED, "task_failed", ERROR, "task number", "failures in a row", "a task raised or missed its deadline"),
    (DICTIONARY, "dictionary", WARNING, "address", "hash", "a board is of another dictionary: its values are not read"),
    (LIMIT_WARNING, "limit_warning", WARNING, "limit", "value", "a value left its limits"),
    (LIMIT_ERROR, "limit_error", ERROR, "limit", "value", "a value left its limits"),
    (LIMIT_OVER, "limit_over", INFO, "limit", "value", "a value is within its limits again"),
    (LIMIT_ACTION, "limit_action", WARNING, "limit", "reason", "the action of a limit was not done"),
    (ANTENNA_BURN, "antenna_burn", INFO, "attempts", "switch", "the antenna's wire is heated"),
    (ANTENNA_RELEASED, "antenna_released", INFO, "attempts", "", "the antenna's switch says deployed"),
    (SCHEDULE_DONE, "schedule_done", INFO, "entry", "status * 256 + reason", "an entry of the schedule was executed"),
    (SCHEDULE_MISSED, "schedule_missed", WARNING, "entry", "seconds late", "an entry was skipped: its time had passed"),
    (SCHEDULE_CUT, "schedule_cut", WARNING, "entry", "", "a reset cut an entry's execution; it is given up"),
    (SCHEDULE_STORAGE, "schedule_storage", ERROR, "entry, or cells", "", "an entry could not be read or written"),
    (SEQUENCE_ENDED, "sequence_ended", INFO, "sequence", "steps * 256", "a stored sequence came to its end"),
    (SEQUENCE_STOPPED, "sequence_stopped", WARNING, "sequence", "steps * 256 + reason", "a sequence stopped early"),
    (TIME_SET, "time_set", INFO, "seconds", "microseconds", "the ground corrected the time by a + b"),
    (TIME_STEP, "time_step", INFO, "seconds", "microseconds", "the time shown went forward by a + b at once"),
    (TIME_SYNCHRONISED, "time_synchronised", INFO, "seconds", "microseconds", "good time again, we were off by a + b"),
    (TIME_FAR, "time_far", WARNING, "seconds", "", "the master's time is far back: this board restarts to follow it"),
    (FILE_RECEIVED, "file_received", INFO, "bytes", "session", "an upload is whole: its hash was compared"),
    (FILE_DELETED, "file_deleted", INFO, "", "", "a file was deleted"),
    (LOG_LOST, "log_lost", WARNING, "packets", "since boot", "housekeeping was not moved to flash in time"),
    (SCRUBBED, "scrubbed", INFO, "mended", "broken", "all that is stored was verified, and mended from its copy"),
    (UPDATE, "update", WARNING, "result", "running", "a trial ended: RESULTS of core/update_record.py"),
    (PARAM_SET, "param_set", INFO, "position", "value", "a parameter was changed"),
    (PARAM_REVERTED, "param_reverted", WARNING, "parameters", "", "risky changes were not confirmed, and taken back"),
    (COMMAND_REFUSED, "command_refused", WARNING, "reason", "source * 256 + key slot", "a command was not done"),
    (KEY_SLOT, "key_slot", WARNING, "slot", "state", "a key slot was opened, closed or given another key"),
)
