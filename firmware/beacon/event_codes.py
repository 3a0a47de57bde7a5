# Numbers of the beacon's events; what they mean: beacon/event_table.py.
from micropython import const

TX_ERROR = const(128)
