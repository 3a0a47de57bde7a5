"""The boards' dictionaries, for generators, and what is wrong in them."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.errors import UserError

paths.use_firmware()

from core import arguments, command_table, event_table, limits, ports, telemetry  # noqa: E402

_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
_I32 = (-(1 << 31), (1 << 31) - 1)
_SET_LARGEST = 240  # bytes: core/heard.py keeps so much of another board's housekeeping
_VARIABLE = ("bytes", "text")


class Field(NamedTuple):
    """A value of a telemetry set. value in unit = raw * scale; raw == reserved: not available."""

    name: str
    kind: str
    unit: str
    scale: float
    description: str
    at: int  # byte in the packet
    size: int  # bytes
    lowest: int
    highest: int
    reserved: int

    @property
    def signed(self) -> bool:
        return self.lowest < 0


@functools.cache
def dictionaries() -> dict[str, Any]:
    """core.dictionary.Dictionary of each board by role. UserError: one of them is wrong."""
    found = {role: importlib.import_module(f"{role}.dictionary").DICTIONARY for role in ports.BOARDS}
    for one in found.values():
        wrong = list(troubles(one))
        if wrong:
            raise UserError("; ".join(wrong))
    return found


def fields(table: Any) -> Iterator[Field]:
    """The fields of a core.telemetry.Set with their places and ranges."""
    at = 0
    for name, kind, unit, scale, description in table.fields:
        _, size, lowest, highest, reserved = telemetry._TYPES[kind]
        yield Field(name, kind, unit, scale, description, at, size, lowest, highest, reserved)
        at += size


def troubles(one: Any) -> Iterator[str]:
    """What is wrong in a dictionary, a line each."""
    role = one.role
    for table in one.sets:
        if table.size > _SET_LARGEST:
            yield f"{role}: set {table.name} has {table.size} bytes, more than {_SET_LARGEST}"
        for name, _, _, scale, _ in table.fields:
            if not _NAME.fullmatch(name):
                yield f"{role}: {table.name}.{name}: a name is a-z, 0-9 and _, up to 24 characters"
            if not scale > 0:
                yield f"{role}: {table.name}.{name}: scale {scale}"
    yield from _repeated(role, "set", [table.name for table in one.sets])
    yield from _repeated(role, "parameter", [line[0] for line in one.parameters])
    yield from _repeated(role, "event number", [line[0] for line in one.events])
    yield from _repeated(role, "event", [line[1] for line in one.events])
    yield from _repeated(role, "opcode", [line[0] for line in one.commands])
    yield from _repeated(role, "command", [line[1] for line in one.commands])
    for line in one.parameters:
        yield from _parameter(role, *line)
    for number, name, severity, _, _, _ in one.events:
        if not 0 <= number <= 255 or not 0 <= severity < len(event_table.SEVERITIES) or not _NAME.fullmatch(name):
            yield f"{role}: event {number} {name}: number, severity or name"
    for opcode, name, args, flags, _ in one.commands:
        if not 0 <= opcode <= 255 or not _NAME.fullmatch(name) or flags & ~command_table.READ:
            yield f"{role}: command {opcode} {name}: opcode, name or flags"
        yield from _repeated(role, f"argument of {name}", [argument[0] for argument in args])
        for k, argument in enumerate(args):
            yield from _argument(f"{role}: {name}", argument, k + 1 == len(args))
    if len(one.limits) > limits.MOST:
        yield f"{role}: {len(one.limits)} limits, more than {limits.MOST}"
    for line in one.limits:
        yield from _limit(one, *line)


def _repeated(role: str, what: str, keys: list[Any]) -> Iterator[str]:
    for key in {key for key in keys if keys.count(key) > 1}:
        yield f"{role}: {what} {key} stands twice"


def _parameter(
    role: str, name: str, kind: str, unit: str, scale: float, low: int, high: int, default: Any, risky: bool, _: str
) -> Iterator[str]:
    if kind not in telemetry._TYPES or not _NAME.fullmatch(name) or not scale > 0:
        yield f"{role}: parameter {name}: name, type or scale"
        return
    if isinstance(default, str):  # it stands in the board's parts.py
        default = low
    if not telemetry._TYPES[kind][2] <= low <= default <= high <= telemetry._TYPES[kind][3]:
        yield f"{role}: parameter {name}: {low} <= {default} <= {high} does not hold, or is no {kind}"


def _argument(place: str, argument: tuple[Any, ...], last: bool) -> Iterator[str]:
    name, kind, _, scale, low, high = argument
    if kind in _VARIABLE:
        if not last or low is None or high is None or not 0 <= low <= high:
            yield f"{place}: argument {name}: {kind} comes last and has lengths"
    elif kind not in telemetry._TYPES or not scale > 0:
        yield f"{place}: argument {name}: type or scale"
    else:
        least, most = arguments._range(kind, telemetry._TYPES[kind][1])
        if not least <= (least if low is None else low) <= (most if high is None else high) <= most:
            yield f"{place}: argument {name}: {low} to {high} is no range of {kind}"


def _limit(
    one: Any, field: str, low: int | None, high: int | None, persistence: int, hysteresis: int, severity: int,
    action: str | tuple[Any, ...] | None,
) -> Iterator[str]:  # fmt: skip
    place = f"{one.role}: limit of {field}"
    if field not in one.hk.names:
        yield f"{place}: no such value in its housekeeping"
        return
    kind = one.hk.fields[one.hk.names.index(field)][1]
    least, most = telemetry._TYPES[kind][2:4]
    lowest, highest = least if low is None else low, most if high is None else high
    if low is None and high is None or not least <= lowest <= highest <= most:
        yield f"{place}: {low} to {high} is no range of {kind}"
    if hysteresis < 0 or low is not None and high is not None and low + hysteresis > high - hysteresis:
        yield f"{place}: hysteresis {hysteresis} leaves nothing between {low} and {high}"
    if not 0 <= persistence < 1 << 29 or severity not in (event_table.WARNING, event_table.ERROR):
        yield f"{place}: persistence or severity"
    if action is not None:
        name, *values = (action,) if isinstance(action, str) else action
        line = next((line for line in one.commands if line[1] == name), None)
        try:
            if line is None:
                raise ValueError
            arguments.pack(line[2], values)
        except ValueError:
            yield f"{place}: {action!r} is no command with its arguments"
