# Events of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/event_table.py, from FIRST_OF_APP on.
# Boards do not carry it: core/compact.py is made from it.
#
# An event is a number, a severity, and two signed 32-bit values whose meaning stands here: core/events.py.
from core.event_codes import ANTENNA_BURN, ANTENNA_RELEASED, BOOT, COMMAND_REFUSED, DEBUG, DICTIONARY  # noqa: F401
from core.event_codes import ERROR, FAULT, FILE_DELETED, FILE_RECEIVED, INFO, KEY_SLOT, LIMIT_ACTION
from core.event_codes import LIMIT_ERROR, LIMIT_OVER, LIMIT_WARNING, LOG_LOST, PARAM_REVERTED, PARAM_SET
from core.event_codes import SCHEDULE_CUT, SCHEDULE_DONE, SCHEDULE_MISSED, SCHEDULE_STORAGE, SCRUBBED
from core.event_codes import SEQUENCE_ENDED, SEQUENCE_STOPPED, TASK_FAILED, TIME_FAR, TIME_SET
from core.event_codes import TIME_STEP, TIME_SYNCHRONISED, UPDATE, WARNING
from micropython import const

SEVERITIES = ("debug", "info", "warning", "error")
FIRST_OF_APP = const(128)

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
