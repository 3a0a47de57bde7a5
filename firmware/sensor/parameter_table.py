# Parameters of the sensor board: the one table (DESIGN, rule 6). Shape: core/parameter_table.py.
from micropython import const

SEND_S = const(5)
RESEND_S = const(120)

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
    ("ships_period", "u16", "s", 1, 1, 600, SEND_S, False, "at most two packets of ships in this time"),
    ("ships_again", "u16", "s", 1, 10, 3600, RESEND_S, False, "a ship heard again is told again so long after"),
)
