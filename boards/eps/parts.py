# EPS board: what is soldered on it, and the limits of its battery and loads. Datasheets are cited in the drivers.
# Pins stand in pins_<target>.py; nothing else repeats these tables.

ROLE = "eps"  # its CSP address stands in core/ports.py
MODEL = "Dragonet EPS"

BUSES = ("can_ab",)  # to the other boards: core/buses.py
WDT_MS = 8000
FRAM = 0x50  # MB85RC256V, I2C address

# Power monitors, INA226: (name, I2C address, shunt uohm, uA per bit).
# 20 mohm measures +-4.0 A, 50 mohm +-1.6 A; these pairs make the calibration register 2048: one bit is one shunt bit.
MONITORS = (
    ("battery", 0x40, 20_000, 125),  # positive = charging
    ("panel_x", 0x41, 50_000, 50),
    ("panel_y", 0x42, 50_000, 50),
    ("panel_z", 0x43, 50_000, 50),
    ("load_beacon", 0x44, 50_000, 50),
    ("load_sensor", 0x45, 50_000, 50),
    ("load_ais", 0x46, 50_000, 50),
    ("load_heater", 0x47, 50_000, 50),
)

# Thermometers, TMP117: (name, I2C address).
THERMOMETERS = (
    ("battery", 0x48),
    ("board", 0x49),
)

# Loads: (name, on after a power-up, shed from this power level on, over-current mA, least s on, least s off,
#         first retry after an over-current s, longest retry s).
# Power levels: 0 normal, 1 low power, 2 safe, 3 critical, 4 below the battery's floor (eps/levels.py).
# The beacon is shed by level 4 alone, and is retried soonest: a satellite that is not heard is lost.
LOADS = (
    ("beacon", True, 4, 1500, 0, 2, 2, 60),     # transmitter and burn wire together 7.6 W
    ("sensor", True, 2, 1200, 5, 5, 10, 1800),  # its burn wire takes 5 W
    ("ais", False, 1, 300, 10, 10, 30, 3600),
    ("heater", False, 3, 500, 10, 10, 30, 3600),
)

# Battery: two Li-ion cells in series, one or more strings of 2,600 mAh in parallel.
# BATTERY_MAH is the pack's; /config.json's "battery_mah" overrides it (a 1U flies 2600, a 3U 5200).
CELLS = 2
BATTERY_MAH = 5200

# Charge and discharge (facts of the cells): charging from 0 to 45 degC, at most 0.2 C below 10 degC, else 0.5 C;
# 4.1 V a cell for long life in low orbit.
CHARGE_MDEG = (0, 45_000)
CHARGE_COLD_MDEG = 10_000
CHARGE_FULL_MV = 8200

# Heater: on below, off from (m degC); only above a charge (% to start, % to go on).
HEATER_MDEG = (2_000, 7_000)
HEATER_SOC_PERCENT = (25, 20)

# Power levels: (name, enter below mV, or below % of charge; leave above mV, and above % of charge).
# Flown 2S boards have critical/safe/normal between 6400/7100/7300 and 6800/7200/7600 mV at rest; these hold under load,
# with the charge doing the early warning. The way back is one that a pack crosses in sun: a return voltage that
# a weak pack never reaches would hold the satellite in safe mode for ever.
LEVELS = (
    ("low power", 6900, 40, 7200, 55),
    ("safe", 6700, 25, 7000, 40),
    ("critical", 6400, 10, 6800, 20),
    ("floor", 6000, 0, 6500, 0),  # by voltage alone: an estimate is no reason to silence the beacon
)
LEVEL_DEBOUNCE_MS = 10_000

# The trend of days: the least charge of each orbit, and what its loss over several orbits foretells.
ORBIT_S = 5700           # any low orbit is near enough
TREND_ORBITS = 6         # the loss is taken over so many orbits
TREND_LOSS_PERCENT = 3   # at least so much over them: more than the estimator errs
TREND_HORIZON_DAYS = 3   # low power when the loss reaches the safe level within these days
TREND_REST_ORBITS = 15   # low power until the loss is made good, or so long, about a day, if it does not fall on

# Detumbling ends when every body rate stays below this for a minute, or at the limit after the hold: the receiver on
# board needs no pointing, and a sensor board that is dead must not keep it off.
DETUMBLED_MDEG_S = 1_000
DETUMBLE_LIMIT_S = 1_800
