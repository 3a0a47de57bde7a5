"""DBC of the messages that are one CAN frame: the boards' heartbeats in CFP2, CSP 2 over CAN.

Identifier (29 bits): pri 2, dst 14, sender 6, packet counter 2, fragment counter 3, begin 1, end 1. The packet counter
goes round, so each heartbeat has four identifiers. The data begin with the rest of the CSP header.
"""

from __future__ import annotations

from core import heartbeat, ports  # isort: skip
from csp import packet  # isort: skip

_EXTENDED = 0x80000000
_COUNTERS = 4
_BEGIN_AND_END = 3

# name, first bit of the frame, bits. Big-endian, as @0 says; a signal's start is its most significant bit.
_SIGNALS = (
    ("csp_source", 0, 14),
    ("csp_destination_port", 14, 6),
    ("csp_source_port", 20, 6),
    ("csp_flags", 26, 6),
    ("reset_cause", 32, 4),
    ("mode", 36, 4),
    ("boots", 40, 8),
    ("dictionary", 48, 16),
)
_COMMENTS = {
    "reset_cause": "machine.reset_cause() of this boot",
    "mode": "spacecraft mode; the one of the EPS counts",
    "boots": "since the board was made, modulo 256",
    "dictionary": "low half of the hash of the board's dictionary",
}


def render() -> str:
    """The text of the file."""
    nodes = " ".join(ports.BOARDS)
    lines = ['VERSION ""', "", "NS_ :", "", "BS_:", "", f"BU_: {nodes}", ""]
    messages = []
    for role in ports.BOARDS:
        for counter in range(_COUNTERS):
            messages.append((identifier(role, counter), f"heartbeat_{role}_{counter}", role))
    receivers = {role: ",".join(other for other in ports.BOARDS if other != role) for role in ports.BOARDS}
    for number, name, role in messages:
        lines.append(f"BO_ {number | _EXTENDED} {name}: {4 + heartbeat.SIZE} {role}")
        for signal, first, bits in _SIGNALS:
            start = first // 8 * 8 + 7 - first % 8
            lines.append(f' SG_ {signal} : {start}|{bits}@0+ (1,0) [0|{(1 << bits) - 1}] "" {receivers[role]}')
        lines.append("")
    for number, _, role in messages:
        lines.append(f'CM_ BO_ {number | _EXTENDED} "heartbeat of the {role} board, broadcast each second";')
        lines += [f'CM_ SG_ {number | _EXTENDED} {name} "{text}";' for name, text in _COMMENTS.items()]
    for number, _, _ in messages:
        modes = " ".join(f'{k} "{name}"' for k, name in enumerate(ports.MODES))
        lines.append(f"VAL_ {number | _EXTENDED} mode {modes} ;")
        lines.append(f'VAL_ {number | _EXTENDED} csp_destination_port {ports.HEARTBEAT} "heartbeat" ;')
    return "\n".join(lines) + "\n"


def identifier(role: str, counter: int) -> int:
    """CAN identifier of a board's heartbeats whose packet counter is this."""
    return (
        packet.NORMAL << 27 | packet.BROADCAST[2] << 13 | (ports.ADDRESSES[role] & 0x3F) << 7 | counter << 5
        | _BEGIN_AND_END
    )  # fmt: skip
