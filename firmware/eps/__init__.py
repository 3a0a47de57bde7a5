# EPS: the electrical power system's app. It measures, keeps the battery, switches loads and owns the spacecraft mode.
