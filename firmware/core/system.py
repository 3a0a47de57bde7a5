# Telemetry of the board's own working, packed on request only: the same table on every board.
import gc
from micropython import const
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

_INTERFACES = SYSTEM.index("rx_packets")
_STATS = ("rx", "rx_error", "drop", "tx", "tx_error")
_U16 = const(0xFFFE)


def fill(values, board):
    """Puts the board's values in the order of SYSTEM."""
    node = board.node
    values[0] = gc.mem_alloc()
    values[1] = gc.mem_free()
    values[2] = node.pool.free
    values[3] = min(board.unsent, _U16)
    values[4] = min(node.handler_errors, _U16)
    for k in range(len(_STATS)):
        total = 0
        for interface in node.interfaces:
            total += getattr(interface.stats, _STATS[k])
        values[_INTERFACES + k] = total & 0x3FFFFFFF
    events, commands, limits = board.events, board.commands, board.limits
    if events is not None:
        values[10] = events.ring.next
        values[11] = min(events.dropped, _U16)
        values[12] = min(events.unsent, _U16)
        values[13] = min(events.ring.errors, _U16)
    if commands is not None:
        values[14] = min(commands.done, _U16)
        values[15] = min(commands.refused, _U16)
    if limits is not None:
        values[16] = limits.off
        values[17] = limits.failed
