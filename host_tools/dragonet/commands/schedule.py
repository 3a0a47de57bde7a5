"""`dragonet schedule`: commands at a time or after an event, and stored sequences of commands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dragonet.commands.options import (
    ROUTE_HELP,
    VIA,
    AsJson,
    BitRate,
    Board,
    Key,
    Timeout,
    Version,
    Via,
    commander,
    values_of,
)  # fmt: skip
from dragonet.errors import UserError
from dragonet.ground import board_schedule
from dragonet.ground.board_time import parse_utc, seconds_of
from dragonet.ground.commander import body, command_line, dictionary
from dragonet.ground.via import DEFAULT_BIT_RATE

from core import schedule  # isort: skip

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet schedule ls eps

  dragonet schedule add eps hk_now --at 2026-11-21T14:30:00 --late --key keys/ground.key

  dragonet schedule add beacon noop data=00 --at +600 --every 3600 --times 24

  dragonet schedule add eps sequence_run number=3 --on limit_error --value 0 --delay 10

  dragonet schedule store eps 3 steps.txt; dragonet schedule run eps 3

  dragonet schedule rm eps 1

steps.txt has a line for each step: seconds after the step before, the command, its arguments:

  0 noop data=01

  30 hk_now

An entry that comes up more than a minute late, since its board was off, is skipped, or done at once with --late.
Each execution is an event of the board. Exit code 1: no answer, or refused; 2: a wrong argument: nothing was sent.
"""

app = typer.Typer(
    add_completion=False, no_args_is_help=True, epilog=_EPILOG,
    help="Commands at a time or after an event, and stored sequences.",
)  # fmt: skip
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=255)]


