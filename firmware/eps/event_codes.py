# Numbers of the EPS's events; what they mean: eps/event_table.py.
from micropython import const

MODE = const(128)
LEVEL = const(129)
LOAD_TRIP = const(130)
PARTS = const(131)
