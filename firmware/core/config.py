# /config.json: what differs from satellite to satellite. Every value is checked; what is wrong takes its safe default,
# is counted, and inhibits RF: a board that does not know its callsign or its frequency does not transmit.
# A key that nobody knows is counted, no more: a satellite shall not fall silent over a spare line.
# The last good configuration is kept in FRAM too: when the file system is lost, the board still knows who it is.
#
#  byte  type  field            record "config"
#   0    u16   n                bytes of text
#   2    n     text             JSON of the known keys
import json
import struct

PATH = "/config.json"
KEPT = 256    # bytes of the record
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


def load(path=PATH, kept=None):
    """dict of every key, plus rf_inhibited (bool) and errors (how much was wrong). Never raises.

    kept: core.record.Record of KEPT bytes, for the last good configuration.
    """
    try:
        with open(path) as file:
            found = json.loads(file.read(_MOST))
    except (OSError, ValueError, MemoryError, RuntimeError):  # missing, unreadable, not JSON, nested without end
        found = None
    config = check(found)
    if kept is None:
        return config
    known = _restore(kept)
    if not isinstance(found, dict) and known is not None:
        config = check(known)
        config["errors"] += 1
    elif not config["rf_inhibited"]:
        _keep(kept, known, config)
    return config


def _restore(kept):
    if not kept.load():
        return None
    length = struct.unpack_from(">H", kept.data, 0)[0]
    try:
        return json.loads(bytes(kept.data[2 : 2 + length]).decode())
    except ValueError:
        return None


def _keep(kept, known, config):
    values = {}
    for key in KEYS:
        if key[0] in config:
            values[key[0]] = config[key[0]]
    if values == known:
        return
    text = json.dumps(values).encode()
    if len(text) <= KEPT - 2:  # longer it cannot be with the ranges above
        struct.pack_into(">H", kept.data, 0, len(text))
        kept.data[2 : 2 + len(text)] = text
        kept.save()


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