@app.command()
def ls(
    board: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """The schedule and the stored sequences of a board."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found, sequences = board_schedule.entries(one), board_schedule.stored(one)
    if as_json:
        print(json.dumps({"board": board, "entries": [entry.to_json() for entry in found],
                          "sequences": [asdict(sequence) for sequence in sequences]}))  # fmt: skip
        return
    table = Table(box=None)
    for title in ("number", "when", "every or delay", "times", "", "command"):
        table.add_column(title)
    for entry in found:
        states = (("late", entry.late), ("off", not entry.enabled), ("begun", entry.begun))
        words = [word for word, said in states if said]
        period = f"{entry.period_s} s" if entry.period_s else ""
        times = str(entry.times) if entry.times else "ever"
        table.add_row(str(entry.number), entry.when, period, times, " ".join(words), entry.command)
    for sequence in sequences:
        state = ("runs " if sequence.done is not None else "") + ("goes on" if sequence.goes_on else "")
        steps = "\n".join(f"+{delay} s {command}" for delay, command in sequence.steps)
        table.add_row(str(sequence.number), "sequence", "", "", state, steps)
    Console().print(table, highlight=False)
    print(f"{len(found)} of {schedule.ENTRIES} entries, {len(sequences)} stored sequences")


@app.command()
def add(
    board: Board,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="What 'dragonet cmd ls BOARD' lists.")],
    values: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="UTC", help="2026-11-21T14:30:00, or +SECONDS.")] = None,
    mission: Annotated[int | None, typer.Option("--mission", metavar="S", min=0, help="Powered seconds.")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="EVENT", help="After an event of this board.")] = None,
    value: Annotated[int | None, typer.Option("--value", min=0, max=254, help="--on: only with this value.")] = None,
    delay: Annotated[int, typer.Option("--delay", metavar="S", min=0, help="--on: so long after it.")] = 0,
    every: Annotated[int, typer.Option("--every", metavar="S", min=0, help="Again and again.")] = 0,
    times: Annotated[int, typer.Option("--times", min=0, max=65535, help="So often; 0: without end.")] = 0,
    late: Annotated[bool, typer.Option("--late", help="Make up for it when its time was missed.")] = False,
    number: Annotated[int | None, typer.Option("--number", min=1, max=255, help="Default: the lowest free.")] = None,
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Have a board run a command later."""
    of = dictionary(board)
    what = _packed(board, command, values or [], 25)
    if (at is not None) + (mission is not None) + (on is not None) != 1:
        raise UserError("give one of --at, --mission and --on")
    if on is None and (value is not None or delay) or on is not None and every:
        raise UserError("--value and --delay go with --on, --every with --at and --mission")
    if times and not every and on is None:
        raise UserError("--times goes with --every or --on")
    kind, due, event = schedule.EVENT, 0, 0
    if on is not None:
        event = board_schedule.event_number(of, on)
    elif at is not None:
        kind, due = schedule.AT, seconds_of(parse_utc(at))
    else:
        kind, due = schedule.MISSION, mission or 0
    _need(key)
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        chosen = number or board_schedule.free_number(board_schedule.entries(one))
        one.call(
            "schedule_add", number=chosen, kind=kind, flags=schedule.LATE if late else 0, event=event,
            value=schedule.ANY if value is None else value, due=due, period=delay if on is not None else every,
            times=times, command=what,
        )  # fmt: skip
        added = next(entry for entry in board_schedule.entries(one) if entry.number == chosen)
    print(json.dumps(added.to_json()) if as_json else f"{board} {chosen}: {added.when}: {added.command}")


@app.command()
def rm(
    board: Board, number: Annotated[str, typer.Argument(metavar="NUMBER", help="Of an entry, or all.")],
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Delete an entry."""
    if number != "all" and not (number.isdecimal() and 1 <= int(number) <= 255):
        raise UserError(f"{number!r}: must be 1 to 255, or all")
    one = 0 if number == "all" else int(number)
    _call(board, via, key, csp_version, bitrate, timeout, "schedule_delete", number=one)
    print(f"{board}: {number} deleted")


@app.command()
def enable(
    board: Board, number: Number, off: Annotated[bool, typer.Option("--off", help="Off, in place of on.")] = False,
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Switch an entry on or off."""
    _call(board, via, key, csp_version, bitrate, timeout, "schedule_enable", number=number, on=int(not off))
    print(f"{board}: {number} {'off' if off else 'on'}")


@app.command()
def store(
    board: Board, number: Number, file: Annotated[Path, typer.Argument(metavar="FILE", help="A line for each step.")],
    go_on: Annotated[bool, typer.Option("--go-on", help="Also after a step that was refused or failed.")] = False,
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Keep a sequence of commands on a board, in place of what was there under this number."""
    steps = _steps(board, file)
    data = board_schedule.packed(steps)
    _call(board, via, key, csp_version, bitrate, timeout, "sequence_store", number=number, flags=int(go_on), steps=data)
    print(f"{board}: sequence {number}: {len(steps)} steps, {len(data)} bytes")


@app.command()
def forget(
    board: Board, number: Number, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Delete a stored sequence."""
    _call(board, via, key, csp_version, bitrate, timeout, "sequence_store", number=number, flags=0, steps=b"")
    print(f"{board}: sequence {number} deleted")


@app.command()
def run(
    board: Board, number: Number, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Start a stored sequence."""
    _call(board, via, key, csp_version, bitrate, timeout, "sequence_run", number=number)
    print(f"{board}: sequence {number} runs")


@app.command()
def stop(
    board: Board, number: Number, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Stop a sequence that runs."""
    _call(board, via, key, csp_version, bitrate, timeout, "sequence_stop", number=number)
    print(f"{board}: sequence {number} stopped")


def _call(
    board: str, via: str, key: Path | None, version: int, bitrate: int, timeout: float, command: str,
    **values: Any,
) -> None:  # fmt: skip
    _need(key)
    with commander(board, via, key, version, bitrate, timeout) as one:
        one.call(command, **values)


def _need(key: Path | None) -> None:
    if key is None:
        raise UserError("changing the schedule needs a key: --key FILE ('dragonet key new' makes one)")


def _packed(board: str, command: str, values: list[str], most: int) -> bytes:
    """Opcode and arguments. UserError: unknown, wrong or longer than `most` bytes."""
    line = command_line(dictionary(board), command)
    data = body(line, values_of(line, values))
    if len(data) > most:
        raise UserError(f"{command}: {len(data)} bytes with its arguments: at most {most} here")
    return data


def _steps(board: str, file: Path) -> list[tuple[int, bytes]]:
    try:
        text = file.read_text()
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{file}: no text") from None
    steps: list[tuple[int, bytes]] = []
    for at, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) < 2 or not words[0].isdecimal() or int(words[0]) > 0xFFFF:
            raise UserError(f"{file}:{at}: write SECONDS COMMAND NAME=VALUE..., at most 65535 s")
        try:
            steps.append((int(words[0]), _packed(board, words[1], words[2:], 115)))
        except UserError as error:
            raise UserError(f"{file}:{at}: {error}") from None
    if not steps:
        raise UserError(f"{file}: no steps; 'dragonet schedule forget' deletes a sequence")
    return steps
