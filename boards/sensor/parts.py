# Sensor board: what is soldered on it. Datasheets are cited in the drivers.
# Pins stand in pins_<target>.py; nothing else repeats these tables.

ROLE = "sensor"
ADDRESS = 4  # CSP
HOSTNAME = "sensor"
MODEL = "Dragonet sensor"

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
BURN_S = 10        # longest heating of one try
BURN_REST_S = 120  # between two tries
BURN_TRIES = 5     # since the board was made
BURN_DELAY_S = 60  # after the deployment hold: the beacon's antenna goes first
