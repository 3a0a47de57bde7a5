# Events of the EPS: the one table (DESIGN, rule 6).
from micropython import const
from core.event_table import INFO, WARNING

MODE = const(128)
LEVEL = const(129)
LOAD_TRIP = const(130)
PARTS = const(131)

EVENTS = (
    # number, name, severity, a, b, description
    (MODE, "mode", INFO, "mode", "mode before", "the spacecraft mode changed: index into MODES"),
    (LEVEL, "level", WARNING, "level", "level before", "the power level changed: 0 normal to 4 below the floor"),
    (LOAD_TRIP, "load_trip", WARNING, "load", "mA", "a load was switched off by its over-current"),
    (PARTS, "parts", WARNING, "not answering", "before", "monitors or thermometers fell silent or came back: masks"),
)
