# What the beacon says: a CW text and AX.25 frames that a person can read, each naming the satellite.
#
# CW    VVV DE <call> <satellite> <country> B7412 S87 M3 N1234 T21 R3 AR        37 s at 20 WPM
#   B   battery in mV, S state of charge in %, M mode (index into MODES), N number of the EPS's housekeeping of these
#   T   the beacon's power amplifier in degC, R its boots
#   With the EPS not heard: B- S- M- U7405 T21 R3; U is the beacon's own supply in mV.
# AX.25 <satellite> <country> POWER EPS seq=1234 mode=nominal soc=87.12% battery_v=7.412V ...
#   Names, values and units are those of the boards' housekeeping (eps/hk.py, beacon/hk.py, sensor/hk.py); seq is the
#   number of the packet in which they stood.
# With keys on board every other STATUS begins CMD A1234 B!c6149ff605311ed2: slot A's next sequence is 1234, slot B is
# closed and wants this challenge (core/keys.py); the last words then find no room.
# NA (CW: -) is a value that is not available, or of a board not heard for a minute. failed_task and last_event have no
# word while there was none.
from beacon.compact import HK
from binascii import hexlify
from core import ports
from micropython import const

DESTINATION = "BEACON"
SSID = "-11"  # of the source, when the configuration gives none
FRESH_S = const(60)

# The frames: name, then the values of each board.
FRAMES = (
    ("POWER", (
        ("eps", ("seq", "mode", "level", "soc", "battery_v", "battery_a", "battery_t", "board_t",
                 "panel_x_a", "panel_y_a", "panel_z_a", "loads_on", "loads_shed")),
    )),
    ("ENVIRONMENT", (
        ("sensor", ("seq", "board_t", "panel_xp_t", "panel_xm_t", "payload_t", "field_x", "field_y", "field_z",
                    "rate_x", "rate_y", "rate_z", "ships")),
    )),
    ("STATUS", (
        ("beacon", ("seq", "mission_s", "uptime_s", "boots", "reset_cause", "failed_task", "last_event", "slot",
                    "supply_v", "pa_t", "antenna", "cycles", "frames_sent", "tx_errors")),
        ("eps", ("seq", "uptime_s", "boots")),
        ("sensor", ("seq", "uptime_s", "boots")),
    )),
)  # fmt: skip

_IF_ANY = ("failed_task", "last_event")  # not available: nothing failed

_UNIT = const(2)
_SCALE = const(3)


def source(callsign):
    """Call sign of the AX.25 frames."""
    return callsign if "-" in callsign else callsign + SSID


def cw_opening(callsign):
    """How every CW text begins, as bytes."""
    return ("VVV DE %s " % callsign).encode()


class Texts:
    """board: core.board.Board of the beacon. tables: role -> telemetry.Set of the boards whose values are told."""

    def __init__(self, board, tables):
        self._board = board
        self._tables = {}
        self._tables.update(tables)
        self._tables["beacon"] = HK
        config = board.config
        self._call = config["callsign"].split("-")[0]
        self._turn = False
        self._name = (config["satellite"] + " " + config["country"]).strip()

    def cw(self):
        """The CW text, as bytes: without its values where those cannot be written."""
        try:
            values = self._values()
        except Exception:  # whatever it is, the name is heard
            self._board.fault()
            values = ""
        return cw_opening(self._call) + ("%s %s +" % (self._name, values)).encode()

    def _values(self):
        words = [
            "B" + self._whole("eps", "battery_v", 1000),
            "S" + self._whole("eps", "soc", 1),
            "M" + self._whole("eps", "mode", 1),
            "N" + self._whole("eps", "seq", 1) if self._fresh("eps") else "U" + self._whole("beacon", "supply_v", 1000),
            "T" + self._whole("beacon", "pa_t", 1),
            "R" + self._whole("beacon", "boots", 1),
        ]
        return " ".join(words)

    def frame_into(self, kind, info):
        """Write the text of FRAMES[kind] into a buffer; returns its length. What does not fit is cut after a word."""
        name, boards = FRAMES[kind]
        words = [self._name, name]
        if name == "STATUS":
            self._turn = not self._turn
            if not self._turn:
                words.extend(self._commanding())
        for role, fields in boards:
            words.append(role.upper())
            if self._fresh(role):
                for field in fields:
                    shown = self._shown(role, field)
                    if shown != "NA" or field not in _IF_ANY:
                        words.append("%s=%s" % (field, shown))
            else:
                words.append("NA")
        text = " ".join(words).encode()
        if len(text) > len(info):
            text = text[: len(info)]
            text = text[: text.rfind(b" ")]
        info[: len(text)] = text
        return len(text)

    def _commanding(self):
        # The key slots, as words; none without keys.
        keys = getattr(self._board, "keys", None)
        words = []
        for k in range(0 if keys is None else keys.count):
            following = keys.next(k)
            challenge = keys.challenge(k)
            if following is not None:
                words.append("%s%d" % (chr(65 + k), following))
            elif challenge is not None:
                words.append("%s!%s" % (chr(65 + k), hexlify(challenge).decode()))
        return ["CMD"] + words if words else words

    def _fresh(self, role):
        if role == "beacon":
            return True
        heard = self._board.heard.get(role)
        return role in self._tables and heard is not None and heard.matches and heard.hk_age_s <= FRESH_S

    def _raw(self, role, field):
        # (raw value or None, the field's line in its table or None)
        table = self._tables.get(role)
        if table is None or not self._fresh(role):
            return None, None
        try:
            position = table.index(field)
        except ValueError:
            return None, None
        raw = self._board.hk[position] if role == "beacon" else self._board.heard[role].value(position)
        return raw, table.fields[position]

    def _whole(self, role, field, per_unit):
        raw, line = self._raw(role, field)
        if raw is None:
            return "-"
        return "%d" % round(raw * line[_SCALE] * per_unit)

    def _shown(self, role, field):
        raw, line = self._raw(role, field)
        if raw is None:
            return "NA"
        if field == "mode":
            return ports.MODES[raw] if raw < len(ports.MODES) else "%d" % raw
        unit = "C" if line[_UNIT] == "degC" else line[_UNIT]
        scale = line[_SCALE]
        decimals = 0
        while decimals < 4 and scale < 0.99:
            scale *= 10
            decimals += 1
        return "%.*f%s" % (decimals, raw * line[_SCALE], unit)
