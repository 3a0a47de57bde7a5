# Parameters of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py. See core/params.py.
# Values are raw integers; value in unit = raw * scale.

PARAMETERS = (
    # name, type, unit, scale, lowest, highest, default, risky, description
)
