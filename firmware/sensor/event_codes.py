# Numbers of the sensor board's events; what they mean: sensor/event_table.py.
from micropython import const

PARTS = const(128)
SHIPS_FULL = const(129)
