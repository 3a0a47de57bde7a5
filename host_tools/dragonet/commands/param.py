"""`dragonet param`: the parameters of a board, in their units."""

from __future__ import annotations

import json
import struct
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
    in_unit,
    raw_value,
)  # fmt: skip
from dragonet.errors import NotDone, UserError
from dragonet.flatsat.board_files import board_module
from dragonet.ground.commander import Commander, dictionary, wanted
from dragonet.ground.via import DEFAULT_BIT_RATE

from core import params, settings  # isort: skip

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet param ls eps

  dragonet param set beacon period=120 --key keys/ground.key

  dragonet param set eps low_enter=6.95 --key keys/ground.key; dragonet param confirm eps --key keys/ground.key

  dragonet param save eps eps.json; dragonet param restore eps eps.json --key keys/ground.key

A risky change is in force at once and taken back after ten minutes, or by a reset, unless it is confirmed.

Exit code 1: no answer, or refused; 2: a wrong argument: nothing was sent.
"""

app = typer.Typer(
    add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Read, change, save and restore parameters."
)
Values = Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="In the unit that 'ls' shows.")]


@app.command()
def ls(
    board: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Every parameter of a board: value, default, range."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found, left_s, crc = read_all(one)
    if as_json:
        print(json.dumps({"board": board, "hash": crc, "confirm_within_s": left_s, "parameters": found}))
        return
    table = Table(box=None)
    for title in ("parameter", "value", "unit", "default", "range", "", "what it is"):
        table.add_column(title)
    for name, item in found.items():
        state = " ".join(word for word in ("unconfirmed", "unkept") if item[word]) or ("risky" if item["risky"] else "")
        value = f"[bold]{item['value']}[/bold]" if item["value"] != item["default"] else str(item["value"])
        table.add_row(name, value, item["unit"], str(item["default"]), item["range"], state, item["description"])
    Console().print(table, highlight=False)
    if left_s:
        print(f"unconfirmed changes are taken back in {left_s} s: dragonet param confirm {board}")


@app.command()
def get(
    board: Board, name: Annotated[str, typer.Argument(metavar="NAME")], via: Via = VIA, timeout: Timeout = 1.0,
    csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """One parameter."""
    line = _line(board, name)
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        raw, flags = struct.unpack(params.VALUE_LAYOUT, one.call("param_get", name=name).data)
    _tell(board, line, raw, flags, as_json)


@app.command("set")
def set_(
    board: Board, values: Values, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Change parameters; all are checked before the first is sent."""
    wanted_values = [_pair(board, text) for text in values]
    _need(key)
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        for line, raw in wanted_values:
            _tell(board, line, *_set(one, line, raw), as_json)


@app.command()
def default(
    board: Board,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="None: all of them.")] = None,
    via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Put parameters back to their defaults."""
    for name in names or []:
        _line(board, name)
    _need(key)
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        for name in names or [""]:
            one.call("param_default", name=name)
        _, left_s, _ = read_all(one)
    note = f"; risky ones are taken back in {left_s} s unless confirmed" if left_s else ""
    print(f"{board}: {', '.join(names or ['all'])} at default{note}")


@app.command()
def confirm(
    board: Board, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Keep the risky changes that are in force."""
    _end("param_confirm", "kept", board, via, key, csp_version, bitrate, timeout)


