"""`dragonet time`: a board's time: read, set, watched."""

from __future__ import annotations

import json
import time as wall
from typing import Annotated

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
)  # fmt: skip
from dragonet.errors import NotDone, UserError
from dragonet.ground import board_time
from dragonet.ground.board_time import BoardTime, text_of
from dragonet.ground.via import DEFAULT_BIT_RATE

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet time get eps

  dragonet time set eps --key keys/ground.key

  dragonet time set eps --to 2026-11-21T12:00:00 --restart --key keys/ground.key

  dragonet time watch beacon --every 10 --json

Boards count seconds from 2000-01-01 UTC, 86,400 a day: a leap second is taken back by the next 'set' and slewed.
Set the EPS: the others follow it within seconds. Less than a second is slewed, 0.5 ms a second; more is stepped
forward; more than a minute back needs --restart: the boards restart, so that nothing ever sees time go back.

Exit code 1: no answer, or refused; 2: a wrong argument: nothing was sent.
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Read, set and watch boards' time.")


@app.command()
def get(
    board: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """A board's time, how good it is, and how far from this computer's UTC."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found = board_time.get(one)
    if as_json:
        print(json.dumps(found.to_json()))
    else:
        _show(found)


@app.command("set")
def set_(
    board: Board,
    to: Annotated[str | None, typer.Option("--to", metavar="UTC", help="In place of this computer's time.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="More than a minute back: the boards restart.")] = False,
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Set a board's time; the EPS's is everyone's."""
    wanted = None if to is None else board_time.parse_utc(to)
    if key is None:
        raise UserError("setting the time needs a key: --key FILE ('dragonet key new' makes one)")
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        correction_s = board_time.set_(one, wanted, restart)
        restarts = restart and correction_s < -60
        after = None if restarts else board_time.get(one)
    if as_json:
        print(json.dumps({"board": board, "correction_s": correction_s, "restarts": restarts,
                          "after": after.to_json() if after else None}))  # fmt: skip
        return
    print(f"{board}: corrected by {correction_s:+.6f} s" + ("; it restarts, then set it again" if restarts else ""))
    if after is not None:
        _show(after)


@app.command()
def watch(
    board: Board,
    every: Annotated[float, typer.Option("--every", min=0.1, max=86_400.0, help="Seconds between two.")] = 5.0,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many; default: Ctrl-C.")] = None,
    via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """A line each few seconds, until Ctrl-C."""
    heard = number = 0
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        while count is None or number < count:
            if number:
                wall.sleep(every)
            number += 1
            try:
                found = board_time.get(one, tries=2)
            except NotDone as error:
                print(json.dumps({"error": str(error)}) if as_json else str(error), flush=True)
                continue
            heard += 1
            print(json.dumps(found.to_json()) if as_json else _line(found), flush=True)
    if not heard:
        raise NotDone(f"no answer from {board}")


def _line(found: BoardTime) -> str:
    state = "synchronised" if found.synchronised else "not synchronised"
    age = "never" if found.age_s is None else f"{found.age_s} s ago"
    return (
        f"{text_of(found.utc)}  {found.offset_s:+.6f} s to UTC here, round trip {found.round_ms:.1f} ms,"
        f" {state}, exchange {age}"
    )


def _show(found: BoardTime) -> None:
    table = Table(box=None, show_header=False)
    age = "never" if found.age_s is None else f"{found.age_s} s"
    exchange = "none" if found.exchange_offset_ms is None else f"{found.exchange_offset_ms:+.3f} ms"
    for name, value in (
        ("time", text_of(found.utc)),
        ("to this computer's UTC", f"{found.offset_s:+.6f} s, round trip {found.round_ms:.1f} ms"),
        ("synchronised", "yes" if found.synchronised else "no: the ground did not set it (dragonet time set eps)"),
        ("newest exchange or setting", age),
        ("still slewed", f"{found.ahead_ms:+.3f} ms"),
        ("master", "itself" if found.is_master else found.master),
        ("exchanges, lost", f"{found.exchanges}, {found.lost}"),
        ("offset, round trip", f"{exchange}, {found.exchange_round_ms:.3f} ms"),
        ("oscillator slow by", f"{found.drift_ppm:+.2f} ppm"),
    ):
        table.add_row(name, value)
    Console().print(table, highlight=False)
