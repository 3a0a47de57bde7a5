# Parameters of the sensor board: the one table (DESIGN, rule 6). Shape: core/parameter_table.py.
# Boards do not carry it: sensor/compact.py is made from it.
from sensor.ships import RESEND_S

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
    ("ships_period", "u16", "s", 1, 1, 600, 5, False, "at most two packets of ships in this time"),
    ("ships_again", "u16", "s", 1, 10, 3600, RESEND_S, False, "a ship heard again is told again so long after"),
)
