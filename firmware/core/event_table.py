# Events of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py, from FIRST_OF_APP on.
#
# An event is a number, a severity, and two signed 32-bit values whose meaning stands here: core/events.py.
from micropython import const

DEBUG, INFO, WARNING, ERROR = const(0), const(1), const(2), const(3)
SEVERITIES = ("debug", "info", "warning", "error")
FIRST_OF_APP = const(128)

BOOT = const(0)
FAULT = const(1)
TASK_FAILED = const(2)

EVENTS = (
    # number, name, severity, a, b, description
    (BOOT, "boot", INFO, "reset cause", "boots", "the board started"),
    (FAULT, "fault", WARNING, "faults since boot", "", "something was survived: storage, configuration, a bus, a part"),
    (TASK_FAILED, "task_failed", ERROR, "task number", "failures in a row", "a task raised or missed its deadline"),
)
