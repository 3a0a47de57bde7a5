# Addresses, ports and modes of the satellite: the one table (DESIGN, "Message bus", "Modes and holds").
from micropython import const

ADDRESSES = {"obc": 1, "eps": 2, "beacon": 3, "sensor": 4, "ground": 10, "bench": 30}  # fit the 5 bits of CSP v1
BOARDS = ("eps", "beacon", "sensor")  # roles that send heartbeats and housekeeping

HEARTBEAT = const(9)   # CSP port: core/heartbeat.py, every second, broadcast
HK = const(10)         # CSP port: the role's housekeeping, every HK_PERIOD_S, broadcast
COMMAND = const(11)    # CSP port: core/commands.py, and its replies
EVENT = const(12)      # CSP port: core/events.py, broadcast when one happens
SHIPS = const(13)      # CSP port: sensor/records.py, from the sensor board to the ground
TIME = const(14)       # CSP port: core/time sync between boards

HK_PERIOD_S = const(20)  # unless the parameter hk_period says otherwise

MODES = ("silent", "deploy", "detumble", "nominal", "low_power", "safe", "critical")
SILENT = const(0)
DEPLOY = const(1)
DETUMBLE = const(2)
NOMINAL = const(3)
LOW_POWER = const(4)
SAFE = const(5)
CRITICAL = const(6)
