"""`dragonet cmd`: command a board."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dragonet.commands.options import (
    ROUTE_HELP,
    VIA,
    AsJson,
    BitRate,
    Key,
    Timeout,
    Version,
    Via,
    commander,
    values_of,
)  # fmt: skip
from dragonet.errors import UserError
from dragonet.ground.commander import command_line, dictionary, wanted
from dragonet.ground.via import DEFAULT_BIT_RATE

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet cmd ls eps

  dragonet cmd eps noop data=48656c6c6f

  dragonet cmd beacon reset --key keys/ground.key

Arguments are NAME=VALUE: numbers in the unit that 'ls' shows, bytes in hexadecimal.

Exit code 1: no answer, or the board refused it or failed; 2: a wrong argument: nothing was sent.
"""
_READ = 1


def cmd(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="eps, beacon or sensor; or ls.")],
    name: Annotated[str, typer.Argument(metavar="COMMAND", help="What 'dragonet cmd ls BOARD' lists.")],
    values: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...")] = None,
    via: Via = VIA,
    key: Key = None,
    timeout: Timeout = 1.0,
    wait: Annotated[float, typer.Option("--wait", min=0.0, help="Seconds for what takes its time.")] = 60.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Send a command to a board, signed where the board wants that, and tell what became of it."""
    if board == "ls":
        _list(name, as_json)
        return
    line = command_line(dictionary(board), name)
    given = values_of(line, values or [])
    if not line[3] & _READ and key is None:
        raise UserError(f"command {name!r} needs a key: --key FILE ('dragonet key new' makes one)")
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        reply = one.call(name, done_s=wait, **given)
    if as_json:
        print(json.dumps({"board": board, "command": name, "status": reply.status, "data": reply.data.hex(),
                          "ms": round(reply.ms, 1)}))  # fmt: skip
    else:
        print(f"{board} {name}: {reply.status} in {reply.ms:.0f} ms{_shown(reply.data)}")


def _list(board: str, as_json: bool) -> None:
    commands = dictionary(board).commands
    if as_json:
        keys = ("name", "type", "unit", "scale", "lowest", "highest")
        print(json.dumps([
            {"opcode": code, "name": name, "arguments": [dict(zip(keys, one, strict=True)) for one in fields],
             "signed": not flags & _READ, "description": text}
            for code, name, fields, flags, text in commands
        ]))  # fmt: skip
        return
    table = Table(box=None)
    for title in ("command", "", "arguments", "what it does"):
        table.add_column(title)
    for _, name, fields, flags, text in commands:
        shown = "\n".join(f"{field[0]}: {wanted(field)}" for field in fields)
        table.add_row(name, "" if flags & _READ else "signed", shown, text)
    Console().print(table, highlight=False)


def _shown(data: bytes) -> str:
    if not data:
        return ""
    text = data.decode("ascii", "replace")
    return f": {data.hex(' ')}" + (f"  {text!r}" if text.isprintable() and text.isascii() else "")


cmd.__dict__["epilog"] = _EPILOG
