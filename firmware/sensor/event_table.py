# Events of the sensor board: the one table (DESIGN, rule 6). Boards do not carry it: sensor/compact.py is made from it.
from core.event_codes import INFO, WARNING
from sensor.event_codes import PARTS, SHIPS_FULL

EVENTS = (
    # number, name, severity, a, b, description
    (PARTS, "parts", WARNING, "without a value", "before", "sensors fell silent or came back: masks"),
    (SHIPS_FULL, "ships_full", INFO, "evicted since boot", "unsent", "the table of ships is full, told once an hour"),
)
