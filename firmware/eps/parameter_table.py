# Parameters of the EPS: the one table (DESIGN, rule 6). Shape: core/parameter_table.py.
# Boards do not carry it: eps/compact.py is made from it.
# Each level is left above the voltage at which it is entered, whatever is set; below the floor nothing can be set.

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
    ("low_enter", "u16", "V", 0.001, 6750, 7000, "LEVELS.0.1", True, "low power below this pack voltage"),
    ("low_leave", "u16", "V", 0.001, 7050, 7400, "LEVELS.0.3", True, "low power ends above this pack voltage"),
    ("safe_enter", "u16", "V", 0.001, 6500, 6800, "LEVELS.1.1", True, "safe below this pack voltage"),
    ("safe_leave", "u16", "V", 0.001, 6850, 7200, "LEVELS.1.3", True, "safe ends above this pack voltage"),
    ("critical_enter", "u16", "V", 0.001, 6100, 6500, "LEVELS.2.1", True, "critical below this pack voltage"),
    ("critical_leave", "u16", "V", 0.001, 6550, 7000, "LEVELS.2.3", True, "critical ends above this pack voltage"),
)
