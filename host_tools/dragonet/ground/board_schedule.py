"""A board's schedule and stored sequences, as it tells and takes them: firmware/core/schedule.py, sequences.py."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import Any

from dragonet import paths
from dragonet.errors import NotDone, UserError
from dragonet.ground.board_time import text_of, utc_of
from dragonet.ground.commander import Commander

paths.use_firmware()

from core import arguments, schedule, sequences  # noqa: E402

KINDS = ("at", "mission", "event")
_ENTRY = 1 + schedule.BODY_SIZE
_HEAD = struct.calcsize(schedule.LAYOUT)


@dataclass(frozen=True)
class Entry:
    """One command of the schedule. due: board seconds (at), powered seconds (mission), 0: its event has not happened.

    period_s: of an event, the delay. times: executions that are left, 0: without end. value: None: any.
    """

    number: int
    kind: str
    command: str
    due: int
    period_s: int
    times: int
    event: str
    value: int | None
    late: bool
    enabled: bool
    begun: bool

    @property
    def when(self) -> str:
        if self.kind == "at":
            return text_of(utc_of(self.due))
        if self.kind == "mission":
            return f"mission {self.due} s"
        what = self.event + ("" if self.value is None else f" {self.value}")
        return f"on {what}" + (f", now at mission {self.due} s" if self.due else "")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "when": self.when}


@dataclass(frozen=True)
class Sequence:
    """A stored sequence. steps: (delay in s, command). done: steps done, None: it does not run."""

    number: int
    steps: list[tuple[int, str]]
    goes_on: bool
    done: int | None


def entries(one: Commander) -> list[Entry]:
    """The whole schedule, by number."""
    found: list[Entry] = []
    while True:
        data = one.call("schedule_read", after=found[-1].number if found else 0).data
        if not data:
            return found
        if len(data) % _ENTRY or (found and data[0] <= found[-1].number):
            raise NotDone(f"{one.role}: an answer that is no schedule: another firmware flies")
        found += [_entry(one, data[at : at + _ENTRY]) for at in range(0, len(data), _ENTRY)]


def _entry(one: Commander, data: bytes) -> Entry:
    kind, flags, event, value, due, period, left, size = struct.unpack_from(schedule.LAYOUT, data, 1)
    command = data[1 + _HEAD : 1 + _HEAD + size]
    names = {line[0]: line[1] for line in one.dictionary.events}
    on_event = kind == schedule.EVENT
    return Entry(
        data[0], KINDS[kind] if kind < len(KINDS) else str(kind), shown(one, command), due, period, left,
        names.get(event, str(event)) if on_event else "", value if on_event and value != schedule.ANY else None,
        bool(flags & schedule.LATE), not flags & schedule.OFF, bool(flags & schedule.BEGUN),
    )  # fmt: skip


def stored(one: Commander) -> list[Sequence]:
    """Every stored sequence, by number."""
    data = one.call("sequence_list").data
    found: list[Sequence] = []
    for at in range(0, len(data), 3):
        number, _, done = data[at : at + 3]
        body = one.call("sequence_read", number=number).data
        steps = [(delay, shown(one, command)) for delay, command in _steps(body[2:])]
        found.append(Sequence(number, steps, bool(body[0] & sequences.GO_ON), None if done == 255 else done))
    return found


def _steps(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 3 <= len(data):
        delay, size = struct.unpack_from(">HB", data, at)
        found.append((delay, data[at + 3 : at + 3 + size]))
        at += 3 + size
    return found


def packed(steps: list[tuple[int, bytes]]) -> bytes:
    """Steps (delay in s, opcode and arguments) as a board stores them. UserError: too long."""
    data = b"".join(struct.pack(">HB", delay, len(command)) + command for delay, command in steps)
    if len(data) > sequences.STEPS_LAST:
        raise UserError(f"a sequence of {len(data)} bytes: at most {sequences.STEPS_LAST}, 3 a step and its command")
    return data


def event_number(one: Any, name: str) -> int:
    """Of a dictionary. UserError: there is no event of this name."""
    for line in one.events:
        if line[1] == name:
            return line[0]
    raise UserError(f"{one.role} has no event {name!r}: {', '.join(line[1] for line in one.events)}")


def free_number(found: list[Entry]) -> int:
    """The lowest that no entry has. UserError: the schedule is full."""
    used = {entry.number for entry in found}
    if len(used) >= schedule.ENTRIES:
        raise UserError(f"the schedule has {schedule.ENTRIES} entries: delete one first")
    return next(number for number in range(1, 256) if number not in used)


def shown(one: Commander, command: bytes) -> str:
    """A command as one writes it."""
    for code, name, fields, *_ in one.dictionary.commands:
        if command and code == command[0]:
            try:
                values = arguments.unpack(fields, memoryview(command)[1:])
            except ValueError:
                break
            pairs = zip(fields, values, strict=True)
            return " ".join([name] + [f"{field[0]}={_value(field, value)}" for field, value in pairs])
    return command.hex()


def _value(field: tuple[Any, ...], value: Any) -> str:
    if field[1] == "bytes":
        return bytes(value).hex()
    return value if field[1] == "text" else f"{value * field[3]:.10g}"
