"""What boards tell, in words and units: telemetry sets against their limits, and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.errors import NotDone

paths.use_firmware()

from core import event_table, events  # noqa: E402

SEVERITIES: tuple[str, ...] = event_table.SEVERITIES
_MOST_ASKED = 1000  # requests for events: many more than any ring needs


class Value(NamedTuple):
    """One value. value: in `unit`, None when not available. exceeded: "", or the severity of its limit."""

    name: str
    value: float | int | None
    unit: str
    exceeded: str
    description: str


def values(dictionary: Any, number: int, data: bytes) -> list[Value]:
    """The values of a packed set. NotDone: it is of another dictionary than this."""
    table = dictionary.sets[number]
    if len(data) != table.size:
        what = f"{dictionary.role}: set {table.name} has {len(data)} bytes, not {table.size}"
        raise NotDone(f"{what}: the board runs another firmware than this checkout")
    raw = table.unpack(data)
    limits = {line[0]: line for line in dictionary.limits} if number == 0 else {}
    found = []
    for name, _, unit, scale, description in table.fields:
        value = None if raw[name] is None else in_unit(raw[name], scale)
        found.append(Value(name, value, unit, _exceeded(limits.get(name), raw[name]), description))
    return found


def in_unit(raw: int, scale: float) -> float | int:
    """A raw value in its unit, without what binary fractions add."""
    value = Decimal(raw) * Decimal(str(scale))
    return int(value) if value == value.to_integral_value() else float(value)


def _exceeded(limit: tuple[Any, ...] | None, raw: int | None) -> str:
    if limit is None or raw is None:
        return ""
    _, lowest, highest, _, _, severity, _ = limit
    out = lowest is not None and raw < lowest or highest is not None and raw > highest
    return SEVERITIES[severity] if out else ""


def event(dictionary: Any, entry: bytes) -> dict[str, Any]:
    """An event in words. ValueError: it is none."""
    sequence, mission_s, number, boots, a, b = events.unpack(entry)
    line = next((line for line in dictionary.events if line[0] == number), None)
    name, severity, a_is, b_is, text = line[1:] if line else (f"event {number}", 0, "a", "b", "of no table here")
    means = {means: value for means, value in ((a_is, a), (b_is, b)) if means}
    shown = " ".join(f"{what}={_named(dictionary, name, what, value)}" for what, value in means.items())
    return {
        "board": dictionary.role, "sequence": sequence, "mission_s": mission_s, "boots": boots, "number": number,
        "name": name, "severity": SEVERITIES[severity], "a": a, "b": b, "shown": shown, "text": text,
    }  # fmt: skip


def _named(dictionary: Any, name: str, what: str, value: int) -> str:
    """A value of an event; a limit by its field."""
    if what == "limit" and 0 <= value < len(dictionary.limits):
        return dictionary.limits[value][0]
    if what == "value" and name.startswith("limit_"):
        return f"{value} raw"
    return str(value)


def all_events(read: Callable[[int], bytes], dictionary: Any, since: int = 0) -> Iterator[dict[str, Any]]:
    """Every event that the board kept from a sequence on. read(sequence): the data of an answer to event_read."""
    for _ in range(_MOST_ASKED):
        data = read(since)
        if len(data) < 8 or (len(data) - 8) % events.SIZE:
            raise NotDone(f"{dictionary.role}: an answer of {len(data)} bytes is no list of events")
        following, newest = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
        for at in range(8, len(data), events.SIZE):
            yield event(dictionary, data[at : at + events.SIZE])
        if following >= newest or following <= since and len(data) == 8:
            return
        since = following


def counts(data: bytes, dictionary: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Answer to event_counts: (how often each event happened, what was dropped, unsent, unknown)."""
    if len(data) < 6 or len(data) % 3:
        raise NotDone(f"{dictionary.role}: an answer of {len(data)} bytes is no list of counts")
    names = {line[0]: line[1] for line in dictionary.events}
    found = {}
    for at in range(6, len(data), 3):
        found[names.get(data[at], str(data[at]))] = int.from_bytes(data[at + 1 : at + 3], "big")
    kinds = ("dropped", "unsent", "unknown")
    return found, {kind: int.from_bytes(data[2 * k : 2 * k + 2], "big") for k, kind in enumerate(kinds)}
