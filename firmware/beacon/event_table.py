# Events of the beacon: the one table (DESIGN, rule 6). Boards do not carry it: beacon/compact.py is made from it.
from core.event_codes import WARNING
from beacon.event_codes import TX_ERROR

EVENTS = (
    # number, name, severity, a, b, description
    (TX_ERROR, "tx_error", WARNING, "errors since boot", "kind", "a transmission failed: kind 0 CW, 1 frames"),
)
