# Telemetry of the board's own working: the one table (DESIGN, rule 6). Boards do not carry it: core/compact.py is made
# from it.
from core.telemetry import Set

SYSTEM = Set("system", (
    ("heap_used", "u32", "B", 1, "heap in use"),
    ("heap_free", "u32", "B", 1, "heap that is free"),
    ("buffers_free", "u8", "", 1, "packet buffers that are free"),
    ("unsent", "u16", "", 1, "heartbeats and housekeeping that the bus did not take since boot"),
    ("handler_errors", "u16", "", 1, "exceptions of those who handle packets since boot"),
    ("rx_packets", "u32", "", 1, "packets that came by all interfaces since boot"),
    ("rx_errors", "u32", "", 1, "packets with a wrong CRC, or without one, since boot"),
    ("rx_dropped", "u32", "", 1, "packets dropped on their way in since boot"),
    ("tx_packets", "u32", "", 1, "packets sent by all interfaces since boot"),
    ("tx_errors", "u32", "", 1, "packets that were not sent since boot"),
    ("events_next", "u32", "", 1, "sequence that the next event gets"),
    ("events_dropped", "u16", "", 1, "events that were only counted since boot"),
    ("events_unsent", "u16", "", 1, "events that were not broadcast since boot"),
    ("memory_errors", "u16", "", 1, "accesses to the ring of events that failed since boot"),
    ("commands_done", "u16", "", 1, "commands that were completed since boot"),
    ("commands_refused", "u16", "", 1, "commands that were refused or failed since boot"),
    ("limits_off", "u16", "", 1, "limits that are switched off: bit k, limit k"),
    ("actions_failed", "u16", "", 1, "actions of limits that were not done since boot"),
))
