# Parameters of the beacon: the one table (DESIGN, rule 6). Shape: core/parameter_table.py.
# Boards do not carry it: beacon/compact.py is made from it.
# No period is longer than what keeps the satellite heard in a pass, nor shorter than what one period transmits.

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
    ("period", "u16", "s", 1, 90, 300, 90, False, "beacon period while there is power"),
    ("period_low_power", "u16", "s", 1, 90, 300, 120, False, "beacon period in mode low power"),
    ("period_safe", "u16", "s", 1, 90, 360, 180, False, "beacon period in mode safe"),
    ("period_critical", "u16", "s", 1, 90, 600, 360, False, "beacon period in mode critical"),
)
