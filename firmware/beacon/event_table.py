# Events of the beacon: the one table (DESIGN, rule 6).
from micropython import const
from core.event_table import WARNING

TX_ERROR = const(128)

EVENTS = (
    # number, name, severity, a, b, description
    (TX_ERROR, "tx_error", WARNING, "errors since boot", "kind", "a transmission failed: kind 0 CW, 1 frames"),
)
