# Beacon board: what is soldered on it, and what its radio and antenna may do. Datasheets are cited in the drivers.
# Pins stand in pins_<target>.py; nothing else repeats these tables.

ROLE = "beacon"  # its CSP address stands in core/ports.py
MODEL = "Dragonet Beacon"

BUSES = ("can_ab",)  # to the other boards: core/buses.py
WDT_MS = 8000
FRAM = 0x50         # MB85RC256V
PA_THERMOMETER = 0x48  # TMP117 beside the power amplifier

# Supply: 100 kohm over 200 kohm brings a 2S battery (8.4 V) below the ADC's 3.3 V.
SUPPLY_DIVIDER = 3
ADC_REFERENCE_MV = 3300

# Radio: SX1278 (RFM98W module), PA_BOOST into a power amplifier of +12 dB, 0.8 W at the antenna from 17 dBm.
SPI_HZ = 4_000_000
AMPLIFIER_DB = 12
TX_POWER_MAX_DBM = 17  # of the chip; 20 dBm is allowed 1 % of the time only
PA_HOT_MDEG = 75_000   # above it the pauses grow: amplifier and battery share one thermal path

# Antenna: a quarter-wave monopole that a nylon wire holds; a resistor melts the wire.
# What the settings mean: core/burn_wire.py.
BURN_MS = 8_000
BURN_PAUSE_S = 60        # the resistor cools, the battery recovers
BURN_ATTEMPTS = 10
BURN_FLIGHT_ATTEMPTS = 30
BURN_AFTER_HOLD_S = 0
BURN_WAIT_S = 1_800
BURN_BLIND = True        # the switch's pin is pulled up: a broken wire reads as deployed
BURN_MIN_MV = 6_400      # below it the heater would brown out the board
