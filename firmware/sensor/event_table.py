# Events of the sensor board: the one table (DESIGN, rule 6).
from micropython import const
from core.event_table import INFO, WARNING

PARTS = const(128)
SHIPS_FULL = const(129)

EVENTS = (
    # number, name, severity, a, b, description
    (PARTS, "parts", WARNING, "without a value", "before", "sensors fell silent or came back: masks"),
    (SHIPS_FULL, "ships_full", INFO, "evicted since boot", "unsent", "the table of ships is full, told once an hour"),
)
