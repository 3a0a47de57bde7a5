# /config.json: what differs from satellite to satellite. Every value is checked; what is wrong takes its safe default,
# is counted, and inhibits RF: a board that does not know its callsign or its frequency does not transmit.
# A key that nobody knows is counted, no more: a satellite shall not fall silent over a spare line.
import json

PATH = "/config.json"
_MOST = 2048  # bytes of the file that are read

#    name            type  lowest       highest      safe default (lengths of text)
KEYS = (
    ("callsign",     str,  3,           9,           ""),
    ("satellite",    str,  1,           16,          "DRAGONET"),
    ("country",      str,  0,           16,          ""),
    ("frequency_hz", int,  430_000_000, 440_000_000, 437_375_000),  # 70 cm amateur satellites
    ("tx_power_dbm", int,  2,           20,          2),            # SX1278, PA_BOOST
    ("csp_version",  int,  1,           2,           2),
    ("battery_mah",  int,  500,         50_000,      None),         # None: absent unless given
)
REQUIRED = ("callsign", "frequency_hz")  # RF is inhibited without these


def load(path=PATH):
    """dict of every key, plus rf_inhibited (bool) and errors (how much was wrong). Never raises."""
    try:
        with open(path) as file:
            found = json.loads(file.read(_MOST))
    except (OSError, ValueError, MemoryError, RuntimeError):  # missing, unreadable, not JSON, nested without end
        found = None
    return check(found)


def check(found):
    """As load(), from what the file held (anything)."""
    whole = isinstance(found, dict)
    errors = 0 if whole else 1
    if not whole:
        found = {}
    config = {}
    for name, kind, low, high, default in KEYS:
        value = found.get(name)
        if value is None:
            good = name not in REQUIRED or not whole
        else:
            good = _valid(value, kind, low, high)
        if not good:
            errors += 1
        if value is None or not good:
            value = default
        if value is not None:
            config[name] = value
    config["rf_inhibited"] = errors > 0
    known = [key[0] for key in KEYS]
    for name in found:
        if name not in known:
            errors += 1
    config["errors"] = errors
    return config


def _valid(value, kind, low, high):
    if kind is str:
        return isinstance(value, str) and low <= len(value) <= high and all(" " <= c <= "~" for c in value)
    return type(value) is int and low <= value <= high
