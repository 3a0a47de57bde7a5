# Parameters of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/parameter_table.py. See
# core/params.py. Values are raw integers; value in unit = raw * scale. A default that is text names what stands in the
# board's parts.py: "NAME", or "NAME.0.1" for an element of a table there.
# Boards do not carry it: core/compact.py is made from it.
from core.ports import HK_PERIOD_S

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
    ("hk_period", "u16", "s", 1, 5, 50, HK_PERIOD_S, False, "between two broadcasts of housekeeping"),
)
