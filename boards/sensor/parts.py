# Sensor board: what is soldered on it. Datasheets are cited in the drivers.
# Pins stand in pins_<target>.py; nothing else repeats these tables.

ROLE = "sensor"  # its CSP address stands in core/ports.py
MODEL = "Dragonet sensor"

BUSES = ("can_ab",)  # to the other boards: core/buses.py
WDT_MS = 8000
FRAM = 0x50  # MB85RC256V, I2C address

# Thermometers, TMP117: (name, I2C address).
THERMOMETERS = (
    ("board", 0x48),
    ("panel_xp", 0x49),
    ("panel_xm", 0x4A),
    ("payload", 0x4B),
)
MAGNETOMETER = 0x20  # RM3100
GYROSCOPE = 0x6A     # LSM6DSOX
GYROSCOPE_OFFSET_MDPS = (450, 900, -850)  # what this one shows at rest, measured on the bench at 25 degC

# AIS receiver: NMEA sentences, 8N1; the EPS switches its power (load "ais"), so it may be silent.
AIS_BAUD = 38_400
AIS_RXBUF = 2048  # bytes: 533 ms at full rate, more than the 400 ms between two looks

# AIS antenna: ARM and FIRE are in series with the burn wire, which cuts the thread in a few seconds.
# What the settings mean: core/burn_wire.py.
BURN_MS = 10_000
BURN_PAUSE_S = 120        # other than the beacon's: after a brown-out of both boards they do not heat together
BURN_ATTEMPTS = 5
BURN_FLIGHT_ATTEMPTS = 10
BURN_AFTER_HOLD_S = 60    # the beacon's antenna goes first
BURN_WAIT_S = 86_400
BURN_BLIND = False        # the switch's pin is pulled down: a broken wire reads as stowed
