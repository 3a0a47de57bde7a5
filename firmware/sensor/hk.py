# Sensor housekeeping: the one table (DESIGN, rule 6). Boards do not carry it: sensor/compact.py is made from it.
from core.hk_table import COMMON
from core.telemetry import Set

from sensor.ais import TYPES
from sensor.drops import REASONS

HK = Set("sensor", COMMON + (
    ("board_t", "i16", "degC", 0.01, "board temperature"),
    ("panel_xp_t", "i16", "degC", 0.01, "panel +X temperature"),
    ("panel_xm_t", "i16", "degC", 0.01, "panel -X temperature"),
    ("payload_t", "i16", "degC", 0.01, "AIS receiver's temperature"),
    ("field_x", "i32", "nT", 1, "magnetic field along body X"),
    ("field_y", "i32", "nT", 1, "magnetic field along body Y"),
    ("field_z", "i32", "nT", 1, "magnetic field along body Z"),
    ("rate_x", "i32", "deg/s", 0.001, "rate about body X, without the offset of the bench"),
    ("rate_y", "i32", "deg/s", 0.001, "rate about body Y, without the offset of the bench"),
    ("rate_z", "i32", "deg/s", 0.001, "rate about body Z, without the offset of the bench"),
    ("not_answering", "u8", "", 1, "without a value: bits 0-3 thermometers, 4 magnetometer, 5 gyroscope"),
    ("read_errors", "u16", "", 1, "readings that failed since boot"),
    ("ais_antenna", "u8", "", 1, "1 = deployed"),
    ("burns", "u8", "", 1, "tries to release the AIS antenna since the board was made"),
    ("ships", "u16", "", 1, "ships in the table"),
    ("ships_evicted", "u32", "", 1, "ships that gave way to others since boot"),
    ("ships_unsent", "u16", "", 1, "ships whose newest report is not told yet"),
    ("ship_packets", "u32", "", 1, "packets of ship records sent since boot"),
    ("static_dropped", "u16", "", 1, "static records that found no room since boot"),
    ("sentences", "u32", "", 1, "good AIS sentences since boot"),
) + tuple([
    ("ais_%d" % kind, "u32", "", 1, "AIS messages of type %d since boot" % kind) for kind in TYPES
]) + (
    ("ais_other", "u32", "", 1, "AIS messages of other types since boot"),
) + tuple([
    ("drop_" + reason, "u16", "", 1, "AIS input dropped since boot: " + reason) for reason in REASONS
]) + (
    ("drop_mmsi", "u16", "", 1, "AIS messages of impossible ships since boot"),
    ("uart_full", "u16", "", 1, "looks at the UART that found its buffer full, so that bytes were lost"),
))
