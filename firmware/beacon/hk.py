# Beacon housekeeping: the one table (DESIGN, rule 6). Boards do not carry it: beacon/compact.py is made from it.
from core.hk_table import COMMON
from core.telemetry import Set

HK = Set("beacon", COMMON + (
    ("supply_v", "u16", "V", 0.001, "supply of the board"),
    ("pa_t", "i16", "degC", 0.01, "temperature beside the power amplifier"),
    ("antenna", "u8", "", 1, "1 = the antenna's switch says deployed"),
    ("burns", "u8", "", 1, "attempts to melt the antenna's wire since the board was made"),
    ("rf", "u8", "", 1, "0 held after separation, 1 inhibited by the configuration, 2 allowed"),
    ("period_s", "u16", "s", 1, "beacon period now"),
    ("cycles", "u16", "", 1, "beacon periods since boot"),
    ("cw_sent", "u16", "", 1, "CW messages sent since boot"),
    ("frames_sent", "u16", "", 1, "AX.25 frames sent since boot"),
    ("tx_errors", "u16", "", 1, "transmissions that failed since boot"),
    ("underruns", "u16", "", 1, "of them, the FIFO ran empty"),
    ("radio_resets", "u16", "", 1, "resets of the radio chip since boot"),
))
