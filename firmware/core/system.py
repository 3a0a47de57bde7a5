# Telemetry of the board's own working, packed on request only: the same table on every board.
import gc
from core.compact import SYSTEM
from micropython import const

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
