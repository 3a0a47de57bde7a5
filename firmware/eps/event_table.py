# Events of the EPS: the one table (DESIGN, rule 6). Boards do not carry it: eps/compact.py is made from it.
from core.event_codes import INFO, WARNING
from eps.event_codes import LEVEL, LOAD_TRIP, MODE, PARTS

EVENTS = (
    # number, name, severity, a, b, description
    (MODE, "mode", INFO, "mode", "mode before", "the spacecraft mode changed: index into MODES"),
    (LEVEL, "level", WARNING, "level", "level before", "the power level changed: 0 normal to 4 below the floor"),
    (LOAD_TRIP, "load_trip", WARNING, "load", "mA", "a load was switched off by its over-current"),
    (PARTS, "parts", WARNING, "not answering", "before", "monitors or thermometers fell silent or came back: masks"),
)
