# The sensor board's app: temperatures, field, rates, and the ships its AIS receiver hears.
