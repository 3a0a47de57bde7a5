# Battery heater: hysteresis on the temperature, and only above a charge (OreSat heats above 25 % alone).


class Heater:
    """on: what the heater's switch shall be."""

    def __init__(self, parts):
        self._on_mdeg, self._off_mdeg = parts.HEATER_MDEG
        self._start_soc = parts.HEATER_SOC_PERCENT[0] * 100
        self._stay_soc = parts.HEATER_SOC_PERCENT[1] * 100
        self.on = False

    def update(self, mdeg, soc):
        """m degC, 0.01 %; None when not known: then it stays off, the cells survive cold better than an empty pack."""
        if mdeg is None or soc is None:
            self.on = False
        elif self.on:
            self.on = mdeg < self._off_mdeg and soc >= self._stay_soc
        else:
            self.on = mdeg < self._on_mdeg and soc >= self._start_soc
        return self.on