@app.command()
def revert(
    board: Board, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Take back the risky changes that are not confirmed."""
    _end("param_revert", "taken back", board, via, key, csp_version, bitrate, timeout)


@app.command()
def save(
    board: Board, file: Annotated[Path, typer.Argument(metavar="FILE")], via: Via = VIA, timeout: Timeout = 1.0,
    csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Write the values in force to a file, in their units."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found, _, _ = read_all(one)
    values = {name: item["value"] for name, item in found.items()}
    try:
        file.write_text(json.dumps({"board": board, "parameters": values}, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    print(f"{file}: {len(values)} parameters of {board}")


@app.command()
def restore(
    board: Board, file: Annotated[Path, typer.Argument(metavar="FILE")], via: Via = VIA, key: Key = None,
    timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Set every parameter that differs from the file; all are checked before the first is sent."""
    try:
        found = json.loads(file.read_text())
        values = {str(name): value for name, value in found["parameters"].items()}
        owner = found["board"]
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{file}: no parameters: 'dragonet param save' writes them") from None
    if owner != board:
        raise UserError(f"{file} is of {owner}, not of {board}")
    pairs = [_pair(board, f"{name}={value}") for name, value in values.items()]
    _need(key)
    count = 0
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        now, _, _ = read_all(one)
        for line, raw in pairs:
            if now[line[0]]["raw"] != raw:
                _tell(board, line, *_set(one, line, raw), as_json)
                count += 1
    if not as_json:
        print(f"{board}: {count} changed, {len(pairs) - count} were as in {file}")


def read_all(one: Commander) -> tuple[dict[str, dict[str, Any]], int, int]:
    """(parameters by name, s left to confirm, hash of the values). NotDone: the board has another table."""
    table = one.dictionary.parameters
    parts = board_module(one.role, "parts")
    found: dict[str, dict[str, Any]] = {}
    left_s = crc = 0
    while len(found) < len(table):
        data = one.call("param_list", first=len(found)).data
        count, quarter, crc = struct.unpack_from(params.LIST_LAYOUT, data, 0)
        left_s = 4 * quarter
        values = [struct.unpack_from(params.VALUE_LAYOUT, data, at)
                  for at in range(params.LIST_SIZE, len(data), params.VALUE_SIZE)]  # fmt: skip
        if count != len(table) or not values:
            raise NotDone(f"{one.role} has {count} parameters, this checkout {len(table)}: another firmware flies")
        for raw, flags in values:
            line = table[len(found)]
            name, _, unit, scale, _, _, _, risky, text = line
            found[name] = {
                "value": in_unit(raw, scale), "unit": unit, "raw": raw, "range": wanted(line),
                "default": in_unit(settings.default(line, parts), scale), "risky": risky,
                "unconfirmed": bool(flags & params.UNCONFIRMED), "unkept": bool(flags & params.UNKEPT),
                "description": text,
            }  # fmt: skip
    return found, left_s, crc


def _line(board: str, name: str) -> tuple[Any, ...]:
    for line in dictionary(board).parameters:
        if line[0] == name:
            return line
    raise UserError(f"{board} has no parameter {name!r}: 'dragonet param ls {board}' lists them")


def _pair(board: str, text: str) -> tuple[tuple[Any, ...], int]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r}: write NAME=VALUE")
    line = _line(board, name)
    return line, raw_value(value, line, name)


def _need(key: Path | None) -> None:
    if key is None:
        raise UserError("changing a parameter needs a key: --key FILE ('dragonet key new' makes one)")


def _set(one: Commander, line: tuple[Any, ...], raw: int) -> tuple[int, int]:
    found = struct.unpack(params.VALUE_LAYOUT, one.call("param_set", value=raw, name=line[0]).data)
    return found[0], found[1]


def _tell(board: str, line: tuple[Any, ...], raw: int, flags: int, as_json: bool) -> None:
    value = in_unit(raw, line[3])
    unconfirmed, unkept = bool(flags & params.UNCONFIRMED), bool(flags & params.UNKEPT)
    if as_json:
        print(json.dumps({"board": board, "parameter": line[0], "value": value, "unit": line[2],
                          "unconfirmed": unconfirmed, "unkept": unkept}))  # fmt: skip
        return
    note = f", taken back in {params.CONFIRM_S} s unless confirmed" if unconfirmed else ""
    note += ", until the next reset: the board's memory does not take it" if unkept else ""
    print(f"{board} {line[0]} = {value} {line[2]}".rstrip() + note)


def _end(
    command: str, what: str, board: str, via: str, key: Path | None, csp_version: int, bitrate: int, timeout: float
) -> None:
    _need(key)
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        one.call(command)
    print(f"{board}: {what}")
