# /config.json: what differs from satellite to satellite. Every value is checked; what is wrong takes its safe default,
# is counted, and inhibits RF: a board that does not know its callsign or its frequency does not transmit.
import json

PATH = "/config.json"
_MOST = 2048  # bytes of the file that are read

#    name            type  lowest       highest      safe default
KEYS = (
    ("callsign",     str,  3,           9,           ""),         # lengths of text
    ("satellite",    str,  1,           16,          "DRAGONET"),
    ("country",      str,  0,           16,          ""),
    ("frequency_hz", int,  430_000_000, 440_000_000, 437_375_000),  # amateur satellite service, 70 cm
    ("tx_power_dbm", int,  2,           20,          2),          # SX1278, PA_BOOST pin
    ("csp_version",  int,  1,           2,           2),
)
_REQUIRED = ("callsign",)


def load(path=PATH):
    """dict of every key, plus rf_inhibited (bool) and errors (how much was wrong). Never raises."""
    found = None
    try:
        with open(path) as file:
            found = json.loads(file.read(_MOST))
    except (OSError, ValueError, MemoryError, RuntimeError):  # missing, unreadable, not JSON, nested without end
        pass
    return check(found)


def check(found):
    """As load(), from what the file held (anything)."""
    errors = 0
    if not isinstance(found, dict):
        errors = 1
        found = {}
    config = {}
    for name, kind, low, high, default in KEYS:
        value = found.get(name)
        if value is None:
            good = name not in _REQUIRED
            value = default
        else:
            good = _valid(value, kind, low, high)
        if not good:
            errors += 1
            value = default
        config[name] = value
    for name in found:
        if name not in config:  # a misspelt key would silently keep its default
            errors += 1
    config["rf_inhibited"] = errors > 0
    config["errors"] = errors
    return config


def _valid(value, kind, low, high):
    if kind is str:
        return isinstance(value, str) and low <= len(value) <= high and all(" " <= c <= "~" for c in value)
    return type(value) is int and low <= value <= high
