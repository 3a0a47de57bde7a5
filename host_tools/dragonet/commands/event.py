"""`dragonet event`: what happened on a board."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragonet.commands.options import ROUTE_HELP, VIA, AsJson, BitRate, Board, Timeout, Version, Via, commander
from dragonet.errors import UserError
from dragonet.ground import bus_watch, telemetry
from dragonet.ground.commander import dictionary
from dragonet.ground.keys import ROLES
from dragonet.ground.telemetry import SEVERITIES
from dragonet.ground.via import DEFAULT_BIT_RATE, open_link

from core import ports  # isort: skip

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet event ls eps

  dragonet event ls beacon --since 120 --severity warning --json

  dragonet event counts sensor

  dragonet event watch

Boards keep their newest events through resets; mission_s is powered time since separation.

Exit code 1: no answer, or nothing heard; 2: a wrong argument, no bus.
"""
_COLOURS = dict(zip(SEVERITIES, ("dim", "", "yellow", "bold red"), strict=True))
_COUNTS_ASKED = 60  # firmware/core/events.py: counts of an answer

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Read and watch events.")

Severity = Annotated[str, typer.Option("--severity", metavar="LEAST", help=f"{', '.join(SEVERITIES)}.")]


@app.command()
def ls(
    board: Board,
    via: Via = VIA,
    since: Annotated[int, typer.Option("--since", min=0, max=0xFFFFFFFF, help="First sequence number.")] = 0,
    severity: Severity = "debug",
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """The events that a board keeps, oldest first."""
    least = _least(severity)
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found = [
            each
            for each in telemetry.all_events(
                lambda sequence: one.call("event_read", sequence=sequence).data, one.dictionary, since
            )
            if SEVERITIES.index(each["severity"]) >= least
        ]
    if as_json:
        print(json.dumps(found))
        return
    table = Table(box=None)
    for title in ("sequence", "mission_s", "boots", "event", "", ""):
        table.add_column(title)
    for each in found:
        name = Text(each["name"], _COLOURS[each["severity"]])
        table.add_row(str(each["sequence"]), str(each["mission_s"]), str(each["boots"]), name, each["shown"],
                      Text(each["text"], "dim"))  # fmt: skip
    Console().print(table, highlight=False)


@app.command()
def counts(
    board: Board,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """How often each event happened since the board's boot."""
    found: dict[str, int] = {}
    losses: dict[str, int] = {}
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        for first in range(0, len(one.dictionary.events), _COUNTS_ASKED):
            some, losses = telemetry.counts(one.call("event_counts", first=first).data, one.dictionary)
            found.update(some)
    if as_json:
        print(json.dumps({"board": board, "counts": found, **losses}))
        return
    table = Table(box=None)
    for title in ("event", "count"):
        table.add_column(title, justify="right" if title == "count" else "left")
    for name, count in found.items():
        if count:
            table.add_row(name, str(count))
    Console().print(table, highlight=False)
    print(f"{losses['dropped']} only counted, {losses['unsent']} not broadcast, {losses['unknown']} of no table")


@app.command()
def watch(
    board: Annotated[str | None, typer.Argument(metavar="[BOARD]", help="None: all.")] = None,
    via: Via = VIA,
    severity: Severity = "info",
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.0, help="Stop after so long.")] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many.")] = None,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Events as the boards broadcast them, until Ctrl-C; with --json a line each."""
    if board is not None and board not in ROLES:
        raise UserError(f"board {board!r}: none of {', '.join(ROLES)}")
    least = _least(severity)
    seen = 0
    console = Console()
    with open_link(via, bitrate) as link, contextlib.suppress(KeyboardInterrupt):
        for packet in bus_watch.packets(link, csp_version, seconds, None):
            each = _event(packet, board)
            if each is None or SEVERITIES.index(each["severity"]) < least:
                continue
            seen += 1
            if as_json:
                print(json.dumps({"time": packet["time"], **each}), flush=True)
            else:
                line = f"{packet['time'][11:-1]}  {each['board']:<7} {each['name']:<17} {each['shown']}  {each['text']}"
                console.print(Text(line, _COLOURS[each["severity"]]), soft_wrap=True)
            if seen == count:
                break
    if not seen:
        raise typer.Exit(1)


def _event(packet: dict[str, Any], board: str | None) -> dict[str, Any] | None:
    """The event that a packet tells, None when it tells none of this board."""
    role = packet["src_name"]
    if packet["dport"] != ports.EVENT or role not in ROLES or board not in (None, role):
        return None
    try:
        return telemetry.event(dictionary(role), bytes.fromhex(packet["data"]))
    except ValueError:
        return None


def _least(severity: str) -> int:
    if severity not in SEVERITIES:
        raise UserError(f"--severity {severity}: one of {', '.join(SEVERITIES)}")
    return SEVERITIES.index(severity)
