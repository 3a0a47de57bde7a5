"""boards/<role>/INTERFACE.md: all that a board can tell and be told, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragonet.generate.tables import dictionaries, fields
from dragonet.paths import BOARDS

from core import arguments, command_table, event_table, ports, telemetry  # isort: skip

_PORTS = (
    ("HEARTBEAT", "`firmware/core/heartbeat.py`", "each second, to all"),
    ("HK", "set 0 below", "each period of housekeeping, to all"),
    ("COMMAND", "`firmware/core/commands.py`", "commands and their replies"),
    ("EVENT", "`firmware/core/events.py`", "as they happen, to all"),
    ("TIME", "`firmware/core/time_sync.py`", "between the boards"),
)
_SHIPS = ("SHIPS", "`firmware/sensor/records.py`", "ships that were heard, to the ground")


def write(role: str) -> bool:
    """True when the file of `role` was not as it should be, and now is."""
    path = BOARDS / role / "INTERFACE.md"
    text = render(role)
    if path.exists() and path.read_text() == text:
        return False
    path.write_text(text)
    return True


def render(role: str) -> str:
    """The text of the file."""
    one = dictionaries()[role]
    title = role.upper() if len(role) == 3 else role.capitalize()
    sections = (
        _head(title, one), _sets(one), _parameters(one), _events(one), _commands(one), _limits(one)
    )  # fmt: skip
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _head(title: str, one: Any) -> Iterator[str]:
    yield f"# {title} board: interface"
    yield ""
    yield "Written by `dragonet generate all` from the board's tables; do not edit. All numbers are big-endian."
    yield ""
    yield f"CSP address {ports.ADDRESSES[one.role]}. Hash of this dictionary {one.hash:08x}; its low half"
    yield f"{one.hash & 0xFFFF:04x} stands in every heartbeat."
    yield ""
    yield from _table(
        ("port", "what", "layout", "when"),
        [
            (getattr(ports, name), name.lower(), layout, when)
            for name, layout, when in (*_PORTS, *([_SHIPS] if one.role == "sensor" else []))
        ],
    )


def _sets(one: Any) -> Iterator[str]:
    yield "## Telemetry"
    for number, table in enumerate(one.sets):
        yield ""
        yield f"### Set {number}: {'housekeeping' if number == 0 else table.name}, {table.size} bytes"
        yield ""
        raw = [min(k + 1, 0x7F) for k in range(len(table.fields))]
        packet = bytearray(table.size)
        table.pack_into(packet, raw)
        rows = []
        for value, field in zip(raw, fields(table), strict=True):
            example = f"{value * field.scale:.6g}"
            rows.append((field.at, field.kind, field.name, field.unit, f"{field.scale:g}", example, field.description))
        yield from _table(("byte", "type", "name", "unit", "scale", "example", ""), rows)
        yield ""
        yield f"Value in unit = raw x scale. The examples are those of `{packet.hex()}`."
    yield ""
    reserved = ", ".join(f"{kind} {entry[4]}" for kind, entry in telemetry._TYPES.items())
    yield f"A value that is not available is {reserved}."


def _parameters(one: Any) -> Iterator[str]:
    yield "## Parameters"
    yield ""
    rows = []
    for name, kind, unit, scale, low, high, default, risky, text in one.parameters:
        start = f"`parts.{default}`" if isinstance(default, str) else _number(default, scale)
        ends = f"{_number(low, scale)} to {_number(high, scale)}"
        rows.append((name, kind, unit, f"{scale:g}", ends, start, "risky" if risky else "", text))
    yield from _table(("name", "type", "unit", "scale", "range", "default", "", ""), rows)


def _events(one: Any) -> Iterator[str]:
    yield "## Events"
    yield ""
    rows = [
        (number, name, event_table.SEVERITIES[severity], a, b, text)
        for number, name, severity, a, b, text in one.events
    ]
    yield from _table(("number", "name", "severity", "a", "b", ""), rows)


def _commands(one: Any) -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "`read`: anyone on the bus may ask. The others need a signature, or come from a board of this satellite."
    yield ""
    rows = []
    for opcode, name, args, flags, text in one.commands:
        listed = "; ".join(_argument(*each) for each in args)
        rows.append((f"0x{opcode:02x}", name, listed, "read" if flags & command_table.READ else "", text))
    yield from _table(("opcode", "name", "arguments", "", ""), rows)


def _argument(name: str, kind: str, unit: str, scale: float, low: int | None, high: int | None) -> str:
    if kind in telemetry._TYPES:
        least, most = arguments._range(kind, telemetry._TYPES[kind][1])
        low, high = least if low is None else low, most if high is None else high
        if (low, high) == (least, most):
            return f"{name} {kind}{f' {unit}' if unit else ''}"
        return f"{name} {kind} {_number(low, scale)} to {_number(high, scale)}{f' {unit}' if unit else ''}"
    return f"{name} {kind}, {low} to {high} bytes"


def _limits(one: Any) -> Iterator[str]:
    yield "## Limits"
    yield ""
    table = {field.name: field for field in fields(one.hk)}
    rows = []
    for k, (name, low, high, persistence, hysteresis, severity, action) in enumerate(one.limits):
        field = table[name]
        ends = ["" if end is None else _number(end, field.scale) for end in (low, high)]
        gap = _number(hysteresis, field.scale)
        rows.append(
            (k, name, field.unit, *ends, persistence, gap, event_table.SEVERITIES[severity], _action(action))
        )  # fmt: skip
    yield from _table(("limit", "value", "unit", "lowest", "highest", "for s", "hysteresis", "", "runs"), rows)


def _action(action: str | tuple[Any, ...] | None) -> str:
    return " ".join(map(str, action)) if isinstance(action, tuple) else action or ""


def _number(raw: int, scale: float) -> str:
    return str(raw) if scale == 1 else f"{raw * scale:.9g}"


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    if not rows:
        yield "None."
        return
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
